//! Protection from objects of other roles, and from rows that the role cannot see.
//!
//! A take-over often runs as the owner of the database or as a superuser. A role that may create objects in a schema of
//! the search path could otherwise have its own functions run with those rights, because PostgreSQL prefers a function
//! whose argument types fit better, whatever schema it is in.

use sqlx::{Executor as _, PgConnection};

use super::error::TakeOverError;
use super::sql::{literal, run};

/// Shows all rows or fails, and resolves names in `pg_catalog` and among temporary tables only.
pub(super) const STRICT: &str = "set local row_security = off; set local search_path = pg_catalog, pg_temp;";

/// The number of tables of this service's users: 1, or 0 if the migrations have created their tables elsewhere.
const USERS: &str = "
select count(*)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = current_setting('app.home') and c.relname = 'users' and c.relkind = 'r'
";

/// Functions and operators in the schema of this service's tables that could be run in place of PostgreSQL's or of this
/// service's. The owner of the tables, superusers and extensions may have any.
const FOREIGN_OBJECTS: &str = "
with home as (
    select n.oid, array[c.relowner, d.datdba, me.oid] as owners
    from pg_namespace n
    join pg_class c on c.relnamespace = n.oid and c.relname = '_sqlx_migrations'
    join pg_database d on d.datname = current_database()
    join pg_roles me on me.rolname = current_user
    where n.nspname = current_setting('app.home')
),
named as (
    select 'pg_proc'::regclass as catalog, p.oid, p.proname as name, p.proowner as owner,
        'the function ' || p.oid::regprocedure::text as object
    from home join pg_proc p on p.pronamespace = home.oid
    union all
    select 'pg_operator'::regclass, o.oid, o.oprname, o.oprowner, 'the operator ' || o.oid::regoperator::text
    from home join pg_operator o on o.oprnamespace = home.oid
),
judged as (
    select named.*, owner = any (home.owners) or r.rolsuper as is_trusted
    from home cross join named join pg_roles r on r.oid = owner
)
select j.object || ', owned by ' || j.owner::regrole::text
from judged j
where not j.is_trusted
    and not exists (
        select from pg_depend d where d.classid = j.catalog and d.objid = j.oid and d.deptype = 'e'
    )
    and (
        exists (select from judged o where o.is_trusted and o.name = j.name)
        or exists (select from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace and p.proname = j.name)
        or exists (select from pg_operator o where o.oprnamespace = 'pg_catalog'::regnamespace and o.oprname = j.name)
    )
order by 1
limit 5
";

/// Casts by a function from or to one of the enum types, in any schema.
const ENUM_CASTS: &str = "
select 'the cast from ' || c.castsource::regtype::text || ' to ' || c.casttarget::regtype::text
from pg_cast c
join pg_type t on t.oid in (c.castsource, c.casttarget)
where t.typtype = 'e' and t.typname in ('TransactionType', 'transaction_type') and c.castmethod <> 'b'
order by 1
limit 5
";

/// Makes the session safe from objects of other roles: from here on names are resolved among temporary tables, in
/// `pg_catalog` and in the schema of this service's tables (`home`, quoted), in this order.
pub(super) async fn protect(connection: &mut PgConnection, home: &str) -> Result<(), TakeOverError> {
    connection.execute(STRICT).await?;
    let remember = format!("select set_config('app.home', (parse_ident({}))[1], true)", literal(home));
    run(connection, remember).await?;
    let users: i64 = sqlx::query_scalar(USERS).fetch_one(&mut *connection).await?;
    if users == 0 {
        return Err(TakeOverError::NotApplicable(format!(
            "the schema {home} has the record of the migrations, but not the tables of this service; nothing was changed. Set \
             the search path back to the one that they were created with.",
        )));
    }
    let mut objects: Vec<String> = sqlx::query_scalar(FOREIGN_OBJECTS).fetch_all(&mut *connection).await?;
    objects.extend(enum_casts(connection).await?);
    refuse(&objects)?;
    let path = "select set_config('search_path', format('pg_temp, pg_catalog, %I', current_setting('app.home')), true)";
    connection.execute(path).await?;
    Ok(())
}

/// Makes a session with the original's database safe. Its tables are named with their schema.
pub(super) async fn protect_source(connection: &mut PgConnection) -> Result<(), TakeOverError> {
    connection.execute(STRICT).await?;
    refuse(&enum_casts(connection).await?)
}

async fn enum_casts(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(ENUM_CASTS).fetch_all(connection).await
}

fn refuse(objects: &[String]) -> Result<(), TakeOverError> {
    if objects.is_empty() {
        return Ok(());
    }
    Err(TakeOverError::NotApplicable(format!(
        "{} could change what is read or run with this role's rights; nothing was changed. Drop it, or move it to \
         another schema, and `revoke create on schema public from public`.",
        objects.join("; ")
    )))
}
