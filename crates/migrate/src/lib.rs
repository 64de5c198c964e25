#![doc = include_str!("../README.md")]
#![warn(missing_docs, clippy::missing_errors_doc)]

mod commands;
mod error;
mod event;
mod exit;
pub mod explain;
mod file;
mod lint;
mod migrator;
mod problem;
mod profile;
mod program;
mod propose;
mod record;
mod run;
mod schema;
mod search_path;
mod settings;
mod sql_text;
mod waiting;

pub mod cli;

pub use commands::agreement::{Ask, Question};
pub use commands::develop::DevelopOutcome;
pub use commands::develop_options::DevelopOptions;
pub use commands::diff::SchemaDiff;
pub use commands::drift::Drift;
pub use commands::pull::PulledSchema;
pub use commands::resolve::{Resolution, ResolvedMigration};
pub use commands::rollback::RollbackTarget;
pub use commands::squash::SquashedFiles;
pub use commands::status::{MigrationStatus, StatusLine, plan_on};
pub use commands::verify::VerifyReport;
pub use error::{FailedMigration, MigrateError, Remains, RunPurpose};
pub use event::{CompletedMigration, MigrateEvent};
pub use exit::Exit;
pub use file::checkout::Checkout;
pub use file::source::{Migration, Script, read_compiled, read_files, read_folder};
pub use file::write::{create_pair, file_name, write_atomically};
pub use lint::{Finding, LintFilter, Severity, lint};
pub use migrator::{BootPolicy, Migrator};
pub use problem::{BlockedMigration, HistoryProblem, MigrationRef, MigrationState, RunningMigration, UnknownMigration};
pub use profile::MigrationProfile;
pub use program::ProgramNames;
pub use propose::sources::SchemaSource;
pub use record::attempt::{AttemptAction, AttemptOutcome, MigrationAttempt};
pub use record::plan::MigrationPlan;
pub use schema::{LikelyRename, ObjectKey, ObjectKind};
pub use settings::{IgnorePatterns, MigrateSettings};
pub use waiting::{Blocker, LockHolder};
