//! The record of a database: reading it, comparing it with the files, writing it.

pub(crate) mod attempt;
pub(crate) mod history;
pub(crate) mod plan;
pub(crate) mod recorder;
