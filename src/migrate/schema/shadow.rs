//! A database beside the real one, to see what migrations build. It is made for one use and dropped after it.

use sqlx::postgres::PgConnectOptions;
use sqlx::{PgConnection, Row as _};

use super::catalog::{self, Catalog};
use crate::config::Profile;
use crate::migrate::session::Session;
use crate::migrate::settings::Settings;
use crate::migrate::source::Migration;
use crate::migrate::{MigrateError, deploy, reset};

/// The longest name that PostgreSQL keeps.
const LONGEST_NAME: usize = 63;

/// The schema that these migrations build from nothing, on the server of this session.
pub(in crate::migrate) async fn built_by(
    session: &mut Session<'_>,
    migrations: &[Migration],
) -> Result<Catalog, MigrateError> {
    let settings = Settings { profile: Profile::Test, ..session.settings.clone() };
    if let Some(options) = settings.shadow.clone() {
        return in_the_one_given(session, &options, migrations, &settings).await;
    }
    let name = make(session).await?;
    let options = session.options().clone().database(&name);
    let built = build(&options, migrations, &settings, false).await;
    session.note(drop_database(&name)).await?;
    built
}

async fn make(session: &mut Session<'_>) -> Result<String, MigrateError> {
    let pid: i32 =
        sqlx::raw_sql("select pg_backend_pid() as pid").fetch_one(&mut session.connection).await?.try_get("pid")?;
    let suffix = format!("_shadow_{pid}");
    let mut name: String = session.database().chars().filter(char::is_ascii).collect();
    name.truncate(LONGEST_NAME - suffix.len());
    name += &suffix;
    // One of a process that was killed, whose server process had the same number.
    session.note(drop_database(&name)).await?;
    // From template0, where nothing was ever put in.
    match session.note(format!("create database {} template template0", quoted(&name))).await {
        Ok(()) => Ok(name),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => Err(MigrateError::Senseless(
            "the role may not create a database, and one is needed to see what the migrations build; nothing was changed. \
             Name one that may be emptied in SHADOW_DATABASE_URL, or let the role create databases."
                .to_owned(),
        )),
        Err(error) => Err(error.into()),
    }
}

fn drop_database(name: &str) -> String {
    format!("drop database if exists {} with (force)", quoted(name))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn in_the_one_given(
    session: &mut Session<'_>,
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
) -> Result<Catalog, MigrateError> {
    let own = identity(&mut session.connection).await?;
    let given = Session::with(options, settings, async |shadow| Ok(identity(&mut shadow.connection).await?)).await?;
    if own == given {
        return Err(MigrateError::Senseless(
            "SHADOW_DATABASE_URL names the database itself, which would be emptied; nothing was changed. Name another one."
                .to_owned(),
        ));
    }
    build(options, migrations, settings, true).await
}

async fn identity(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    const IDENTITY: &str = "select concat_ws(' ', pg_postmaster_start_time(), oid, datname) as identity \
                            from pg_database where datname = current_database()";
    sqlx::raw_sql(IDENTITY).fetch_one(connection).await?.try_get("identity")
}

async fn build(
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
    empty: bool,
) -> Result<Catalog, MigrateError> {
    Session::with_lock(options, settings, async |session| build_on(session, migrations, empty).await).await
}

async fn build_on(session: &mut Session<'_>, migrations: &[Migration], empty: bool) -> Result<Catalog, MigrateError> {
    if empty {
        reset::empty(session).await?;
    }
    deploy::deploy_on(session, migrations, &mut |_| ()).await?;
    let catalog = catalog::read(&mut session.connection).await?;
    if empty {
        reset::empty(session).await?;
    }
    Ok(catalog)
}
