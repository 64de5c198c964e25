#![doc = include_str!("../docs/architecture.md")]

pub mod allocator;
pub mod app;
pub mod cli;
pub mod config;
pub mod db;
pub mod domain;
pub mod features;
pub mod http;
pub mod jobs;
pub mod migrations;
pub mod program;
pub mod server;
pub mod state;
pub mod take_over;
pub mod telemetry;
