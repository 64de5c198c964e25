//! Starting over: everything goes, and the migrations build it again.

use std::borrow::Cow;

use sqlx::postgres::PgConnectOptions;

use super::deploy::deploy_on;
use super::event::{Deployed, Event};
use super::record::literal;
use super::schema::COMMON;
use super::session::{Place, Session};
use super::settings::Settings;
use super::source::Migration;
use super::{MigrateError, deploy, history, ignore, rights};
use crate::config::Profile;
use crate::db::explain::Cause;

/// PostgreSQL's code for something that cannot go because something else needs it.
const STILL_NEEDED: &str = "2BP01";

/// Drops everything but what is somebody else's, in one transaction; `public` and the schema of the record stay, empty.
fn emptying(home: &str, place: Place) -> String {
    let shadow = place != Place::Real;
    let mut settings = format!(
        "select pg_catalog.set_config('app.home', {}, true), pg_catalog.set_config('app.shadow', '{shadow}', true);\n",
        literal(home)
    );
    if place == Place::Made {
        settings += &ignore::nothing();
    }
    format!("begin;\n{settings}{}commit;\n", include_str!("reset.sql").replace("/* common */", COMMON))
}

/// Drops everything in the database and applies all migrations.
///
/// # Errors
/// [`MigrateError`]: in prod; where a file cannot run, nothing is dropped.
pub async fn reset(
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
    mut report: impl FnMut(Event),
) -> Result<Vec<Deployed>, MigrateError> {
    if settings.profile == Profile::Prod {
        return Err(MigrateError::Forbidden(
            "a reset drops everything, and is not for prod; nothing was changed.".to_owned(),
        ));
    }
    Session::with_lock(options, settings, async |session| reset_on(session, migrations, &mut report).await).await
}

async fn reset_on(
    session: &mut Session<'_>,
    migrations: &[Migration],
    report: &mut impl FnMut(Event),
) -> Result<Vec<Deployed>, MigrateError> {
    deploy::check(migrations, session.settings)?;
    empty(session).await?;
    let deployed = deploy_on(session, migrations, report).await?;
    rights::grant(session, report).await?;
    Ok(deployed)
}

/// Drops everything. All of it or, where the role may not, nothing.
pub(super) async fn empty(session: &mut Session<'_>) -> Result<(), MigrateError> {
    let home = match &session.home {
        Some(home) => home.clone(),
        None => history::tables(&mut session.connection).await?.schema.unwrap_or_default(),
    };
    let sql = emptying(&home, session.place);
    if let Err(error) = session.note(sql).await {
        session.note("rollback".to_owned()).await?;
        let code = match &error {
            sqlx::Error::Database(error) => error.code().map(Cow::into_owned),
            _ => None,
        };
        let (database, cause) = (session.database(), Cause(&error));
        return Err(match code.as_deref() {
            Some("42501") => MigrateError::Senseless(format!(
                "the role may not drop everything in {database}: {cause}; nothing was changed. Use the role that owns the \
                 database, or name what is somebody else's in migrations.ignore."
            )),
            Some(STILL_NEEDED) => MigrateError::Senseless(format!("{cause}; nothing was changed.")),
            _ => error.into(),
        });
    }
    Ok(())
}
