//! The schemas that can be compared: that of the migrations, of the schema file, of a database, and an empty one.

use crate::error::{MigrateError, RunPurpose};
use crate::file::script::PreparedScript;
use crate::file::source::{Migration, Script};
use crate::propose::proposal::{Proposal, copy, propose};
use crate::propose::shadow::in_shadow;
use crate::run::apply::apply_pending;
use crate::run::empty::empty;
use crate::run::execute::execute_unrecorded;
use crate::run::script_run::ScriptRun;
use crate::run::session::MigrationSession;
use crate::schema::catalog::{Catalog, read_catalog};
use crate::schema::context::PlanMode;
use crate::schema::hints::RenameHint;

/// A schema to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SchemaSource {
    /// The schema that the migrations build
    Migrations,
    /// The schema file
    #[value(name = "schema.sql")]
    Desired,
    /// The schema of the database
    Database,
    /// An empty schema
    Empty,
}

/// The files that schemas are built from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceFiles<'a> {
    pub migrations: &'a [Migration],
    /// The schema file.
    pub desired: Option<&'a Script>,
}

/// Works out how to get from one schema to another, and tries it in a shadow database.
pub(crate) async fn propose_between(
    session: &mut MigrationSession<'_>,
    sources: SourceFiles<'_>,
    (from, to): (SchemaSource, SchemaSource),
    hints: &[RenameHint],
    mode: PlanMode,
) -> Result<Proposal, MigrateError> {
    let database = session.schema().await?;
    in_shadow(session, async |shadow| {
        let target = if to == SchemaSource::Database {
            database.clone()
        } else {
            let target = build(shadow, sources, to, &database).await?;
            empty(shadow).await?;
            target
        };
        build(shadow, sources, from, &database).await?;
        propose(shadow, &target, hints, mode).await
    })
    .await
}

/// Builds a schema in an empty shadow database.
pub(crate) async fn build(
    shadow: &mut MigrationSession<'_>,
    sources: SourceFiles<'_>,
    source: SchemaSource,
    database: &Catalog,
) -> Result<Catalog, MigrateError> {
    match source {
        SchemaSource::Migrations => drop(apply_pending(shadow, sources.migrations, &mut |_| ()).await?),
        SchemaSource::Desired => load(shadow, sources.desired).await?,
        SchemaSource::Database => drop(copy(shadow, database).await?),
        SchemaSource::Empty => {}
    }
    Ok(read_catalog(&mut shadow.connection).await?.without_states())
}

async fn load(shadow: &mut MigrationSession<'_>, script: Option<&Script>) -> Result<(), MigrateError> {
    let Some(script) = script else {
        let pull = shadow
            .settings
            .names
            .pull
            .map_or_else(|| "Name it".to_owned(), |pull| format!("`{pull}` writes one from the database, or name it"));
        return Err(MigrateError::InvalidRequest(format!(
            "there is no schema.sql here; nothing was changed. {pull} with --schema."
        )));
    };
    let prepared = PreparedScript::new(script)?;
    execute_unrecorded(shadow, &ScriptRun::unrecorded(&prepared, RunPurpose::Load), &mut |_| ()).await
}
