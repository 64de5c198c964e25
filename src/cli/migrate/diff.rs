//! `app migrate diff`.

use clap::ValueEnum;
use serde_json::json;

use super::dev::section;
use super::{Answer, Context, count};
use crate::migrate::{self, Exit, MigrateError, Side, Sources};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example: app migrate diff --from migrations --to schema.sql --script\n\n\
                  Exit codes: 0 nothing differs, or the SQL was printed, 1 failed, or no SQL could be written, 6 something differs")]
pub(super) struct Options {
    /// What there is
    #[arg(long, value_name = "SIDE")]
    from: Choice,
    /// What there should be
    #[arg(long, value_name = "SIDE")]
    to: Choice,
    /// Print the SQL that leads from one to the other
    #[arg(long)]
    script: bool,
    /// Print it though something would be lost by it
    #[arg(long)]
    accept_data_loss: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// What the migrations build
    Migrations,
    /// The file of the desired schema
    #[value(name = "schema.sql")]
    Desired,
    /// What the database has
    Database,
    /// Nothing
    Empty,
}

impl From<Choice> for Side {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Migrations => Self::Migrations,
            Choice::Desired => Self::Desired,
            Choice::Database => Self::Database,
            Choice::Empty => Self::Empty,
        }
    }
}

impl Options {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, MigrateError> {
        let desired = context.checkout().desired()?;
        let sources = Sources { migrations: &context.migrations, desired: desired.as_ref() };
        let sides = (self.from.into(), self.to.into());
        let found = migrate::diff(&context.database.direct, sources, &context.settings, sides).await?;
        // A statement that loses something is not given to those who did not ask for it.
        let agreed = found.losses.is_empty() || self.accept_data_loss;
        if self.script && !agreed {
            return Err(MigrateError::Unsafe {
                summary: "data would be lost; the SQL is not printed. If it may be, say so with --accept-data-loss:"
                    .to_owned(),
                details: found.losses,
            });
        }
        let files = if agreed { found.files.as_slice() } else { &[] };
        let fields = json!({
            "differences": found.differences,
            "files": files.iter().map(|(up, down)| json!({"up": up, "down": down})).collect::<Vec<_>>(),
            "data_loss": found.losses,
            "hazards": found.hazards,
            "by_hand": found.by_hand,
        });
        let exit = match (found.differences.is_empty(), self.script) {
            (true, _) => Exit::Done,
            (false, true) if found.by_hand.is_empty() => Exit::Done,
            (false, true) => Exit::Failed,
            (false, false) => Exit::Drift,
        };
        let text = if self.script {
            found.script().trim_end().to_owned()
        } else if found.differences.is_empty() {
            "Nothing differs.".to_owned()
        } else {
            let mut lines = found.differences.clone();
            lines.push(format!("{}.", count(found.differences.len(), "difference", "differences")));
            lines.extend(section("Data would be lost", &found.losses));
            lines.extend(section("To be written by hand", &found.by_hand));
            lines.join("\n")
        };
        Ok(Answer::new(exit, text, fields))
    }
}
