//! `app migrate rollback`.

use serde_json::json;

use super::deploy::applied;
use super::progress::Progress;
use super::{Answer, Context, count};
use crate::config::Profile;
use crate::migrate::{self, Event, Exit, MigrateError, Target};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 it makes no sense as things are, 5 a failed migration stands, 7 another process is migrating, 8 in prod without --yes"
)]
pub(super) struct Options {
    /// How many of the newest to take back
    #[arg(long, value_name = "K", default_value_t = 1, conflicts_with = "to")]
    steps: usize,
    /// Take back everything that is newer than this; 0 takes back everything
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
    /// In prod: the name of the database, as a sign that it is the one you mean
    #[arg(long, value_name = "NAME_OF_DATABASE")]
    yes: Option<String>,
}

impl Options {
    pub(super) fn refusal(&self, profile: Profile) -> Option<MigrateError> {
        (profile == Profile::Prod && self.yes.is_none()).then(|| {
            MigrateError::Forbidden(
                "in prod, taking back can lose data; nothing was changed. Back up first, then say which database you mean: \
                 `app migrate rollback --yes NAME_OF_DATABASE`."
                    .to_owned(),
            )
        })
    }

    pub(super) async fn run(self, context: &Context) -> Result<Answer, MigrateError> {
        let Context { database, migrations, settings, .. } = context;
        let target = self.to.map_or(Target::Steps(self.steps), Target::To);
        let (mut progress, mut done) = (Progress::new(), Vec::new());
        let outcome = migrate::rollback(&database.direct, migrations, settings, target, self.yes.as_deref(), |event| {
            if let Event::Done(one) = &event {
                done.push(one.clone());
            }
            progress.tell(event);
        })
        .await;
        if let Err(error) = outcome {
            return Ok(Answer::from(error).with("taken_back", applied(&done)));
        }
        let text = match done.len() {
            0 => "Nothing to do: nothing of that is applied.".to_owned(),
            number => format!("{} taken back.", count(number, "migration was", "migrations were")),
        };
        Ok(Answer::new(Exit::Done, text, json!({"taken_back": applied(&done)})))
    }
}
