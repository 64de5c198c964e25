//! A database beside the real one, to try things in. It is made for one use and dropped after it.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::catalog::{self, Catalog};
use crate::config::Profile;
use crate::migrate::session::{Place, Session};
use crate::migrate::settings::Settings;
use crate::migrate::source::Migration;
use crate::migrate::{FailedMigration, MigrateError, deploy, history, reset};

/// A shadow is called for the session that made it, so that nobody takes another's, and one whose session is gone is known.
/// The new one is to be like the database of the session in what a schema can depend on: encoding and locale.
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
                    -- Of others' sessions a role may not see since when they are there.
                    and (since is null or since = split_part(datname, '_', 4))
            )
    ) as stale
";

/// The schema that these migrations build from nothing, on the server of this session.
pub(in crate::migrate) async fn built_by(
    session: &mut Session<'_>,
    migrations: &[Migration],
) -> Result<Catalog, MigrateError> {
    let rows_role = session.settings.rows_role.clone();
    in_shadow(session, async |shadow| {
        deploy::deploy_on(shadow, migrations, &mut |_| ()).await?;
        Ok(catalog::read(&mut shadow.connection).await?.without_privileges_of(rows_role.as_deref()))
    })
    .await
}

/// Works in an empty database on the server of this session, which is gone, or empty again, afterwards.
pub(in crate::migrate) async fn in_shadow<T>(
    session: &mut Session<'_>,
    work: impl AsyncFnOnce(&mut Session<'_>) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    let settings =
        Settings { profile: Profile::Test, rows_role: None, newest: None, beside: true, ..session.settings.clone() };
    // Where new tables go is the same in both, and the schema has to be there before the first one.
    let home = history::tables(&mut session.connection).await?.schema.unwrap_or_else(|| "public".to_owned());
    let outcome = match settings.shadow.clone() {
        Some(options) => in_the_one_given(session, &options, &settings, home, work).await,
        None => in_a_new_one(session, &settings, home, work).await,
    };
    outcome.map_err(|error| match error {
        MigrateError::Failed(failed) => MigrateError::Failed(Box::new(FailedMigration { in_shadow: true, ..*failed })),
        error => error,
    })
}

async fn in_a_new_one<T>(
    session: &mut Session<'_>,
    settings: &Settings,
    home: String,
    work: impl AsyncFnOnce(&mut Session<'_>) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    let name = make(session).await?;
    let options = session.options().clone().database(&name).options([("search_path", session.search_path())]);
    let outcome = Session::with_lock(&options, settings, async |shadow| {
        begin(shadow, home, Place::Made).await?;
        let outcome = work(shadow).await;
        // If it does not go, neither does the database, and that is told.
        let _ = shadow.note(NO_SUBSCRIPTIONS.to_owned()).await;
        outcome
    })
    .await;
    session.note(drop_database(&name)).await?;
    outcome
}

/// A database with a subscription in it is not dropped.
const NO_SUBSCRIPTIONS: &str = r"
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

/// What every shadow begins with.
async fn begin(shadow: &mut Session<'_>, home: String, place: Place) -> Result<(), sqlx::Error> {
    shadow.note(format!("{NO_WAITING};\ncreate schema if not exists {home}")).await?;
    shadow.place = place;
    shadow.home = Some(home);
    Ok(())
}

/// Nothing in it has to outlive a crash, and what the migrations say was heard when they were applied.
const NO_WAITING: &str = "set synchronous_commit = off; set client_min_messages = error";

async fn make(session: &mut Session<'_>) -> Result<String, MigrateError> {
    let row = sqlx::raw_sql(NAMES).fetch_one(&mut session.connection).await?;
    let (name, likeness): (String, String) = (row.try_get("own")?, row.try_get("likeness")?);
    for stale in row.try_get::<Vec<String>, _>("stale")? {
        // Another command may be at it as well, or it may be another role's.
        let _ = session.note(drop_database(&stale)).await;
    }
    // From template0, where nothing was ever put in.
    match session.note(format!("create database {} template template0 {likeness}", quoted(&name))).await {
        Ok(()) => Ok(name),
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42501" | "25006")) => {
            Err(MigrateError::NoShadow)
        }
        Err(error) => Err(error.into()),
    }
}

fn drop_database(name: &str) -> String {
    format!("drop database if exists {} with (force)", quoted(name))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn in_the_one_given<T>(
    session: &mut Session<'_>,
    options: &PgConnectOptions,
    settings: &Settings,
    home: String,
    work: impl AsyncFnOnce(&mut Session<'_>) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    let options = options.clone().options([("search_path", session.search_path())]);
    let own = identity(&mut session.connection).await?;
    let known = outside(&mut session.connection).await?;
    Session::with(&options, settings, async |shadow| {
        if own == identity(&mut shadow.connection).await? {
            return Err(MigrateError::Senseless(
                "SHADOW_DATABASE_URL names the database itself, which would be emptied; nothing was changed. Name another \
                 one."
                    .to_owned(),
            ));
        }
        shadow.lock().await?;
        begin(shadow, home, Place::Prepared).await?;
        reset::empty(shadow).await?;
        // What its owner prepared and the role may not drop is there for the migrations, and says nothing of the database.
        let mut prepared = outside(&mut shadow.connection).await?;
        prepared.retain(|one| !known.contains(one));
        shadow.ignore_more(prepared).await?;
        let outcome = work(shadow).await;
        reset::empty(shadow).await?;
        outcome
    })
    .await
}

async fn identity(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    const IDENTITY: &str = "select concat_ws(' ', pg_postmaster_start_time(), oid, datname) as identity \
                            from pg_database where datname = current_database()";
    sqlx::raw_sql(AssertSqlSafe(IDENTITY)).fetch_one(connection).await?.try_get("identity")
}

/// What stands in no schema: whether it is an extension, and its name.
async fn outside(connection: &mut PgConnection) -> Result<Vec<(bool, String)>, sqlx::Error> {
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
