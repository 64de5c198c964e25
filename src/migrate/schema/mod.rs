//! What a schema is, and whether it is the one that migrations build: found out in a real database, never by reading SQL.

mod catalog;
mod shadow;

pub(super) use catalog::read;
pub(super) use shadow::built_by;
