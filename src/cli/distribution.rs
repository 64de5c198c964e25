//! The distribution of tables over the servers of a Citus cluster, as far as a deploy has to tell of it.

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

/// The command that distributes tables.
const COMMAND: &str = "psql --no-psqlrc --file scripts/citus/distribute.sql \"$DATABASE_URL\"";

/// Advice to distribute tables that are not; `None` if all are.
///
/// A deploy does not do it by itself: rows of a table are moved to other servers, and nobody can write them meanwhile.
///
/// # Errors
/// Only from the database.
pub(super) async fn advice(database: &PgConnectOptions) -> Result<Option<String>, sqlx::Error> {
    let mut connection = database.connect().await?;
    let has_extension: bool =
        sqlx::query_scalar("select to_regclass('pg_dist_partition') is not null").fetch_one(&mut connection).await?;
    if !has_extension {
        return Ok(Some(
            "database.citus is set, and this database has no extension citus: its tables are on one server. See \
             scripts/citus/README.md, or do not set it."
                .to_owned(),
        ));
    }
    // In Citus' own table, `h` is by hash, and `t` a table that each server has whole.
    let left: Vec<String> = sqlx::query_scalar(
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
    .fetch_all(&mut connection)
    .await?;
    if left.is_empty() {
        return Ok(None);
    }
    Ok(Some(format!("Not distributed over the servers of the cluster yet: {}. Run: {COMMAND}", left.join(", "))))
}
