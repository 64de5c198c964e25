//! `app migrate dev`: the command of every day.

use serde_json::{Value, json};

use super::deploy::applied;
use super::progress::Progress;
use super::{Answer, Context, count, findings_text};
use crate::cli::ask;
use crate::config::Profile;
use crate::domain::clock::{Clock as _, SystemClock};
use crate::migrate::{self, Deployed, Developed, Event, Exit, MigrateError, Problem, Question, Wishes};

const AFTER_HELP: &str = "\
Change schema.sql, then: app migrate dev --name add_user_phone
The files are tried on a shadow database, forth and back, before they are written.

Exit codes: 0 done, 1 failed, or there is something to be written or agreed to, 2 usage, 4 the history differs, 5 a failed
migration stands, 6 the schema differs, 7 another process is migrating, 8 in prod";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    /// Write the next migration, and call it so
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only write the files, and apply nothing; an empty pair if nothing differs
    #[arg(long, requires = "name")]
    create_only: bool,
    /// Make a migration of what was done to the database by hand
    #[arg(long, requires = "name", conflicts_with = "create_only")]
    adopt: bool,
    /// Agree to lose what would be lost
    #[arg(long)]
    accept_data_loss: bool,
    /// Agree to the dropping of this table or column, such as users.nick; it is no rename then
    #[arg(long, value_name = "OBJECT")]
    drop: Vec<String>,
}

impl Options {
    pub(super) fn refusal(&self, profile: Profile) -> Option<MigrateError> {
        if profile == Profile::Prod {
            return Some(MigrateError::Forbidden(
                "`migrate dev` is for development; nothing was changed. In prod, `app migrate deploy` applies what is pending."
                    .to_owned(),
            ));
        }
        self.name.as_deref().and_then(|name| migrate::file_name(name).err())
    }

    pub(super) async fn run(self, context: &Context) -> Result<Answer, MigrateError> {
        let (mut progress, mut done) = (Progress::new(), Vec::new());
        let wishes = Wishes {
            name: self.name,
            create_only: self.create_only,
            adopt: self.adopt,
            accept_data_loss: self.accept_data_loss,
            drop: self.drop,
        };
        let cancel = &context.settings.cancel;
        let outcome = migrate::develop(
            &context.database.direct,
            &context.checkout(),
            &context.settings,
            &wishes,
            SystemClock.now(),
            |question: &Question<'_>| ask::put(question, cancel),
            |event| {
                if let Event::Done(one) = &event {
                    done.push(one.clone());
                }
                progress.tell(event);
            },
        )
        .await;
        match outcome {
            Ok((_, developed)) => Ok(answer(&developed, &done, wishes.create_only)),
            Err(error) => Ok(refused(error).with("applied", applied(&done))),
        }
    }
}

fn answer(developed: &Developed, done: &[Deployed], create_only: bool) -> Answer {
    let files: Vec<String> = developed.files.iter().map(|path| path.display().to_string()).collect();
    let mut lines = Vec::new();
    if !files.is_empty() {
        lines.push(format!("Written:\n  {}", files.join("\n  ")));
        lines.extend(section("Changes", &developed.differences));
        lines.extend(section("Know before it is deployed", &developed.hazards));
    }
    if !developed.findings.is_empty() {
        lines.push(format!("`app migrate lint` finds:\n{}", findings_text(&developed.findings).trim_end()));
    }
    let unfinished = !developed.by_hand.is_empty();
    if unfinished {
        lines.extend(section("To be written by hand", &developed.by_hand));
        lines.push(
            "The first file is not finished, and will not be applied: write what it asks for, take its line `-- check: select \
             false` out, and run `app migrate dev` again."
                .to_owned(),
        );
    } else if developed.recorded {
        lines.push("The database has it already: it is on record as applied.".to_owned());
    } else if !developed.files.is_empty() && (create_only || developed.differences.is_empty()) {
        let what = if developed.differences.is_empty() { "Fill these in" } else { "Look at these" };
        lines.push(format!("{what}, then run `app migrate dev`."));
    }
    if developed.kept {
        lines.push("What it makes was written at the end of schema.sql; put it where it belongs.".to_owned());
    }
    if !create_only {
        lines.push(match done.len() {
            0 if files.is_empty() && !developed.no_schema => {
                "Nothing to do: the database and schema.sql are what the migrations build.".to_owned()
            }
            0 if files.is_empty() => "Nothing to apply: the database is up to date.".to_owned(),
            0 => String::new(),
            number => format!("{} applied.", count(number, "migration was", "migrations were")),
        });
    }
    let fields = json!({
        "applied": applied(done),
        "files": files,
        "differences": developed.differences,
        "hazards": developed.hazards,
        "by_hand": developed.by_hand,
        "findings": developed.findings,
        "recorded": developed.recorded,
        "schema_updated": developed.kept,
    });
    let exit = if unfinished { Exit::Failed } else { Exit::Done };
    lines.retain(|line| !line.is_empty());
    Answer::new(exit, lines.join("\n"), fields)
}

/// A heading and what stands under it; nothing if there is nothing.
pub(super) fn section(heading: &str, lines: &[String]) -> Option<String> {
    (!lines.is_empty()).then(|| format!("{heading}:\n  {}", lines.join("\n  ")))
}

/// In development there is one way more out of a history that differs; it is named, and never taken by itself.
fn refused(error: MigrateError) -> Answer {
    let way_out = match &error {
        MigrateError::Refused(Problem::Edited(_) | Problem::Unknown(_) | Problem::Failed(_)) => {
            "\nOr start over: `app migrate reset` drops everything in the database, applies all migrations and seeds."
        }
        _ => "",
    };
    Answer::from(error).and_say(way_out).with("files", Value::Array(Vec::new()))
}
