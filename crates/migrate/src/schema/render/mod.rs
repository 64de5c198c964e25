//! Writes the SQL of each step of a plan, a file a group of objects.

pub(crate) mod attached;
pub(crate) mod behaviour;
pub(crate) mod column;
pub(crate) mod constraint;
pub(crate) mod conversion;
pub(crate) mod dispatch;
pub(crate) mod fragments;
pub(crate) mod numbers;
pub(crate) mod table;
pub(crate) mod types;
