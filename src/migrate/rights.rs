//! The rights of the role that serves, where another one migrates: it reads and writes rows, and no more than that.
//!
//! No migration grants them: one that creates a table would have to think of it each time, a role's name is a deployment's
//! own, and roles belong to a whole cluster, the databases of tests and proofs included. Every deploy looks instead at what
//! is lacking, whichever way it came to be: a new table, a restored dump, a role that was made anew.

use sqlx::{AssertSqlSafe, Row as _};

use super::MigrateError;
use super::event::Event;
use super::history::{self, ATTEMPTS, TABLE};
use super::looks::LOOKS;
use super::record::literal;
use super::schema::COMMON;
use super::session::Session;

/// PostgreSQL's code for what a role may not do.
const FORBIDDEN: &str = "42501";

/// Gives the role that serves what it lacks of reading and writing rows in the schema of the tables. What it may do beyond
/// that is left as it is.
///
/// A role that does not exist, or to whom this one may not give anything, is told of; what was deployed stands all the same.
pub(super) async fn grant(session: &mut Session<'_>, report: &mut impl FnMut(Event)) -> Result<(), MigrateError> {
    let Some(role) = session.settings.rows_role.clone() else { return Ok(()) };
    if !exists(session, &role).await? {
        report(Event::Notice(format!(
            "the role `{role}`, which serves by DATABASE_URL, does not exist and was given no rights; create it with `create \
             role … login password …`, then run `app migrate deploy` again"
        )));
        return Ok(());
    }
    let tables = history::tables(&mut session.connection).await?;
    let Some(schema) = tables.schema else { return Ok(()) };
    let grants = lacking(session, &role, &schema).await?;
    if grants.is_empty() {
        return Ok(());
    }
    match session.note(grants.join(";\n")).await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(FORBIDDEN) => {}
        outcome => outcome?,
    }
    // Who may not give a right is refused, or only warned, as he has others of his own.
    let left = lacking(session, &role, &schema).await?;
    report(Event::Notice(if left.is_empty() {
        format!("the role `{role}`, which serves, was given its rights: {}", told(&grants))
    } else {
        format!(
            "the role `{role}`, which serves, lacks rights that this one may not give; let the owner of the tables run `app \
             migrate deploy`, or this: {}",
            left.join("; ")
        )
    }));
    Ok(())
}

fn told(grants: &[String]) -> String {
    match grants {
        [one] => one.clone(),
        several => format!("{} grants", several.len()),
    }
}

async fn exists(session: &mut Session<'_>, role: &str) -> Result<bool, sqlx::Error> {
    let query = format!(
        "select exists (select from pg_catalog.pg_roles where rolname = {role}) as found",
        role = literal(role)
    );
    sqlx::raw_sql(AssertSqlSafe(query)).fetch_one(&mut session.connection).await?.try_get("found")
}

/// The statements that give what is lacking. A superuser, an owner, or a member of a role that has it lacks nothing.
///
/// The record of the migrations is only read by who serves. A sequence is granted where it is not an identity column's own,
/// as a database that another tool began has them. What belongs to an extension is left out.
async fn lacking(session: &mut Session<'_>, role: &str, schema: &str) -> Result<Vec<String>, sqlx::Error> {
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
                    when c.relkind in ('v', 'm') or c.relname in ('{TABLE}', '{ATTEMPTS}') then '{{select}}'
                    else '{{select,insert,update,delete}}'
                end::text[] as rights
            from pg_catalog.pg_class c, named
            where c.relnamespace = named.schema
                and c.relkind in ('r', 'p', 'v', 'm', 'S')
                and ('pg_class'::regclass, c.oid) not in (select classid, objid from member)
                and c.relname <> '{LOOKS}'
                and not exists (
                    select
                    from pg_catalog.pg_depend d
                    where d.classid = 'pg_catalog.pg_class'::regclass
                        and d.objid = c.oid
                        and c.relkind = 'S'
                        and d.deptype = 'i'
                )
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
