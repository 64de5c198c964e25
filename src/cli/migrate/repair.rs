//! `app migrate repair`.

use serde_json::json;

use super::{Answer, Context};
use crate::migrate::{self, Exit, MigrateError};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 there is nothing to repair, 6 the file builds another schema now"
)]
pub(super) struct Options {
    /// The version of the edited file
    version: i64,
}

impl Options {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, MigrateError> {
        let Context { database, migrations, settings, .. } = context;
        let name = migrate::repair(&database.direct, migrations, settings, self.version).await?;
        let text = format!(
            "{} {name} builds the same schema as before; its checksum on record is that of the file now.",
            self.version
        );
        Ok(Answer::new(Exit::Done, text, json!({"version": self.version, "name": name})))
    }
}
