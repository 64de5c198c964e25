//! The table `payees`.

use sqlx::{AssertSqlSafe, PgConnection};

use super::model::{NewPayee, Payee, PayeeEdit};
use crate::domain::search::{FOLDED, Word, fold};
use crate::features::named::{NameTaken, Place, unless_taken};
use crate::http::page::Segment;
use crate::http::walk::{Batch, Keyed, SMALL_ROW};

/// The constraint that keeps names apart.
const KEY: &str = "payees_name_key";

/// A user's payee by id.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<Option<Payee>, sqlx::Error> {
    sqlx::query_as!(
        Payee,
        r#"
        select
            id,
            name,
            created_at,
            updated_at,
            null::bigint as transaction_count
        from payees
        where user_id = $1 and id = $2
        "#,
        user_id,
        id,
    )
    .fetch_optional(connection)
    .await
}

/// A user's payees by name.
#[derive(Debug, Clone, Copy)]
pub struct PayeeList {
    /// The owner's id.
    pub user_id: i64,
    /// With their use.
    pub counts: bool,
}

impl Keyed for PayeeList {
    type Row = Payee;
    type Key = Place;

    fn counts(&self) -> bool {
        self.counts
    }

    fn key(row: &Payee) -> Place {
        Place::from(row)
    }

    async fn read(
        &self,
        connection: &mut PgConnection,
        segment: &Segment<Place>,
        batch: &mut Batch<Payee>,
    ) -> Result<(), sqlx::Error> {
        let (compare, order) = segment.smallest_first();
        let sql = format!(
            r#"
            select
                id, name, created_at, updated_at,
                case when $5 then (
                    select count(*) from transactions u where u.user_id = n.user_id and u.payee_id = n.id
                ) end as transaction_count
            from payees n
            where user_id = $1 and ($2::text is null or (name collate "und-x-icu", id) {compare} ($2, $3))
            order by name collate "und-x-icu" {order}, id {order}
            limit $4
            "#
        );
        let rows = sqlx::query_as(AssertSqlSafe(sql))
            .bind(self.user_id)
            .bind(segment.key().map(|key| key.0.as_str()))
            .bind(segment.key().map(|key| key.1))
            .bind(segment.limit)
            .bind(self.counts)
            .fetch(connection);
        batch.fill(rows, |row: &Payee| row.name.len() + SMALL_ROW).await
    }
}

/// Adds a payee.
///
/// # Errors
/// The database's; that the name is taken is the inner result.
pub async fn insert(
    connection: &mut PgConnection,
    user_id: i64,
    new: &NewPayee,
) -> Result<Result<i64, NameTaken>, sqlx::Error> {
    let inserted = sqlx::query_scalar!(
        "insert into payees (user_id, name, search) values ($1, $2, $3) returning id",
        user_id,
        new.name,
        search_of(&new.name),
    );
    unless_taken(inserted.fetch_one(connection).await, KEY)
}

/// Changes a payee.
///
/// # Errors
/// The database's; that the name is taken is the inner result.
pub async fn update(
    connection: &mut PgConnection,
    current: Payee,
    user_id: i64,
    edit: PayeeEdit,
) -> Result<Result<(), NameTaken>, sqlx::Error> {
    let name = edit.name.unwrap_or(current.name);
    let search = search_of(&name);
    let updated = sqlx::query!(
        "update payees set name = $3, search = $4, updated_at = now() where user_id = $1 and id = $2",
        user_id,
        current.id,
        name,
        search,
    );
    Ok(unless_taken(updated.execute(connection).await, KEY)?.map(drop))
}

/// Deletes a payee; the transactions that have it go on without.
///
/// # Errors
/// The database's.
pub async fn delete(connection: &mut PgConnection, user_id: i64, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from payees where user_id = $1 and id = $2", user_id, id).execute(connection).await?;
    Ok(())
}

/// The id of a user's payee of this name, who is made if there is none.
///
/// # Errors
/// The database's.
pub async fn find_or_create(connection: &mut PgConnection, user_id: i64, name: &str) -> Result<i64, sqlx::Error> {
    // Nearly always it is there. Made by somebody else in between, it is there the second time.
    loop {
        let found = sqlx::query_scalar!(
            "select id from payees where user_id = $1 and name_key(name) = name_key($2)",
            user_id,
            name,
        );
        if let Some(id) = found.fetch_optional(&mut *connection).await? {
            return Ok(id);
        }
        let made = sqlx::query_scalar!(
            "insert into payees (user_id, name, search) values ($1, $2, $3) on conflict do nothing returning id",
            user_id,
            name,
            search_of(name),
        );
        if let Some(id) = made.fetch_optional(&mut *connection).await? {
            return Ok(id);
        }
    }
}

/// The ids of a user's payees whose names have each of these words, word by word.
///
/// # Errors
/// The database's.
pub async fn matching(
    connection: &mut PgConnection,
    user_id: i64,
    words: &[Word],
) -> Result<Vec<Vec<i64>>, sqlx::Error> {
    let patterns =
        words.iter().zip(1_i64..).flat_map(|(word, number)| word.patterns().map(move |pattern| (pattern, number)));
    let (patterns, numbers): (Vec<String>, Vec<i64>) = patterns.unzip();
    let rows = sqlx::query!(
        r#"
        select distinct
            p.id,
            w.number as "number!"
        from unnest($2::text[], $3::bigint[]) as w (pattern, number)
        join payees p on p.user_id = $1 and p.search like w.pattern
        "#,
        user_id,
        &patterns,
        &numbers,
    );
    let mut ids = vec![Vec::new(); words.len()];
    for row in rows.fetch_all(connection).await? {
        if let Some(ids) = usize::try_from(row.number - 1).ok().and_then(|number| ids.get_mut(number)) {
            ids.push(row.id);
        }
    }
    Ok(ids)
}

/// The id of a user's payee by id and by name, whichever are given.
///
/// # Errors
/// The database's.
pub async fn look_up(
    connection: &mut PgConnection,
    user_id: i64,
    id: Option<i64>,
    name: Option<&str>,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select id from payees
        where user_id = $1 and ($2::bigint is null or id = $2) and ($3::text is null or name_key(name) = name_key($3))
        limit 1
        "#,
        user_id,
        id,
        name,
    )
    .fetch_optional(connection)
    .await
}

/// What a payee is found by.
fn search_of(name: &str) -> String {
    fold(name) + FOLDED
}

/// Folds the names of payees that came in by another way than the API, or were folded by an older program: a thousand at most.
/// Says how many there were.
///
/// # Errors
/// The database's.
pub async fn fold_pending(connection: &mut PgConnection) -> Result<usize, sqlx::Error> {
    let rows = sqlx::query!(
        r"
        select user_id, id, name
        from payees
        where right(search, 2) <> E'\n2'
        order by user_id, id
        limit 1000
        for update skip locked
        ",
    );
    let rows = rows.fetch_all(&mut *connection).await?;
    let users: Vec<i64> = rows.iter().map(|row| row.user_id).collect();
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let texts: Vec<String> = rows.iter().map(|row| search_of(&row.name)).collect();
    sqlx::query!(
        r"
        update payees p
        set search = f.search
        from unnest($1::bigint[], $2::bigint[], $3::text[]) as f (user_id, id, search)
        where p.user_id = f.user_id and p.id = f.id
        ",
        &users,
        &ids,
        &texts,
    )
    .execute(connection)
    .await?;
    Ok(rows.len())
}
