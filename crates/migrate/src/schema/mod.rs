//! Schemas: reading one from the catalogs, comparing two, and planning the statements that lead from one to the other. SQL is
//! never parsed for that; the database itself says what it has.

pub(crate) mod catalog;
pub(crate) mod compare;
pub(crate) mod context;
pub(crate) mod hinted;
pub(crate) mod hints;
pub(crate) mod layout;
pub(crate) mod moved;
pub(crate) mod names;
pub(crate) mod object;
pub(crate) mod order;
pub(crate) mod planner;
pub(crate) mod propagate;
pub(crate) mod rename;
pub(crate) mod rename_order;
pub(crate) mod renames;
pub(crate) mod render;
pub(crate) mod spelling;
pub(crate) mod statement;
pub(crate) mod steps;
pub(crate) mod supported;
pub(crate) mod tracker;

pub use object::{ObjectKey, ObjectKind};
pub use renames::LikelyRename;
