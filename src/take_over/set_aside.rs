//! Moves the original's tables to another schema and back.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, PgConnection};

use super::error::TakeOverError;
use super::sql::{identifier, literal, run};

/// The error for missing privileges.
pub(super) fn forbidden(problem: &str) -> TakeOverError {
    TakeOverError::NotApplicable(format!(
        "{problem}; nothing was changed. The role must own the original's tables, or be a member of their owner, and may create schemas: set one in DATABASE_DIRECT_URL. With --keep-in-place it only has to read and lock them."
    ))
}

/// The original's objects in a schema, in the form of `alter` statements.
pub(super) async fn objects(connection: &mut PgConnection, schema: &str) -> Result<Vec<String>, sqlx::Error> {
    let query = format!(
        "
        select 'table ' || quote_ident(c.relname) as object
        from pg_catalog.pg_class c
        where c.relnamespace = to_regnamespace({schema}) and c.relkind in ('r', 'p')
            and c.relname in ('User', 'Transaction', '_prisma_migrations')
        union all
        select 'type ' || quote_ident(t.typname)
        from pg_catalog.pg_type t
        where t.typnamespace = to_regnamespace({schema}) and t.typname = 'TransactionType' and t.typtype = 'e'
        ",
        schema = literal(&identifier(schema))
    );
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(connection).await
}

/// Checks before any work is done that the tables can be moved at the end.
pub(super) async fn check_move(connection: &mut PgConnection, from: &str, to: &str) -> Result<(), TakeOverError> {
    let there = objects(connection, to).await?;
    if !there.is_empty() {
        return Err(TakeOverError::NotApplicable(format!(
            "the schema {} already has such objects ({}); nothing was changed. Rename that schema, or use --keep-in-place.",
            identifier(to),
            there.join(", ")
        )));
    }
    let query = format!(
        "
        select 'does not own the table ' || oid::regclass
        from pg_catalog.pg_class
        where relnamespace = to_regnamespace({from}) and relkind in ('r', 'p')
            and relname in ('User', 'Transaction', '_prisma_migrations') and not pg_has_role(relowner, 'usage')
        union all
        select 'does not own the type ' || oid::regtype
        from pg_catalog.pg_type
        where typnamespace = to_regnamespace({from}) and typname = 'TransactionType' and not pg_has_role(typowner, 'usage')
        union all
        select 'may not create schemas'
        where to_regnamespace({to}) is null and not has_database_privilege(current_database(), 'create')
        union all
        select 'may not create objects in the schema ' || {to}
        where not has_schema_privilege(to_regnamespace({to}), 'create')
        limit 1
        ",
        from = literal(&identifier(from)),
        to = literal(&identifier(to)),
    );
    match sqlx::query_scalar::<_, String>(AssertSqlSafe(query)).fetch_optional(connection).await? {
        None => Ok(()),
        Some(lacking) => Err(forbidden(&format!("the role {lacking}"))),
    }
}

/// Moves the original's objects to another schema. Indexes and sequences move with their tables.
pub(super) async fn move_objects(
    connection: &mut PgConnection,
    objects: &[String],
    from: &str,
    to: &str,
) -> Result<(), sqlx::Error> {
    let mut sql = format!("create schema if not exists {};", identifier(to));
    for object in objects {
        let (kind, name) = object.split_once(' ').unwrap_or(("table", object));
        let _ = write!(sql, "alter {kind} {}.{name} set schema {};", identifier(from), identifier(to));
    }
    run(connection, sql).await?;
    Ok(())
}
