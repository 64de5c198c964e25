//! Starting over: everything goes, and the migrations build it again.

use sqlx::postgres::PgConnectOptions;

use super::deploy::deploy_on;
use super::event::{Deployed, Event};
use super::session::Session;
use super::settings::Settings;
use super::source::Migration;
use super::{MigrateError, deploy, rights};
use crate::config::Profile;
use crate::db::explain::Cause;

/// Everything in all schemas but the server's own, extensions and large objects too; `public` is made again as it was, for
/// whom it was. In one transaction.
const EMPTY: &str = r"
begin;
do $$
declare
    public_owner text;
    public_grants aclitem[];
    name text;
begin
    select nspowner::regrole::text, nspacl
    into public_owner, public_grants
    from pg_catalog.pg_namespace
    where nspname = 'public';
    for name in
        select nspname
        from pg_catalog.pg_namespace
        where nspname !~ '^pg_' and nspname <> 'information_schema'
    loop
        execute format('drop schema %I cascade', name);
    end loop;
    for name in select extname from pg_catalog.pg_extension where extname <> 'plpgsql' loop
        execute format('drop extension if exists %I cascade', name);
    end loop;
    for name in select evtname from pg_catalog.pg_event_trigger loop
        execute format('drop event trigger if exists %I', name);
    end loop;
    perform pg_catalog.lo_unlink(oid) from pg_catalog.pg_largeobject_metadata;
    if public_owner is not null then
        create schema public;
        comment on schema public is 'standard public schema';
        grant usage on schema public to public;
        if exists (
            select
            from pg_catalog.aclexplode(public_grants)
            where grantee = 0 and privilege_type = 'CREATE'
        ) then
            grant create on schema public to public;
        end if;
        execute format('alter schema public owner to %s', public_owner);
    end if;
end
$$;
commit;
";

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
    if let Err(error) = session.note(EMPTY.to_owned()).await {
        session.note("rollback".to_owned()).await?;
        let denied = matches!(&error, sqlx::Error::Database(error) if error.code().as_deref() == Some("42501"));
        return Err(if denied {
            MigrateError::Senseless(format!(
                "the role may not drop everything in {}: {}; nothing was changed. Use the role that owns the database.",
                session.database(),
                Cause(&error)
            ))
        } else {
            error.into()
        });
    }
    Ok(())
}
