//! The migrations: which there are, which a database has, applying what is pending, and mending what went wrong.
//!
//! Everything here works on a connection of its own that is closed afterwards, whatever happened; never on one from the
//! pool, where a failed run would leave its lock behind. The record is sqlx's own table, so that its command-line tool
//! can read it too, and beside it one of our own with a row for each attempt.

mod attempt;
mod blockers;
mod checksum;
mod deploy;
mod develop;
mod drift;
mod error;
mod event;
mod execute;
mod files;
mod history;
mod ignore;
mod keep;
mod lint;
mod lock;
mod looks;
mod plan;
mod pooler;
mod problem;
mod push;
mod record;
mod repair;
mod reset;
mod resolve;
mod rights;
mod rollback;
mod schema;
mod script;
mod seed;
mod session;
mod settings;
mod side;
mod source;
mod squash;
mod statements;
mod status;
mod verify;

use std::process::ExitCode;

pub use attempt::{Action, Attempt, Outcome};
pub use blockers::Blocker;
pub use deploy::{deploy, preview};
pub use develop::{Ask, Checkout, Developed, Question, Wishes, develop};
pub use drift::Drift;
pub use error::{FailedMigration, Left, MigrateError, Purpose};
pub use event::{Deployed, Event};
pub use files::{create, file_name, rebase};
pub use lint::{Finding, LintOptions, Severity, lint};
pub use lock::Holder;
pub use plan::{Blocked, Named, Plan, RunningMigration, State, Unknown};
pub use problem::Problem;
pub use push::{Pulled, pull, push, write_whole};
pub use repair::repair;
pub use reset::reset;
pub use resolve::{Resolution, Resolved, resolve};
pub use rollback::{Target, rollback};
pub use schema::{Key, Kind, LikelyRename};
pub use seed::seed_file;
pub use session::wait;
pub use settings::Settings;
pub use side::{Difference, Side, Sources, diff};
pub use source::{Migration, Script, embedded, files, folder};
pub use squash::{SquashedFiles, squash};
pub use status::{Line, Status, status, status_on};
pub use verify::{Verified, verify};

/// What a command ends with; the numbers are a contract that scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or in step.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command makes no sense as it was given.
    Usage = 2,
    /// Migrations are pending.
    Pending = 3,
    /// The history differs: edited, missing, ahead, out of order.
    HistoryDiffers = 4,
    /// A failed or interrupted migration stands.
    FailedMigration = 5,
    /// The schema is not the one that the migrations build.
    Drift = 6,
    /// The lock was not had in time.
    LockTimeout = 7,
    /// Not in this profile.
    Forbidden = 8,
    /// Rows cannot be taken over as they are.
    RowsRefused = 10,
    /// Somebody stopped it.
    Cancelled = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
