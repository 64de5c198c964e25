//! Grants the serving role, where another role migrates, the privileges to read and write rows, and no more than that.
//!
//! No migration grants them: each one that creates a table would have to remember it, the name of a role belongs to a
//! deployment, and roles belong to a whole cluster with the databases of its tests. Instead every deploy grants what is missing,
//! whatever the reason: a new table, a restored dump, a recreated role.

use sqlx::{AssertSqlSafe, Row as _};

use crate::error::MigrateError;
use crate::event::MigrateEvent;
use crate::record::history::{ATTEMPTS_TABLE, DRIFT_CACHE, RECORDS_TABLE, find_tables};
use crate::run::session::MigrationSession;
use crate::schema::catalog::COMMON;
use crate::sql_text::literal;

/// PostgreSQL's code for a missing privilege.
const FORBIDDEN: &str = "42501";

/// Grants the serving role its missing row privileges in the schema of the tables. Other privileges stay as they are.
///
/// A role that does not exist, or that this one may not grant anything to, is reported; it does not fail a deploy.
pub(crate) async fn grant_row_privileges(
    session: &mut MigrationSession<'_>,
    report: &mut impl FnMut(MigrateEvent),
) -> Result<(), MigrateError> {
    let Some(role) = session.settings.rows_role.clone() else { return Ok(()) };
    if !exists(session, &role).await? {
        report(MigrateEvent::Notice(format!(
            "the role `{role}`, which serves by {}, does not exist and was granted no privileges; create it with `create role … \
             login password …`, then run `{}` again",
            session.settings.names.database_url,
            session.settings.names.migrate("deploy")
        )));
        return Ok(());
    }
    let tables = find_tables(&mut session.connection).await?;
    let Some(schema) = tables.schema else { return Ok(()) };
    let grants = lacking(session, &role, &schema).await?;
    if grants.is_empty() {
        return Ok(());
    }
    match session.note(grants.join(";\n")).await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(FORBIDDEN) => {}
        outcome => outcome?,
    }
    // A role that may not grant a privilege gets an error, or only a warning.
    let left = lacking(session, &role, &schema).await?;
    report(MigrateEvent::Notice(if left.is_empty() {
        format!("the role `{role}`, which serves, was granted its privileges: {}", summary(&grants))
    } else {
        format!(
            "the role `{role}`, which serves, lacks privileges that this one may not grant; let the owner of the tables run \
             `{}`, or this: {}",
            session.settings.names.migrate("deploy"),
            left.join("; ")
        )
    }));
    Ok(())
}

fn summary(grants: &[String]) -> String {
    match grants {
        [one] => one.clone(),
        several => format!("{} grants", several.len()),
    }
}

async fn exists(session: &mut MigrationSession<'_>, role: &str) -> Result<bool, sqlx::Error> {
    let query = format!(
        "select exists (select from pg_catalog.pg_roles where rolname = {role}) as found",
        role = literal(role)
    );
    sqlx::raw_sql(AssertSqlSafe(query)).fetch_one(&mut session.connection).await?.try_get("found")
}

/// The statements that grant the missing privileges. A superuser, an owner, and a member of a role that has them need none.
///
/// On the record of the migrations it is `select` only. Sequences of identity columns need no privilege; others may be there
/// in a database that another tool began. Members of extensions are left out.
async fn lacking(session: &mut MigrationSession<'_>, role: &str, schema: &str) -> Result<Vec<String>, sqlx::Error> {
    let query = format!(
        r"
        with {COMMON},
        named as (
            select {role}::name as role, to_regnamespace({schema}) as schema
        ),
        relations as (
            select
                c.oid,
                c.relkind,
                c.oid::regclass::text as name,
                case
                    when c.relkind = 'S' then '{{usage}}'
                    when c.relkind in ('v', 'm') or c.relname in ('{RECORDS_TABLE}', '{ATTEMPTS_TABLE}') then '{{select}}'
                    else '{{select,insert,update,delete}}'
                end::text[] as rights
            from pg_catalog.pg_class c, named
            where c.relnamespace = named.schema
                and c.relkind in ('r', 'p', 'v', 'm', 'S')
                and ('pg_class'::regclass, c.oid) not in (select classid, objid from member)
                and c.relname <> '{DRIFT_CACHE}'
        ),
        lacking as (
            select
                relations.name,
                case when relkind = 'S' then 'sequence ' else '' end as kind,
                string_agg(wanted.word, ', ' order by wanted.place) as rights
            from relations, named, unnest(rights) with ordinality as wanted (word, place)
            where not case
                when relkind = 'S' then has_sequence_privilege(role, oid, word)
                else has_table_privilege(role, oid, word)
            end
            group by relations.name, kind
        )
        select format('grant usage on schema %s to %I', schema, role) as statement, 0 as part
        from named
        where schema is not null and not has_schema_privilege(role, schema::oid, 'usage')
        union all
        select format('grant %s on %s%s to %I', rights, kind, name, role), 1
        from lacking, named
        order by part, statement
        ",
        role = literal(role),
        schema = literal(schema),
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(&mut session.connection).await?;
    rows.iter().map(|row| row.try_get("statement")).collect()
}
