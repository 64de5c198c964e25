#![doc = include_str!("../docs/architecture.md")]

pub mod app;
pub mod config;
pub mod db;
pub mod domain;
pub mod features;
pub mod http;
pub mod migrate;
