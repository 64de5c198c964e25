//! What a schema is, and whether it is the one that migrations build: found out in a real database, never by reading SQL.

mod catalog;
mod chains;
mod compare;
mod hinted;
mod hints;
mod levels;
mod names;
mod object;
mod order;
mod plan;
mod prove;
mod renames;
mod render;
mod sayable;
mod shadow;
mod spelling;
mod spread;
mod statement;
mod steps;
mod text;

pub use object::{Key, Kind};
pub use renames::LikelyRename;

pub(super) use catalog::COMMON;
pub(super) use catalog::{Catalog, read};
pub(super) use hints::{Hint, hints};
pub(super) use plan::Manner;
pub(super) use prove::{Proposal, copy, copy_what_can_be, leading_to, propose, written};
pub(super) use shadow::{built_by, in_shadow};
