//! `app migrate squash`.

use serde_json::json;

use super::{Answer, Context, count};
use crate::config::Profile;
use crate::migrate::{self, Exit, MigrateError};

#[derive(Debug, clap::Args)]
#[command(after_help = "A database that has all of them has nothing to do; a fresh one begins with the new file.\n\n\
                        Exit codes: 0 done, 1 failed, 2 there is nothing to squash, 8 in prod")]
pub(super) struct Options {
    /// The newest of those that become one file
    #[arg(long, value_name = "VERSION")]
    to: i64,
}

impl Options {
    pub(super) fn refusal(profile: Profile) -> Option<MigrateError> {
        (profile == Profile::Prod).then(|| {
            MigrateError::Forbidden(
                "`migrate squash` works on a checkout, and is not for prod; no file was touched.".to_owned(),
            )
        })
    }

    pub(super) async fn run(self, context: &Context) -> Result<Answer, MigrateError> {
        let checkout = context.checkout();
        let done = migrate::squash(&context.database.direct, &checkout, &context.settings, self.to).await?;
        let files: Vec<String> = done.written.iter().map(|path| path.display().to_string()).collect();
        let removed: Vec<String> = done.removed.iter().map(|path| path.display().to_string()).collect();
        let text = format!(
            "{} became:\n  {}\nIt builds the same schema. Databases that have them all have nothing to do.",
            count(removed.len(), "file", "files"),
            files.join("\n  ")
        );
        Ok(Answer::new(Exit::Done, text, json!({"files": files, "removed": removed})))
    }
}
