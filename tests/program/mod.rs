//! The real binary: its commands, how it starts and stops, and what it keeps when it is killed.

mod commands;
mod crash;
mod embedded;
mod first_use;
mod invites;
mod modes;
mod pages;
mod readiness;
mod security_log;
mod shutdown;
