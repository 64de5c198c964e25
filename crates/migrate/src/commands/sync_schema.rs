//! Keeps the schema file up to date with migrations that were not written from it.

use crate::error::MigrateError;
use crate::file::checkout::Checkout;
use crate::file::source::{Migration, Script};
use crate::file::write::write_atomically;
use crate::migrator::Migrator;
use crate::propose::proposal::sql_to;
use crate::propose::shadow::in_shadow;
use crate::propose::sources::{SchemaSource, SourceFiles, build};
use crate::run::apply::apply_pending;
use crate::run::empty::empty;
use crate::run::session::MigrationSession;
use crate::schema::catalog::{Catalog, read_catalog};

/// Appends the changes of new migrations to the schema file, if the file is what the migrations built before them. Returns true
/// if it did. A file with any other content is left to its author.
pub(crate) async fn append_to_schema(
    migrator: &Migrator,
    checkout: &Checkout,
    new: &[i64],
) -> Result<bool, MigrateError> {
    let Migrator { migrations, database, settings } = migrator;
    let Some(desired) = checkout.desired()? else { return Ok(false) };
    let sources = SourceFiles { migrations, desired: Some(&desired) };
    let addition =
        MigrationSession::with(database, settings, async |session| addition(session, sources, new).await).await?;
    let Some(addition) = addition else { return Ok(false) };
    write_atomically(&checkout.schema, &with_addition(&desired, migrations, new, &addition))?;
    Ok(true)
}

fn with_addition(desired: &Script, migrations: &[Migration], new: &[i64], addition: &str) -> String {
    let names: Vec<String> = migrations
        .iter()
        .filter(|one| new.contains(&one.version))
        .map(|one| format!("{} {}", one.version, one.name))
        .collect();
    let text = desired.text().trim_end();
    format!("{text}\n\n-- From {}; to be moved to the right place.\n{addition}", names.join(", "))
}

/// The SQL that leads from the schema file to what all migrations build, if the file is what they build without the new ones.
async fn addition(
    session: &mut MigrationSession<'_>,
    sources: SourceFiles<'_>,
    new: &[i64],
) -> Result<Option<String>, MigrateError> {
    let nothing = Catalog::default();
    let earlier: Vec<Migration> =
        sources.migrations.iter().filter(|one| !new.contains(&one.version)).cloned().collect();
    in_shadow(session, async |shadow| {
        let desired = build(shadow, sources, SchemaSource::Desired, &nothing).await?;
        empty(shadow).await?;
        apply_pending(shadow, &earlier, &mut |_| ()).await?;
        if !read_catalog(&mut shadow.connection).await?.differences_from(&desired).is_empty() {
            return Ok(None);
        }
        empty(shadow).await?;
        let built = build(shadow, sources, SchemaSource::Migrations, &nothing).await?;
        if built.differences_from(&desired).is_empty() {
            return Ok(None);
        }
        empty(shadow).await?;
        build(shadow, sources, SchemaSource::Desired, &nothing).await?;
        Ok(sql_to(shadow, &built).await?.ok())
    })
    .await
}
