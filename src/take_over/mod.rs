//! Takes over the database of the original service: reads it from one of three sources, checks its rows, writes them,
//! proves that nothing was lost; and undoes all that.
//!
//! Everything happens in one database transaction. From any source, the original's two tables are available as
//! `original_users` and `original_transactions`, either as views or as temporary copies, so that all later steps,
//! including the proof, use the same SQL.

mod addresses;
mod compare;
mod copy_format;
mod dump;
mod dump_lines;
mod entry;
mod error;
mod format;
mod names;
mod options;
mod proof;
mod proof_days;
mod recognize;
mod refusal;
mod remote;
mod rows;
mod session;
mod set_aside;
mod source;
mod sql;
mod tables;
mod transfer;
mod trust;
mod undo;
mod undo_keep;
mod write;

pub use addresses::{AddressFile, read_address_file};
pub use error::TakeOverError;
pub use format::grouped;
pub use options::{Amounts, DayRule, Repairs, SET_ASIDE_SCHEMA, SourceLocation, TakeOverRequest};
pub use proof::{Comparison, Examples, Proof};
pub use proof_days::{DayReport, MonthDifference};
pub use refusal::{Refusal, SHOWN_IDS};
pub use rows::AmountReadings;
pub use session::ProgressReport;
pub use transfer::{TakeOverResult, preview, take_over};
pub use undo::{ChangesSince, UndoOutcome, UndoRequest, undo};
