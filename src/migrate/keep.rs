//! Keeps `schema.sql` in step with migrations that were not written from it.

use sqlx::postgres::PgConnectOptions;

use super::MigrateError;
use super::deploy::deploy_on;
use super::develop::Checkout;
use super::push::write_whole;
use super::reset;
use super::schema::{self, Catalog};
use super::session::Session;
use super::settings::Settings;
use super::side::{self, Side, Sources};
use super::source::{Migration, Script};

/// If the file is what the migrations built before these new ones, what they make is written at its end; whether it was. A
/// file that says anything else is its author's business.
pub(super) async fn keep_in_step(
    options: &PgConnectOptions,
    checkout: &Checkout,
    settings: &Settings,
    migrations: &[Migration],
    new: &[i64],
) -> Result<bool, MigrateError> {
    let Some(desired) = checkout.desired()? else { return Ok(false) };
    let sources = Sources { migrations, desired: Some(&desired) };
    let addition = Session::with(options, settings, async |session| addition(session, sources, new).await).await?;
    let Some(addition) = addition else { return Ok(false) };
    write_whole(&checkout.schema, &with_addition(&desired, migrations, new, &addition))?;
    Ok(true)
}

fn with_addition(desired: &Script, migrations: &[Migration], new: &[i64], addition: &str) -> String {
    let names: Vec<String> = migrations
        .iter()
        .filter(|one| new.contains(&one.version))
        .map(|one| format!("{} {}", one.version, one.name))
        .collect();
    let text = desired.text().trim_end();
    format!("{text}\n\n-- From {}; to be put where it belongs.\n{addition}", names.join(", "))
}

/// The SQL that leads from the file to what the migrations build with the new ones, if it is what they build without.
async fn addition(
    session: &mut Session<'_>,
    sources: Sources<'_>,
    new: &[i64],
) -> Result<Option<String>, MigrateError> {
    let nothing = Catalog::default();
    let earlier: Vec<Migration> =
        sources.migrations.iter().filter(|one| !new.contains(&one.version)).cloned().collect();
    schema::in_shadow(session, async |shadow| {
        let desired = side::build(shadow, sources, Side::Desired, &nothing).await?;
        reset::empty(shadow).await?;
        deploy_on(shadow, &earlier, &mut |_| ()).await?;
        if !schema::read(&mut shadow.connection).await?.differences_from(&desired).is_empty() {
            return Ok(None);
        }
        reset::empty(shadow).await?;
        let built = side::build(shadow, sources, Side::Migrations, &nothing).await?;
        if built.differences_from(&desired).is_empty() {
            return Ok(None);
        }
        reset::empty(shadow).await?;
        side::build(shadow, sources, Side::Desired, &nothing).await?;
        Ok(schema::leading_to(shadow, &built).await?.ok())
    })
    .await
}
