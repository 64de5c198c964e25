//! Sessions, and everything that runs in them: the lock, scripts, privileges, emptying a database.

pub(crate) mod apply;
pub(crate) mod blockers;
pub(crate) mod connect;
pub(crate) mod direct;
pub(crate) mod drift_cache;
pub(crate) mod empty;
pub(crate) mod execute;
pub(crate) mod failure;
pub(crate) mod ignore;
pub(crate) mod lock;
pub(crate) mod pooler;
pub(crate) mod recording;
pub(crate) mod revert;
pub(crate) mod rights;
pub(crate) mod script_run;
pub(crate) mod session;
