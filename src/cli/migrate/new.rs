//! `app migrate new`.

use serde_json::json;

use super::Answer;
use crate::domain::clock::{Clock as _, SystemClock};
use crate::migrate::{self, Exit, MigrateError};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example: app migrate new add payees\n\nExit codes: 0 done, 1 failed, 2 the name is none")]
pub(super) struct Options {
    /// What it is for, in a few words
    #[arg(required = true, value_name = "NAME")]
    name: Vec<String>,
}

impl Options {
    pub(super) fn run(self, folder: &std::path::Path) -> Result<Answer, MigrateError> {
        let files = write(folder, &self.name.join(" "))?;
        let text = format!("Fill these in, then run `app migrate dev`:\n  {}", files.join("\n  "));
        Ok(Answer::new(Exit::Done, text, json!({"files": files})))
    }
}

/// Writes an empty pair of files.
pub(super) fn write(folder: &std::path::Path, name: &str) -> Result<Vec<String>, MigrateError> {
    let paths = migrate::create(folder, name, SystemClock.now())?;
    Ok(paths.iter().map(|path| path.display().to_string()).collect())
}
