//! `app migrate dev`: the command of every day.

use serde_json::json;

use super::deploy::applied;
use super::progress::Progress;
use super::{Answer, Context, count, new};
use crate::config::Profile;
use crate::migrate::{self, Event, Exit, MigrateError, Problem};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 4 the history differs, 5 a failed migration stands, 7 another process is migrating, 8 in prod"
)]
pub(super) struct Options {
    /// Then write an empty pair of files with this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only write the files, and apply nothing
    #[arg(long, requires = "name")]
    create_only: bool,
}

impl Options {
    pub(super) fn refusal(profile: Profile) -> Option<MigrateError> {
        (profile == Profile::Prod).then(|| {
            MigrateError::Forbidden(
                "`migrate dev` is for development; nothing was changed. In prod, `app migrate deploy` applies what is pending."
                    .to_owned(),
            )
        })
    }

    pub(super) async fn run(self, context: &Context) -> Result<Answer, MigrateError> {
        let Context { database, migrations, settings, folder, .. } = context;
        let (mut progress, mut done) = (Progress::new(), Vec::new());
        if !self.create_only {
            let outcome = migrate::deploy(&database.direct, migrations, settings, |event| {
                if let Event::Done(one) = &event {
                    done.push(one.clone());
                }
                progress.tell(event);
            })
            .await;
            if let Err(error) = outcome {
                return Ok(refused(error).with("applied", applied(&done)));
            }
        }
        let mut text = match done.len() {
            _ if self.create_only => String::new(),
            0 => "Nothing to apply: the database is up to date.\n".to_owned(),
            number => format!("{} applied.\n", count(number, "migration was", "migrations were")),
        };
        let files = self.name.map(|name| new::write(folder, &name)).transpose()?.unwrap_or_default();
        if !files.is_empty() {
            text += &format!("Fill these in, then run `app migrate dev` again:\n  {}\n", files.join("\n  "));
        }
        Ok(Answer::new(Exit::Done, text.trim_end(), json!({"applied": applied(&done), "files": files})))
    }
}

/// In development there is one way more out of a history that differs; it is named, and never taken by itself.
fn refused(error: MigrateError) -> Answer {
    let way_out = match &error {
        MigrateError::Refused(Problem::Edited(_) | Problem::Unknown(_) | Problem::Failed(_)) => {
            "\nOr start over: `app migrate reset` drops everything in the database, applies all migrations and seeds."
        }
        _ => "",
    };
    Answer::from(error).and_say(way_out)
}
