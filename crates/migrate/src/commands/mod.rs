//! The commands, a file each. Most are methods of [`crate::Migrator`].

pub(crate) mod agreement;
pub(crate) mod boot;
pub(crate) mod deploy;
pub(crate) mod develop;
pub(crate) mod develop_options;
pub(crate) mod diff;
pub(crate) mod drift;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod rebase;
pub(crate) mod repair;
pub(crate) mod reset;
pub(crate) mod resolve;
pub(crate) mod rollback;
pub(crate) mod seed;
pub(crate) mod squash;
pub(crate) mod status;
pub(crate) mod sync_schema;
pub(crate) mod verify;
