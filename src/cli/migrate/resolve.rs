//! `app migrate resolve`.

use serde_json::json;

use super::{Answer, Context};
use crate::migrate::{self, Exit, MigrateError, Resolution};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 it makes no sense as things are, 6 the schema is not the one that the migration builds"
)]
#[group(id = "what", required = true, multiple = false)]
pub(super) struct Options {
    /// All of it is in the database. One that was never run here is verified: the schema has to be the one that it builds
    #[arg(long, value_name = "VERSION", group = "what")]
    applied: Option<i64>,
    /// Nothing of it is in the database any more
    #[arg(long, value_name = "VERSION", group = "what")]
    rolled_back: Option<i64>,
}

impl Options {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, MigrateError> {
        let (resolution, word) = match (self.applied, self.rolled_back) {
            (Some(version), _) => (Resolution::Applied(version), "applied"),
            (None, Some(version)) => (Resolution::RolledBack(version), "rolled back"),
            (None, None) => return Err(MigrateError::Senseless("--applied or --rolled-back is needed".to_owned())),
        };
        let Context { database, migrations, settings, .. } = context;
        let resolved = migrate::resolve(&database.direct, migrations, settings, resolution).await?;
        let verified =
            if resolved.verified { "; the schema is the one that the migrations up to it build" } else { "" };
        let text = format!("{} {} is on record as {word}{verified}.", resolved.version, resolved.name);
        let fields = json!({
            "version": resolved.version,
            "name": resolved.name,
            "resolved_as": word,
            "verified": resolved.verified,
        });
        Ok(Answer::new(Exit::Done, text, fields))
    }
}
