//! Going back: what was taken over here is taken away, and the original's tables are where they were.

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::error::TakeOverError;
use super::report::count;
use super::session::Session;
use super::source::{self, Table};
use super::{PUT_ASIDE, Tell, identifier, literal, run, undo_keep};

/// How to go back.
#[derive(Debug, Clone)]
pub struct Undo {
    /// The schema that the original's tables come back to.
    pub schema: String,
    /// The file that what was entered since is written to.
    pub keep: PathBuf,
    /// Only looks what there is.
    pub look_only: bool,
}

/// What was entered since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Since {
    /// Users who registered.
    pub users: i64,
    /// Transactions that were entered.
    pub entered: i64,
    /// Transactions that were changed.
    pub changed: i64,
    /// Transactions that were deleted.
    pub deleted: i64,
    /// Categories, tags and payees that were made or changed.
    pub others: i64,
}

impl Since {
    /// Whether nothing was.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.users + self.entered + self.changed + self.deleted + self.others == 0
    }
}

impl std::fmt::Display for Since {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { users, entered, changed, deleted, others } = self;
        write!(
            formatter,
            "since the take-over, {} registered, {} entered, {} changed, {} deleted, {} made or changed",
            count(*users, "user has", "users have"),
            count(*entered, "transaction was", "transactions were"),
            count(*changed, "was", "were"),
            count(*deleted, "was", "were"),
            count(*others, "category, tag or payee was", "categories, tags and payees were"),
        )
    }
}

/// What was done.
#[derive(Debug)]
pub struct Undone {
    /// What was entered since.
    pub since: Since,
    /// Users who were here.
    pub users: i64,
    /// The schema that the original's tables are in.
    pub schema: String,
    /// Whether they were moved there now.
    pub moved: bool,
    /// Where what was entered since stands.
    pub kept: Option<PathBuf>,
}

/// The original's rows, wherever its tables are, as [`undo_keep`] reads them.
const VIEWS: &str = "
create temp view undo_users as select id, \"createdAt\" at time zone 'UTC' as created_at from {schema}.\"User\";
create temp view undo_transactions as select id, \"userId\" as user_id, amount from {schema}.\"Transaction\";
create temp view undo_others as
select 'category' as what, c.user_id, c.id, c.name, c.created_at, c.updated_at
from categories c
join undo_users o on o.id = c.user_id
where greatest(c.created_at, c.updated_at) > (select min(created_at) from categories)
union all
select 'tag', user_id, id, name, created_at, updated_at from tags
union all
select 'payee', user_id, id, name, created_at, updated_at from payees;
";

/// Users that are not the original's as they came from there.
const STRANGERS: &str = "
select count(*) from undo_users o left join users u on u.id = o.id where u.created_at is distinct from o.created_at";

const SINCE: &str = "
select
    (select count(*) from users u where not exists (select from undo_users o where o.id = u.id)) as users,
    (select count(*) from transactions t left join undo_transactions o using (id) where o.id is null) as entered,
    (select count(*) from transactions t join undo_transactions o using (id) where t.updated_at <> t.created_at) as changed,
    (
        select count(*) from undo_transactions o
        left join transactions t using (id)
        where t.id is null and o.amount <> 0
    ) as deleted,
    (select count(*) from undo_others) as others";

/// All tables of this service's that have rows of users.
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

/// Takes all rows away, and moves the original's tables back.
///
/// # Errors
/// [`TakeOverError`]; nothing was changed then.
pub async fn undo(options: &PgConnectOptions, undo: &Undo, tell: Tell<'_>) -> Result<Undone, TakeOverError> {
    Session::with(options, async |session| {
        let connection = &mut session.connection;
        let own: String = sqlx::query_scalar(OWN_TABLES).fetch_one(&mut *connection).await?;
        if !undo.look_only {
            run(connection, format!("lock table {own} in access exclusive mode")).await?;
        }
        let (place, objects) = find(connection, &undo.schema).await?;
        run(connection, VIEWS.replace("{schema}", &identifier(&place))).await?;
        let users: i64 = sqlx::query_scalar("select count(*) from users").fetch_one(&mut *connection).await?;
        let since = since(connection, users, &place).await?;
        let moved = place != undo.schema;
        let mut undone = Undone { since, users, schema: undo.schema.clone(), moved, kept: None };
        if undo.look_only {
            return Ok(undone);
        }
        if !since.is_nothing() {
            tell(&format!("  writing what was entered since to {}", undo.keep.display()));
            undo_keep::write(connection, &undo.keep).await?;
            undone.kept = Some(undo.keep.clone());
        }
        let done = take_away(connection, &own, moved.then_some((&objects, &place)), &undo.schema).await;
        if let (Err(_), Some(file)) = (&done, &undone.kept) {
            // It says what is here still.
            undo_keep::remove(file);
        }
        done.map(|()| undone)
    })
    .await
}

/// Where the original's tables are: put aside, or in their place.
async fn find(connection: &mut PgConnection, schema: &str) -> Result<(String, Vec<String>), TakeOverError> {
    for place in [PUT_ASIDE, schema] {
        let objects = source::objects(connection, place).await?;
        if Table::BOTH.iter().all(|table| objects.contains(&format!("table {}", identifier(table.name())))) {
            source::look(connection, place).await?;
            return Ok((place.to_owned(), objects));
        }
    }
    Err(TakeOverError::Senseless(format!(
        "the original's tables are neither in the schema {PUT_ASIDE} nor in {}; nothing was changed. After a take-over from \
         another database or from a dump, the original is as it was: point its clients there again.",
        identifier(schema)
    )))
}

/// What was entered since, if the users here are those of the original.
async fn since(connection: &mut PgConnection, users: i64, place: &str) -> Result<Since, TakeOverError> {
    if users == 0 {
        return Ok(Since { users: 0, entered: 0, changed: 0, deleted: 0, others: 0 });
    }
    let strangers: i64 = sqlx::query_scalar(STRANGERS).fetch_one(&mut *connection).await?;
    if strangers > 0 {
        return Err(TakeOverError::Senseless(format!(
            "{} of the original's in the schema {} here under another registration or not at all, so that what is here did not \
             come from there; nothing was changed.",
            count(strangers, "user is", "users are"),
            identifier(place)
        )));
    }
    Ok(sqlx::query_as(SINCE).fetch_one(connection).await?)
}

async fn take_away(
    connection: &mut PgConnection,
    own: &str,
    moves: Option<(&Vec<String>, &String)>,
    schema: &str,
) -> Result<(), TakeOverError> {
    connection.execute("drop view undo_others, undo_users, undo_transactions").await?;
    // Without `cascade`: where somebody else's table points at one of these, it is refused.
    run(connection, format!("truncate {own} restart identity")).await?;
    if let Some((objects, from)) = moves {
        source::put_aside(connection, objects, from, schema).await?;
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
