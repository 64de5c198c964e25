//! `app migrate lint [FILES]`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Answer, count, findings_text, some};
use crate::migrate::{self, Exit, Finding, MigrateError, Migration};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "A finding is silenced in the file, above the statement: -- squawk-ignore RULE -- because …\n\n\
                        Exit codes: 0 clean, 1 something was found"
)]
pub(super) struct Options {
    /// The files to look at [default: every .up.sql there is]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Options {
    /// Looks at files alone, and needs no database.
    pub(super) fn run(self, source: Option<&Path>) -> Result<Answer, MigrateError> {
        let migrations = match (self.files.is_empty(), source) {
            (false, _) => migrate::files(&self.files)?,
            (true, Some(folder)) => some(migrate::folder(folder)?, folder)?,
            (true, None) => migrate::embedded(),
        };
        Ok(answer(&migrations, &migrate::lint(&migrations)))
    }
}

fn answer(migrations: &[Migration], findings: &[Finding]) -> Answer {
    let details = json!({"files": migrations.len(), "findings": findings});
    let files = count(migrations.len(), "file", "files");
    if findings.is_empty() {
        return Answer::new(Exit::Done, format!("{files} looked at, nothing found."), details);
    }
    let mut text = findings_text(findings);
    text += &format!("{files} looked at, {} found.", count(findings.len(), "thing was", "things were"));
    Answer::new(Exit::Failed, text, details)
}
