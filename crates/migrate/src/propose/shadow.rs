//! Shadow databases: empty databases beside the real one, to build schemas in. They are created for one use and dropped after it.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::error::{FailedMigration, MigrateError};
use crate::file::source::Migration;
use crate::profile::MigrationProfile;
use crate::record::history::find_tables;
use crate::run::apply::apply_pending;
use crate::run::empty::empty;
use crate::run::session::{DatabaseUse, MigrationSession};
use crate::schema::catalog::{Catalog, read_catalog};
use crate::settings::MigrateSettings;
use crate::sql_text::quoted_identifier;

/// The name of a shadow database contains the session that created it, so that no two commands use the same, and those whose
/// session is gone can be dropped. Encoding and locale are those of the session's database, because a schema can depend on them.
const NAMES: &str = r"
with living as (
    select pid, to_hex((extract(epoch from backend_start) * 1000000)::bigint) as since
    from pg_stat_activity
)
select
    (select 'app_shadow_' || pid || '_' || since from living where pid = pg_backend_pid()) as own,
    (
        select concat_ws(
            ' ',
            format('encoding %L lc_collate %L lc_ctype %L', pg_encoding_to_char(encoding), datcollate, datctype),
            case to_jsonb(d) ->> 'datlocprovider'
                when 'i' then format('locale_provider icu icu_locale %L', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'))
                when 'b' then format('locale_provider builtin builtin_locale %L', to_jsonb(d) ->> 'datlocale')
            end
        )
        from pg_database d
        where datname = current_database()
    ) as likeness,
    array(
        select datname::text
        from pg_database
        where datname ~ '^app_shadow_[0-9]+_[0-9a-f]+$'
            and not exists (
                select
                from living
                where pid::text = split_part(datname, '_', 3)
                    -- A role may not see the start of other roles' sessions.
                    and (since is null or since = split_part(datname, '_', 4))
            )
    ) as stale
";

/// The schema that these migrations build in an empty database.
pub(crate) async fn built_by(
    session: &mut MigrationSession<'_>,
    migrations: &[Migration],
) -> Result<Catalog, MigrateError> {
    let rows_role = session.settings.rows_role.clone();
    in_shadow(session, async |shadow| {
        apply_pending(shadow, migrations, &mut |_| ()).await?;
        Ok(read_catalog(&mut shadow.connection).await?.without_privileges_of(rows_role.as_deref()))
    })
    .await
}

/// Runs `work` in an empty shadow database. Afterwards it is dropped, or empty again.
pub(crate) async fn in_shadow<T>(
    session: &mut MigrationSession<'_>,
    work: impl AsyncFnOnce(&mut MigrationSession<'_>) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    let settings = MigrateSettings {
        profile: MigrationProfile::Test,
        rows_role: None,
        newest: None,
        beside: true,
        ..session.settings.clone()
    };
    // New tables go to the same schema in both databases, so the schema has to exist before the first table.
    let home = find_tables(&mut session.connection).await?.schema.unwrap_or_else(|| "public".to_owned());
    let outcome = match settings.shadow.clone() {
        Some(options) => in_given_database(session, &options, &settings, home, work).await,
        None => in_new_database(session, &settings, home, work).await,
    };
    outcome.map_err(|error| match error {
        MigrateError::Failed(failed) => MigrateError::Failed(Box::new(FailedMigration { in_shadow: true, ..*failed })),
        error => error,
    })
}

async fn in_new_database<T>(
    session: &mut MigrationSession<'_>,
    settings: &MigrateSettings,
    home: String,
    work: impl AsyncFnOnce(&mut MigrationSession<'_>) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    let name = create_database(session).await?;
    let options = session.options().clone().database(&name).options([("search_path", session.search_path())]);
    let outcome = MigrationSession::with_lock(&options, settings, async |shadow| {
        prepare_shadow(shadow, home, DatabaseUse::CreatedShadow).await?;
        let outcome = work(shadow).await;
        // If this fails, dropping the database fails too, and that is reported.
        let _ = shadow.note(DROP_SUBSCRIPTIONS.to_owned()).await;
        outcome
    })
    .await;
    session.note(drop_database(&name)).await?;
    outcome
}

/// A database with a subscription cannot be dropped.
const DROP_SUBSCRIPTIONS: &str = r"
do $$
declare
    steps text;
begin
    for steps in
        select format('alter subscription %1$I disable; alter subscription %1$I set (slot_name = none); drop subscription %1$I', subname)
        from pg_subscription
        where subdbid = (select oid from pg_database where datname = current_database())
    loop
        execute steps;
    end loop;
end
$$";

/// Prepares the session of every shadow database.
async fn prepare_shadow(
    shadow: &mut MigrationSession<'_>,
    home: String,
    database_use: DatabaseUse,
) -> Result<(), sqlx::Error> {
    shadow.note(format!("{SHADOW_SETTINGS};\ncreate schema if not exists {home}")).await?;
    shadow.database_use = database_use;
    shadow.home = Some(home);
    Ok(())
}

/// A shadow need not survive a crash, and the warnings of the migrations were shown when they were applied.
const SHADOW_SETTINGS: &str = "set synchronous_commit = off; set client_min_messages = error";

async fn create_database(session: &mut MigrationSession<'_>) -> Result<String, MigrateError> {
    let row = sqlx::raw_sql(NAMES).fetch_one(&mut session.connection).await?;
    let (name, likeness): (String, String) = (row.try_get("own")?, row.try_get("likeness")?);
    for stale in row.try_get::<Vec<String>, _>("stale")? {
        // Another command may be dropping it too, or it may belong to another role.
        let _ = session.note(drop_database(&stale)).await;
    }
    // From template0, which has no objects of others.
    match session.note(format!("create database {} template template0 {likeness}", quoted_identifier(&name))).await {
        Ok(()) => Ok(name),
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42501" | "25006")) => {
            Err(MigrateError::NoShadow(session.settings.names))
        }
        Err(error) => Err(error.into()),
    }
}

fn drop_database(name: &str) -> String {
    format!("drop database if exists {} with (force)", quoted_identifier(name))
}

async fn in_given_database<T>(
    session: &mut MigrationSession<'_>,
    options: &PgConnectOptions,
    settings: &MigrateSettings,
    home: String,
    work: impl AsyncFnOnce(&mut MigrationSession<'_>) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    let options = options.clone().options([("search_path", session.search_path())]);
    let own = identity(&mut session.connection).await?;
    let known = objects_outside_schemas(&mut session.connection).await?;
    MigrationSession::with(&options, settings, async |shadow| {
        if own == identity(&mut shadow.connection).await? {
            return Err(MigrateError::InvalidRequest(format!(
                "{} names the database itself, which would be emptied; nothing was changed. Name another one.",
                settings.names.shadow_url
            )));
        }
        shadow.lock().await?;
        prepare_shadow(shadow, home, DatabaseUse::PreparedShadow).await?;
        empty(shadow).await?;
        // Objects that its owner prepared, and that the role may not drop, are there for the migrations, and are not compared.
        let mut prepared = objects_outside_schemas(&mut shadow.connection).await?;
        prepared.retain(|one| !known.contains(one));
        shadow.ignore_more(prepared).await?;
        let outcome = work(shadow).await;
        empty(shadow).await?;
        outcome
    })
    .await
}

async fn identity(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    const IDENTITY: &str = "select concat_ws(' ', pg_postmaster_start_time(), oid, datname) as identity \
                            from pg_database where datname = current_database()";
    sqlx::raw_sql(AssertSqlSafe(IDENTITY)).fetch_one(connection).await?.try_get("identity")
}

/// Objects outside of schemas: each is an extension (`true`) or something else, and a name.
async fn objects_outside_schemas(connection: &mut PgConnection) -> Result<Vec<(bool, String)>, sqlx::Error> {
    const OUTSIDE: &str = "\
        select true as extension, extname::text as name from pg_extension where extname <> 'plpgsql'
        union all select false, fdwname from pg_foreign_data_wrapper
        union all select false, srvname from pg_foreign_server
        union all select false, evtname from pg_event_trigger
        union all select false, pubname from pg_publication
        union all select false, lanname from pg_language where oid >= 16384
        union all select false, amname from pg_am where oid >= 16384";
    let rows = sqlx::raw_sql(OUTSIDE).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get("extension")?, row.try_get("name")?))).collect()
}
