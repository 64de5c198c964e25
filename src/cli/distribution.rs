//! The distribution of tables over the servers of a Citus cluster, as far as a deploy has to tell of it.

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use crate::db::distribution_store;

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
    if !distribution_store::has_extension(&mut connection).await? {
        return Ok(Some(
            "database.citus is set, and this database has no extension citus: its tables are on one server. See \
             scripts/citus/README.md, or do not set it."
                .to_owned(),
        ));
    }
    let left = distribution_store::left(&mut connection).await?;
    Ok((!left.is_empty())
        .then(|| format!("Not distributed over the servers of the cluster yet: {}. Run: {COMMAND}", left.join(", "))))
}
