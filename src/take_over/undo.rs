//! Undoes a take-over: deletes all rows here and moves the original's tables back.

use std::path::PathBuf;

use migrate_toolkit::Migrator;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::error::TakeOverError;
use super::format::count;
use super::options::SET_ASIDE_SCHEMA;
use super::session::{Isolation, ProgressReport, TakeOverSession};
use super::sql::{identifier, literal, run};
use super::tables::OriginalTable;
use super::{recognize, set_aside, undo_keep};

/// The options of undoing a take-over.
#[derive(Debug, Clone)]
pub struct UndoRequest {
    /// The schema that the original's tables are moved back to.
    pub schema: String,
    /// The file for everything that was entered since the take-over.
    pub keep: PathBuf,
    /// Only report; change nothing.
    pub report_only: bool,
}

/// The number of changes since the take-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct ChangesSince {
    /// Registered users.
    pub users: i64,
    /// Entered transactions.
    pub entered: i64,
    /// Changed transactions.
    pub changed: i64,
    /// Deleted transactions.
    pub deleted: i64,
    /// Created or changed categories, tags and payees.
    pub others: i64,
}

impl ChangesSince {
    /// Returns true if nothing was changed.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.users + self.entered + self.changed + self.deleted + self.others == 0
    }
}

impl std::fmt::Display for ChangesSince {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { users, entered, changed, deleted, others } = self;
        write!(
            formatter,
            "since the take-over, {} registered, {} entered, {} changed, {} deleted, {} created or changed",
            count(*users, "user has", "users have"),
            count(*entered, "transaction was", "transactions were"),
            count(*changed, "was", "were"),
            count(*deleted, "was", "were"),
            count(*others, "category, tag or payee was", "categories, tags and payees were"),
        )
    }
}

/// The result of undoing a take-over.
#[derive(Debug)]
pub struct UndoOutcome {
    /// The changes since the take-over.
    pub since: ChangesSince,
    /// The number of users that were here.
    pub users: i64,
    /// The schema of the original's tables.
    pub schema: String,
    /// True if the tables were moved back.
    pub moved: bool,
    /// The file with everything that was entered since the take-over.
    pub kept: Option<PathBuf>,
}

/// Views of the original's rows and of the moment of the take-over, for this module and [`undo_keep`].
const VIEWS: &str = "
create temp view undo_moment as select coalesce(min(created_at), 'infinity') as at from categories;
create temp view undo_users as select id, \"createdAt\" at time zone 'UTC' as created_at from {schema}.\"User\";
create temp view undo_transactions as
select id, \"userId\" as user_id, amount from {schema}.\"Transaction\" where {taken};
create temp view undo_others as
select 'category' as what, c.user_id, c.id, c.name, c.created_at, c.updated_at
from undo_moment, categories c
join undo_users o on o.id = c.user_id
where greatest(c.created_at, c.updated_at) > at
union all
select 'tag', user_id, id, name, created_at, updated_at from tags
union all
select 'payee', user_id, id, name, created_at, updated_at from payees;
";

/// The condition for the original's transactions that were taken over. Where its tables are still in their place, the old
/// service may have entered more, with higher ids.
const TAKEN_IN_PLACE: &str = "id <= (select max(t.id) from transactions t, undo_moment where t.created_at <= at)";

/// Counts users of either side that the other does not have, and who have not registered since the take-over: neither here, nor
/// in an old service that has gone on.
const FOREIGN_USERS: &str = "
select count(*)
from undo_moment, undo_users o
full join users u on u.id = o.id and u.created_at = o.created_at
where (u.id is null or o.id is null) and coalesce(u.created_at, o.created_at) <= at";

const SINCE: &str = "
select
    (
        select count(*) from users u
        where not exists (select from undo_users o where o.id = u.id and o.created_at = u.created_at)
    ) as users,
    (
        select count(*) from undo_moment, transactions t left join undo_transactions o using (id)
        where o.id is null or t.created_at > at
    ) as entered,
    (
        select count(*) from undo_moment, transactions t join undo_transactions o using (id)
        where t.created_at <= at and t.updated_at <> t.created_at
    ) as changed,
    (
        select count(*) from undo_transactions o
        left join transactions t using (id)
        where t.id is null and o.amount <> 0
    ) as deleted,
    (select count(*) from undo_others) as others";

/// All tables of this service that contain rows of users.
const OWN_TABLES: &str = "
with recursive own as (
    select oid from pg_catalog.pg_class where oid = 'users'::regclass or oid = 'usage_deltas'::regclass
    union
    select k.conrelid
    from own
    join pg_catalog.pg_constraint k on k.confrelid = own.oid and k.contype = 'f'
    join pg_catalog.pg_class c on c.oid = k.conrelid
    where c.relnamespace = (select relnamespace from pg_catalog.pg_class where oid = 'users'::regclass)
)
select string_agg(oid::regclass::text, ', ' order by oid) from own";

/// Deletes all rows and moves the original's tables back.
///
/// # Errors
/// [`TakeOverError`]; nothing was changed then.
pub async fn undo(
    migrator: &Migrator,
    undo: &UndoRequest,
    report: ProgressReport<'_>,
) -> Result<UndoOutcome, TakeOverError> {
    TakeOverSession::with(migrator, Isolation::Statement, async |session| {
        let connection = &mut session.connection;
        let own: String = sqlx::query_scalar(OWN_TABLES).fetch_one(&mut *connection).await?;
        if !undo.report_only {
            run(connection, format!("lock table {own} in access exclusive mode")).await?;
        }
        let (place, objects) = find(connection, &undo.schema).await?;
        let moved = place != undo.schema;
        let taken = if moved { "true" } else { TAKEN_IN_PLACE };
        run(connection, VIEWS.replace("{schema}", &identifier(&place)).replace("{taken}", taken)).await?;
        let users: i64 = sqlx::query_scalar("select count(*) from users").fetch_one(&mut *connection).await?;
        let since = since(connection, users, &place).await?;
        let mut undone = UndoOutcome { since, users, schema: undo.schema.clone(), moved, kept: None };
        if undo.report_only {
            return Ok(undone);
        }
        if !since.is_nothing() {
            report(&format!("  writing everything entered since to {}", undo.keep.display()));
            undo_keep::write(connection, &undo.keep).await?;
            undone.kept = Some(undo.keep.clone());
        }
        let done = delete_all(connection, &own, moved.then_some((&objects, &place)), &undo.schema).await;
        if let (Err(_), Some(file)) = (&done, &undone.kept) {
            // The file describes rows that are still here.
            undo_keep::remove(file);
        }
        done.map(|()| undone)
    })
    .await
}

/// Finds the schema of the original's tables.
async fn find(connection: &mut PgConnection, schema: &str) -> Result<(String, Vec<String>), TakeOverError> {
    for place in [SET_ASIDE_SCHEMA, schema] {
        let objects = set_aside::objects(connection, place).await?;
        if OriginalTable::BOTH.iter().all(|table| objects.contains(&format!("table {}", identifier(table.name())))) {
            recognize::count_rows(connection, place).await?;
            return Ok((place.to_owned(), objects));
        }
    }
    Err(TakeOverError::NotApplicable(format!(
        "the original's tables are neither in the schema {SET_ASIDE_SCHEMA} nor in {}; nothing was changed. After a \
         take-over from \
         another database or from a dump, the original is unchanged: point its clients there again.",
        identifier(schema)
    )))
}

/// Counts the changes since the take-over, after checking that the users here come from the original.
async fn since(connection: &mut PgConnection, users: i64, place: &str) -> Result<ChangesSince, TakeOverError> {
    if users == 0 {
        return Ok(ChangesSince { users: 0, entered: 0, changed: 0, deleted: 0, others: 0 });
    }
    let foreign: i64 = sqlx::query_scalar(FOREIGN_USERS).fetch_one(&mut *connection).await?;
    if foreign > 0 {
        return Err(TakeOverError::NotApplicable(format!(
            "of the original in the schema {}, {} missing here or registered separately, so the rows here did not come \
             from there; nothing was changed.",
            identifier(place),
            count(foreign, "user is", "users are")
        )));
    }
    Ok(sqlx::query_as(SINCE).fetch_one(connection).await?)
}

async fn delete_all(
    connection: &mut PgConnection,
    own: &str,
    moves: Option<(&Vec<String>, &String)>,
    schema: &str,
) -> Result<(), TakeOverError> {
    connection.execute("drop view undo_others, undo_users, undo_transactions, undo_moment").await?;
    // Without `cascade`, so that it fails if a foreign table references one of these.
    run(connection, format!("truncate {own} restart identity")).await?;
    if let Some((objects, from)) = moves {
        set_aside::move_objects(connection, objects, from, schema).await?;
        let empty = format!(
            "select not exists (select from pg_catalog.pg_class where relnamespace = to_regnamespace({0})) and not exists (select \
             from pg_catalog.pg_type where typnamespace = to_regnamespace({0})) and not exists (select from pg_catalog.pg_proc \
             where pronamespace = to_regnamespace({0}))",
            literal(&identifier(from))
        );
        if sqlx::query_scalar(AssertSqlSafe(empty)).fetch_one(&mut *connection).await? {
            run(connection, format!("drop schema {}", identifier(from))).await?;
        }
    }
    connection.execute("commit").await?;
    Ok(())
}
