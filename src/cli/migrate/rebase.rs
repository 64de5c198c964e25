//! `app migrate rebase`.

use serde_json::json;

use super::{Answer, Context};
use crate::domain::clock::{Clock as _, SystemClock};
use crate::migrate::{self, Exit, MigrateError};

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 it is applied already, or is no file")]
pub(super) struct Options {
    /// The version of the file that came late
    version: i64,
}

impl Options {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, MigrateError> {
        let Context { database, migrations, settings, .. } = context;
        let now = SystemClock.now();
        let (version, paths) = migrate::rebase(&database.direct, migrations, settings, self.version, now).await?;
        let files: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let text = format!("{} is now {version}:\n  {}", self.version, files.join("\n  "));
        Ok(Answer::new(Exit::Done, text, json!({"from": self.version, "to": version, "files": files})))
    }
}
