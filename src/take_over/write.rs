//! Writes users and transactions.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::entry::{self, OriginalTransaction};
use super::error::TakeOverError;
use super::options::TakeOverRequest;
use super::session::{ProgressReport, RowProgress, transform};
use super::sql::{BLANKS, literal, run};
use super::tables::NextIds;
use crate::features::auth::MAX_NAME;
use crate::features::categories::default_store;

/// The number of users whose categories are created in one statement.
const USERS_PER_BATCH: i64 = 500;

/// Writes the users with their default categories. Password hashes do not leave the database.
pub(super) async fn users(
    connection: &mut PgConnection,
    request: &TakeOverRequest,
    report: ProgressReport<'_>,
) -> Result<(), TakeOverError> {
    let insert = format!(
        r#"
        insert into users (id, email, name, password_hash, currency, time_zone, created_at, updated_at)
        overriding system value
        select
            o.id,
            u.email,
            btrim(left(u.name, {MAX_NAME}), {BLANKS}),
            o.password,
            {currency},
            {zone},
            o."createdAt" at time zone 'UTC',
            o."updatedAt" at time zone 'UTC'
        from original_users o
        join take_over_users u using (id)
        order by o.id
        "#,
        currency = literal(request.currency.code()),
        zone = literal(request.zone.name()),
    );
    run(connection, insert).await?;
    let mut progress = RowProgress::new("users");
    let mut after = i64::MIN;
    loop {
        let ids: Vec<i64> = sqlx::query_scalar("select id from users where id > $1 order by id limit $2")
            .bind(after)
            .bind(USERS_PER_BATCH)
            .fetch_all(&mut *connection)
            .await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        default_store::insert_all(connection, &ids).await?;
        progress.add(u64::try_from(ids.len()).unwrap_or(0), report);
    }
}

/// Writes the transactions. Returns the number of those whose title was replaced.
pub(super) async fn transactions(
    connection: &mut PgConnection,
    request: &TakeOverRequest,
    report: ProgressReport<'_>,
) -> Result<i64, TakeOverError> {
    let select = "
        select
            r.id,
            r.user_id,
            left(r.title, 5001) as title,
            left(r.title_en, 5001) as title_en,
            r.amount::text as amount,
            r.kind::text as kind,
            r.day::text as day,
            case when p.is_long then left(p.category, 5001) end as long_category,
            p.name as category,
            p.category_id,
            p.is_other
        from take_over_rows r
        join take_over_places p using (user_id, kind, category)
        order by r.id";
    let (currency, mut renamed) = (request.currency.code(), 0);
    let mut progress = RowProgress::new("transactions");
    let make = |original: OriginalTransaction, rows: &mut Vec<u8>| {
        renamed += i64::from(entry::write(&original, currency, rows));
    };
    transform(connection, select.to_owned(), entry::COLUMNS, make, |rows| progress.add(rows, report)).await?;
    connection.execute("analyze users; analyze categories; analyze transactions").await?;
    Ok(renamed)
}

/// Sets the sequences to the original's next ids. `setval` is not used, because it is never rolled back.
pub(super) async fn next_ids(connection: &mut PgConnection, original: NextIds) -> Result<(), TakeOverError> {
    for (table, next) in [("users", original.users), ("transactions", original.transactions)] {
        let query =
            format!("select pg_get_serial_sequence('{table}', 'id'), coalesce((select max(id) from {table}), 0) + 1");
        let (sequence, behind): (String, i64) =
            sqlx::query_as(AssertSqlSafe(query)).fetch_one(&mut *connection).await?;
        // `pg_get_serial_sequence` returns a quoted name.
        run(connection, format!("alter sequence {sequence} restart with {}", next.unwrap_or(1).max(behind).max(1)))
            .await?;
    }
    Ok(())
}
