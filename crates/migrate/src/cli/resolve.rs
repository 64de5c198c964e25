//! `migrate resolve`.

use serde_json::json;

use crate::cli::context::CommandContext;
use crate::cli::output::CommandOutput;
use crate::cli::words::count;
use crate::commands::resolve::Resolution;
use crate::error::MigrateError;
use crate::exit::Exit;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 not applicable in the current state, 6 the schema is not the one that the \
                  migration builds"
)]
#[group(id = "what", required = true, multiple = false)]
pub(crate) struct ResolveOptions {
    /// All of it is in the database. If it was never run here, the schema has to be the one that it builds
    #[arg(long, value_name = "VERSION", group = "what")]
    applied: Option<i64>,
    /// Nothing of it is in the database any more
    #[arg(long, value_name = "VERSION", group = "what")]
    rolled_back: Option<i64>,
}

impl ResolveOptions {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<CommandOutput, MigrateError> {
        let (resolution, word) = match (self.applied, self.rolled_back) {
            (Some(version), _) => (Resolution::Applied(version), "applied"),
            (None, Some(version)) => (Resolution::RolledBack(version), "rolled back"),
            (None, None) => {
                return Err(MigrateError::InvalidRequest("--applied or --rolled-back is needed".to_owned()));
            }
        };
        let resolved = context.migrator.resolve(resolution).await?;
        let verified =
            if resolved.verified { "; the schema is the one that the migrations up to it build" } else { "" };
        let again = match resolved.run_again {
            0 => String::new(),
            number => format!(
                " It has no transaction, and its last attempt completed {}: the next deploy begins with its first again, so \
                 what they did has to be undone, or do no harm when it is done twice.",
                count(number as usize, "statement", "statements")
            ),
        };
        let text = format!("{} {} is on record as {word}{verified}.{again}", resolved.version, resolved.name);
        let fields = json!({
            "version": resolved.version,
            "name": resolved.name,
            "resolved_as": word,
            "verified": resolved.verified,
            "run_again": resolved.run_again,
        });
        Ok(CommandOutput::new(Exit::Done, text, fields))
    }
}
