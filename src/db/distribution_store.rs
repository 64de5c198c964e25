//! The tables that a Citus cluster has not distributed over its servers.

use sqlx::PgConnection;

/// Returns true if the database has the extension of such a cluster.
///
/// # Errors
/// Only from the database.
pub async fn has_extension(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select to_regclass('pg_dist_partition') is not null").fetch_one(connection).await
}

/// The tables of users that are not distributed, and the table of the users themselves if not every server has it.
///
/// # Errors
/// Only from the database; one without the extension is one, too.
pub async fn left(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    // In the cluster's own table, `h` is by hash, and `t` a table that each server has whole.
    sqlx::query_scalar(
        "select c.relname::text
        from pg_class c
        left join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped
        where c.relnamespace = to_regnamespace(current_schema()) and c.relkind in ('r', 'p') and not c.relispartition
            and (a.attnum is not null or c.relname = 'users')
            and not exists (
                select from pg_dist_partition p
                where p.logicalrelid = c.oid and case when a.attnum is null then p.repmodel = 't' else p.partmethod = 'h' end
            )
        order by 1",
    )
    .fetch_all(connection)
    .await
}
