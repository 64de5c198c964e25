//! `app config`.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::globals::Globals;
use crate::config::{Config, ConfigPurpose, Location, ShownSetting};
use migrate_toolkit::cli::terminal;

#[derive(Debug, clap::Args)]
pub(super) struct ConfigOptions {
    /// Print one JSON document on standard output
    #[arg(long)]
    json: bool,
}

impl ConfigOptions {
    pub(super) fn run(&self, globals: &Globals) -> anyhow::Result<ExitCode> {
        let config = globals.config(ConfigPurpose::Serve)?;
        if self.json {
            let settings = config.settings.iter().map(|shown| {
                let (value, origin) = in_force(&config, shown);
                json!({"key": shown.key, "value": value, "origin": origin})
            });
            let settings: Vec<Value> = settings.collect();
            terminal::answer(json!({"profile": config.profile.name(), "settings": settings}));
            return Ok(ExitCode::SUCCESS);
        }
        terminal::answer(format_args!("profile = {}", config.profile));
        let width = config.settings.iter().map(|shown| shown.key.len()).max().unwrap_or_default();
        for shown in &config.settings {
            match in_force(&config, shown) {
                (Some(value), origin) => terminal::answer(format_args!("{:width$} = {value}  # {origin}", shown.key)),
                (None, origin) => terminal::answer(format_args!("{:width$} =   # {origin}", shown.key)),
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The value of a setting and its origin; for a setting that is left out, a description of what takes its place.
fn in_force(config: &Config, shown: &ShownSetting) -> (Option<String>, String) {
    let private = matches!(config.database.location, Location::Embedded);
    let data = config.database.data_dir.display();
    let not_set = |instead: String| (None, format!("not set: {instead}"));
    match (shown.key, &shown.value) {
        ("database.url", None) if private => not_set(format!("a private PostgreSQL in {data}/postgres")),
        ("database.embedded", Some(_)) if private => (Some("true".to_owned()), "as database.url is not set".to_owned()),
        ("auth.jwt_secret", None) => {
            not_set(format!("the key in {data}/jwt-secret, which is generated if it is missing"))
        }
        (_, value) => (value.clone(), shown.origin.clone()),
    }
}
