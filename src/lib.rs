#![doc = include_str!("../docs/architecture.md")]

pub mod config;
pub mod domain;
