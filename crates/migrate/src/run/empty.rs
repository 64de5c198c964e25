//! Drops everything in a database.

use std::borrow::Cow;

use crate::error::MigrateError;
use crate::explain::Cause;
use crate::record::history::find_tables;
use crate::run::ignore::clear_patterns;
use crate::run::session::{DatabaseUse, MigrationSession};
use crate::schema::catalog::COMMON;
use crate::sql_text::literal;

/// PostgreSQL's code for an object that cannot be dropped because another one needs it.
const STILL_NEEDED: &str = "2BP01";

/// PostgreSQL's code for a missing privilege.
const FORBIDDEN: &str = "42501";

/// The statements that drop everything but objects of others, in one transaction. `public` and the schema of the record stay,
/// empty.
fn drop_statements(home: &str, database_use: DatabaseUse, ignore_setting: &str) -> String {
    let shadow = database_use != DatabaseUse::Target;
    let mut settings = format!(
        "select pg_catalog.set_config('migrate.home', {}, true), pg_catalog.set_config('migrate.shadow', '{shadow}', true), \
         pg_catalog.set_config('migrate.ignore_setting', {}, true);\n",
        literal(home),
        literal(ignore_setting)
    );
    if database_use == DatabaseUse::CreatedShadow {
        settings += &clear_patterns();
    }
    format!("begin;\n{settings}{}commit;\n", include_str!("empty.sql").replace("/* common */", COMMON))
}

/// Drops everything, or nothing if the role lacks a privilege.
pub(crate) async fn empty(session: &mut MigrationSession<'_>) -> Result<(), MigrateError> {
    let home = match &session.home {
        Some(home) => home.clone(),
        None => find_tables(&mut session.connection).await?.schema.unwrap_or_default(),
    };
    let sql = drop_statements(&home, session.database_use, session.settings.names.ignore);
    let Err(error) = session.note(sql).await else { return Ok(()) };
    session.note("rollback".to_owned()).await?;
    let code = match &error {
        sqlx::Error::Database(error) => error.code().map(Cow::into_owned),
        _ => None,
    };
    let (database, cause) = (session.database(), Cause(&error));
    Err(match code.as_deref() {
        Some(FORBIDDEN) => MigrateError::InvalidRequest(format!(
            "the role may not drop everything in {database}: {cause}; nothing was changed. Use the role that owns the \
             database, or list the objects of others in {}.",
            session.settings.names.ignore
        )),
        Some(STILL_NEEDED) => MigrateError::InvalidRequest(format!("{cause}; nothing was changed.")),
        _ => error.into(),
    })
}
