//! Tests of the real binary: commands, start and stop, and durability when it is killed.

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
