//! `diff`: the differences between two schemas, and the SQL that leads from one to the other.

use crate::error::MigrateError;
use crate::file::source::Script;
use crate::migrator::Migrator;
use crate::propose::proposal::Proposal;
use crate::propose::sources::{SchemaSource, SourceFiles, propose_between};
use crate::run::session::MigrationSession;
use crate::schema::context::PlanMode;
use crate::schema::hints::{RenameHint, rename_hints};

/// The differences between two schemas, and the SQL that leads from one to the other.
#[derive(Debug, Clone)]
pub struct SchemaDiff {
    /// The differences, one object a line.
    pub differences: Vec<String>,
    /// Pairs of scripts that lead from one schema to the other and back, in order. A script that begins with
    /// `-- no-transaction` is to be run statement by statement.
    pub files: Vec<(String, String)>,
    /// Data that would be lost.
    pub losses: Vec<String>,
    /// Other hazards of the scripts.
    pub hazards: Vec<String>,
    /// Differences for which no SQL was written, with the reasons.
    pub by_hand: Vec<String>,
}

impl SchemaDiff {
    /// All of the SQL that leads from one schema to the other.
    #[must_use]
    pub fn script(&self) -> String {
        self.files.iter().map(|(up, _)| up.as_str()).collect::<Vec<_>>().join("\n")
    }
}

impl From<Proposal> for SchemaDiff {
    fn from(proposal: Proposal) -> Self {
        Self {
            files: proposal.drafts.into_iter().map(|draft| (draft.up, draft.down)).collect(),
            differences: proposal.differences,
            losses: proposal.losses,
            hazards: proposal.hazards,
            by_hand: proposal.by_hand,
        }
    }
}

impl Migrator {
    /// Compares two schemas. `desired` is the schema file. Only a shadow database is changed.
    ///
    /// # Errors
    /// [`MigrateError`] if one of the schemas cannot be built.
    pub async fn diff(
        &self,
        desired: Option<&Script>,
        from: SchemaSource,
        to: SchemaSource,
    ) -> Result<SchemaDiff, MigrateError> {
        let sources = SourceFiles { migrations: &self.migrations, desired };
        let hints = hints_on_the_way(desired, to);
        MigrationSession::with(&self.database, &self.settings, async |session| {
            propose_between(session, sources, (from, to), &hints, PlanMode::Online).await.map(SchemaDiff::from)
        })
        .await
    }
}

/// The renames that the schema file names. They apply only on the way to it.
fn hints_on_the_way(desired: Option<&Script>, to: SchemaSource) -> Vec<RenameHint> {
    desired.filter(|_| to == SchemaSource::Desired).map_or_else(Vec::new, |script| rename_hints(script.text()))
}
