//! `push`: brings a database to the schema file, without a migration.

use crate::commands::agreement::{Ask, accept_losses, confirmed_renames};
use crate::commands::develop_options::DevelopOptions;
use crate::commands::diff::SchemaDiff;
use crate::error::{MigrateError, RunPurpose};
use crate::file::script::PreparedScript;
use crate::file::source::Script;
use crate::migrator::Migrator;
use crate::profile::MigrationProfile;
use crate::propose::proposal::Proposal;
use crate::propose::sources::{SchemaSource, SourceFiles, propose_between};
use crate::run::execute::execute_unrecorded;
use crate::run::script_run::ScriptRun;
use crate::run::session::MigrationSession;
use crate::schema::context::PlanMode;
use crate::schema::hints::rename_hints;

impl Migrator {
    /// Brings the database to the schema file, in one transaction. Returns the changes.
    ///
    /// # Errors
    /// [`MigrateError::Forbidden`] in production, [`MigrateError::Unsafe`] if data would be lost and nobody agreed to it; then
    /// nothing was changed.
    pub async fn push(
        &self,
        desired: &Script,
        options: &DevelopOptions,
        mut ask: impl Ask,
    ) -> Result<SchemaDiff, MigrateError> {
        if self.settings.profile == MigrationProfile::Prod {
            return Err(MigrateError::Forbidden(
                "a push changes the schema without a migration, and is not for prod; nothing was changed.".to_owned(),
            ));
        }
        let sources = SourceFiles { migrations: &[], desired: Some(desired) };
        let mut hints = rename_hints(desired.text());
        loop {
            let proposal = MigrationSession::with_lock(&self.database, &self.settings, async |session| {
                let sides = (SchemaSource::Database, SchemaSource::Desired);
                propose_between(session, sources, sides, &hints, PlanMode::SingleTransaction).await
            })
            .await?;
            let more = confirmed_renames(&proposal, options, &mut ask)?;
            if !more.is_empty() {
                hints.extend(more);
                continue;
            }
            if !proposal.by_hand.is_empty() {
                return Err(MigrateError::Unsafe {
                    summary: "no safe way was found; nothing was changed:".to_owned(),
                    details: proposal.by_hand,
                });
            }
            accept_losses(&proposal, options, &mut ask)?;
            self.apply_proposal(&proposal).await?;
            return Ok(proposal.into());
        }
    }

    async fn apply_proposal(&self, proposal: &Proposal) -> Result<(), MigrateError> {
        let text: String = proposal.drafts.iter().map(|draft| draft.up.as_str()).collect();
        let script = Script::new("the changes to schema.sql".to_owned(), text);
        let prepared = PreparedScript::new(&script)?;
        let run = ScriptRun::unrecorded(&prepared, RunPurpose::Push);
        MigrationSession::with_lock(&self.database, &self.settings, async |session| {
            execute_unrecorded(session, &run, &mut |_| ()).await
        })
        .await
    }
}
