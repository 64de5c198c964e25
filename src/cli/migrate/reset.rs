//! `app migrate reset`.

use std::io::IsTerminal as _;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::deploy::applied;
use super::progress::Progress;
use super::{Answer, Context, count};
use crate::cli::database::Database;
use crate::cli::{ask, seed};
use crate::config::{Config, Location, Profile};
use crate::db::explain::{Chain, Place};
use crate::migrate::{self, Exit, MigrateError};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 nobody to ask and no --force, 7 another process is migrating, 8 in prod"
)]
pub(super) struct Options {
    /// Do not ask
    #[arg(long)]
    force: bool,
    /// Leave the sample data out
    #[arg(long)]
    skip_seed: bool,
}

impl Options {
    pub(super) fn refusal(&self, profile: Profile) -> Option<MigrateError> {
        if profile == Profile::Prod {
            Some(MigrateError::Forbidden(
                "a reset drops everything, and is not for prod; nothing was changed.".to_owned(),
            ))
        } else if !self.force && !std::io::stdin().is_terminal() {
            Some(MigrateError::Senseless(
                "a reset drops everything in the database, and there is no terminal to ask on; nothing was changed. Say it \
                 with --force."
                    .to_owned(),
            ))
        } else {
            None
        }
    }

    pub(super) async fn run(self, context: &Context) -> Result<Answer, MigrateError> {
        let Context { config, database, migrations, settings, .. } = context;
        if !self.force && !agreed(&place(config, database), &settings.cancel)? {
            return Ok(Answer::of_error(Exit::Cancelled, "cancelled", "cancelled; nothing was changed."));
        }
        let mut progress = Progress::new();
        let done = migrate::reset(&database.direct, migrations, settings, |event| progress.tell(event)).await?;
        let mut text =
            format!("Everything was dropped, and {} applied.", count(done.len(), "migration was", "migrations were"));
        let fields = json!({"applied": applied(&done)});
        if self.skip_seed {
            return Ok(Answer::new(Exit::Done, text, fields));
        }
        // The sample data belongs to the tables of this binary; a folder may hold others.
        match seed::sample(config, database).await {
            Ok(seeded) => {
                text += "\n";
                text += &seed::in_words(seeded);
                Ok(Answer::new(Exit::Done, text, fields).with("seeded", true.into()))
            }
            Err(error) => Ok(Answer::of_error(
                Exit::Failed,
                "seed_failed",
                &format!(
                    "{text} The sample data could not be put in: {} Run `app db seed` once that is mended.",
                    Chain(error.as_ref())
                ),
            )),
        }
    }
}

/// The database in words that a person recognizes it by.
fn place(config: &Config, database: &Database) -> String {
    match config.database.location {
        Location::Url(_) => Place::of(&database.direct).to_string(),
        Location::Embedded => {
            let name = database.direct.get_database().unwrap_or_default();
            format!("the database {name} in {}/postgres", config.database.data_dir.display())
        }
    }
}

fn agreed(place: &str, cancel: &CancellationToken) -> Result<bool, MigrateError> {
    let line = ask::line(&format!("Everything in {place} will be dropped. Type `yes` to go on:"), cancel)?;
    Ok(line.is_some_and(|line| line.trim() == "yes"))
}
