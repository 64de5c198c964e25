//! Proposals: the SQL that leads from one schema to another, tried in a shadow database before anybody sees it.

pub(crate) mod distribution;
pub(crate) mod proposal;
pub(crate) mod shadow;
pub(crate) mod sources;
pub(crate) mod text;
pub(crate) mod trial;
