//! `migrate diff`.

use serde_json::json;

use crate::cli::context::CommandContext;
use crate::cli::output::CommandOutput;
use crate::cli::words::{count, section};
use crate::error::MigrateError;
use crate::exit::Exit;
use crate::propose::sources::SchemaSource;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example: migrate diff --from migrations --to schema.sql --script\n\n\
                  Exit codes: 0 no differences, or the SQL was printed, 1 failed, or no SQL could be written, 6 the schemas differ")]
pub(crate) struct DiffOptions {
    /// The present schema
    #[arg(long, value_name = "SCHEMA")]
    from: SchemaSource,
    /// The desired schema
    #[arg(long, value_name = "SCHEMA")]
    to: SchemaSource,
    /// Print the SQL that leads from one to the other
    #[arg(long)]
    script: bool,
    /// Print it although it loses data
    #[arg(long)]
    accept_data_loss: bool,
}

impl DiffOptions {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<CommandOutput, MigrateError> {
        let desired = context.checkout.desired()?;
        let diff = context.migrator.diff(desired.as_ref(), self.from, self.to).await?;
        // SQL that loses data is printed only for those who asked for it.
        let is_agreed = diff.losses.is_empty() || self.accept_data_loss;
        if self.script && !is_agreed {
            return Err(MigrateError::Unsafe {
                summary: "data would be lost; the SQL is not printed. To print it, add --accept-data-loss:".to_owned(),
                details: diff.losses,
            });
        }
        let files = if is_agreed { diff.files.as_slice() } else { &[] };
        let fields = json!({
            "differences": diff.differences,
            "files": files.iter().map(|(up, down)| json!({"up": up, "down": down})).collect::<Vec<_>>(),
            "data_loss": diff.losses,
            "hazards": diff.hazards,
            "by_hand": diff.by_hand,
        });
        let exit = match (diff.differences.is_empty(), self.script) {
            (true, _) => Exit::Done,
            (false, true) if diff.by_hand.is_empty() => Exit::Done,
            (false, true) => Exit::Failed,
            (false, false) => Exit::Drift,
        };
        let text = if self.script {
            diff.script().trim_end().to_owned()
        } else if diff.differences.is_empty() {
            "No differences.".to_owned()
        } else {
            let mut lines = diff.differences.clone();
            lines.push(format!("{}.", count(diff.differences.len(), "difference", "differences")));
            lines.extend(section("Data would be lost", &diff.losses));
            lines.extend(section("To be written by hand", &diff.by_hand));
            lines.join("\n")
        };
        Ok(CommandOutput::new(exit, text, fields))
    }
}
