//! Many rows of the table `transactions` at once.

use chrono::NaiveDate;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::criteria::Criteria;
use super::model::SEARCH_SEPARATOR;
use crate::domain::search::{FOLDED, fold};
use crate::domain::transaction_type::TransactionType;
use crate::http::input::Change;

/// The transactions that meet criteria.
#[derive(Debug, Default)]
pub(super) struct Matched {
    /// Their ids.
    pub(super) ids: Vec<i64>,
    /// The types that there are among them.
    pub(super) types: Vec<TransactionType>,
}

/// What many transactions get, with its names looked up.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) title: Option<String>,
    /// That of an income, and that of an expense.
    pub(super) categories: Option<(i64, i64)>,
    pub(super) date: Option<NaiveDate>,
    pub(super) note: Change<String>,
    pub(super) payee: Change<i64>,
    /// All tags.
    pub(super) tags: Option<Vec<i64>>,
    pub(super) add_tags: Vec<i64>,
    pub(super) remove_tags: Vec<i64>,
}

/// The transactions that meet criteria.
///
/// # Errors
/// The database's.
pub(super) async fn matched(
    connection: &mut PgConnection,
    user_id: i64,
    criteria: &Criteria,
) -> Result<Matched, sqlx::Error> {
    let mut query =
        QueryBuilder::new("select coalesce(array_agg(id), '{}'), coalesce(array_agg(distinct type), '{}') from (");
    criteria.push_select(&mut query, user_id, "t.id, t.type::text as type");
    query.push(") t");
    let (ids, types): (_, Vec<String>) = query.build_query_as().persistent(false).fetch_one(connection).await?;
    let types = types.into_iter().map(TransactionType::try_from).collect::<Result<_, _>>();
    Ok(Matched { ids, types: types.map_err(|error| sqlx::Error::Decode(error.into()))? })
}

/// Those of a user's transactions that would be others with these columns.
///
/// # Errors
/// The database's.
pub(super) async fn differing(
    connection: &mut PgConnection,
    user_id: i64,
    ids: &[i64],
    columns: &Columns,
) -> Result<Vec<i64>, sqlx::Error> {
    let mut query = QueryBuilder::new("select t.id from transactions t where t.user_id = ");
    query.push_bind(user_id).push(" and t.id = any (").push_bind(ids).push(") and (false");
    if let Some(title) = &columns.title {
        query.push(" or t.title <> ").push_bind(title);
    }
    if let Some(categories) = columns.categories {
        query.push(" or t.category_id <> ");
        push_category(&mut query, categories);
    }
    if let Some(date) = columns.date {
        query.push(" or t.date <> ").push_bind(date);
    }
    match &columns.note {
        Change::Keep => {}
        Change::Clear => drop(query.push(" or t.note is not null")),
        Change::Set(note) => drop(query.push(" or t.note is distinct from ").push_bind(note)),
    }
    match columns.payee {
        Change::Keep => {}
        Change::Clear => drop(query.push(" or t.payee_id is not null")),
        Change::Set(payee) => drop(query.push(" or t.payee_id is distinct from ").push_bind(payee)),
    }
    if let Some(tags) = &columns.tags {
        push_has_not_all(&mut query, tags);
        push_has(&mut query, "<> all", tags);
    }
    if !columns.add_tags.is_empty() {
        push_has_not_all(&mut query, &columns.add_tags);
    }
    if !columns.remove_tags.is_empty() {
        push_has(&mut query, "= any", &columns.remove_tags);
    }
    query.push(") order by t.id");
    query.build_query_scalar().persistent(false).fetch_all(connection).await
}

const LINKS: &str = "from transaction_tags l where l.user_id = t.user_id and l.transaction_id = t.id and l.tag_id";

fn push_category(query: &mut QueryBuilder<Postgres>, (income, expense): (i64, i64)) {
    query.push("case t.type when 'INCOME' then ").push_bind(income).push(" else ").push_bind(expense).push(" end");
}

fn push_has_not_all(query: &mut QueryBuilder<Postgres>, tags: &[i64]) {
    query.push(format_args!(" or (select count(*) {LINKS} = any (")).push_bind(tags.to_vec());
    query.push(")) < cardinality(").push_bind(tags.to_vec()).push(")");
}

fn push_has(query: &mut QueryBuilder<Postgres>, compare: &str, tags: &[i64]) {
    query.push(format_args!(" or exists (select {LINKS} {compare} (")).push_bind(tags.to_vec()).push("))");
}

/// By how many bytes the text of transactions grows with these columns; 0 where no text is set.
///
/// # Errors
/// The database's.
pub(super) async fn text_growth(
    connection: &mut PgConnection,
    user_id: i64,
    ids: &[i64],
    columns: &Columns,
) -> Result<i64, sqlx::Error> {
    let title = columns.title.as_ref().map(String::len);
    let note = match &columns.note {
        Change::Set(note) => Some(note.len()),
        Change::Keep | Change::Clear => None,
    };
    if title.is_none() && note.is_none() {
        return Ok(0);
    }
    let bytes = |length: Option<usize>| length.and_then(|length| i64::try_from(length).ok());
    sqlx::query_scalar!(
        r#"
        select coalesce(sum(
            coalesce($3::bigint - octet_length(title), 0) + coalesce($4::bigint - coalesce(octet_length(note), 0), 0)
        ), 0)::bigint as "growth!"
        from transactions
        where user_id = $1 and id = any ($2)
        "#,
        user_id,
        ids,
        bytes(title),
        bytes(note),
    )
    .fetch_one(connection)
    .await
}

/// Gives transactions these columns.
///
/// # Errors
/// The database's.
pub(super) async fn update(
    connection: &mut PgConnection,
    user_id: i64,
    ids: &[i64],
    columns: &Columns,
) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("update transactions t set updated_at = now()");
    if let Some(title) = &columns.title {
        query.push(", title = ").push_bind(title);
        if columns.categories.is_none() {
            // What spoke for the category was in the title before.
            query.push(", category_reason = case when t.title = ").push_bind(title);
            query.push(" then t.category_reason end");
        }
    }
    if let Some(categories) = columns.categories {
        query.push(", category_source = 'USER', category_reason = null, category_id = ");
        push_category(&mut query, categories);
    }
    if let Some(date) = columns.date {
        query.push(", date = ").push_bind(date);
    }
    let note = match &columns.note {
        Change::Keep => None,
        Change::Clear => Some(None),
        Change::Set(note) => Some(Some(note)),
    };
    if let Some(note) = note {
        query.push(", note = ").push_bind(note);
    }
    match columns.payee {
        Change::Keep => {}
        Change::Clear => drop(query.push(", payee_id = null")),
        Change::Set(payee) => drop(query.push(", payee_id = ").push_bind(payee)),
    }
    if columns.title.is_some() || note.is_some() {
        let title = columns.title.as_deref().map(fold);
        let note = note.map(|note| fold(note.map_or("", String::as_str)));
        push_search(&mut query, [title, None, note]);
    }
    query.push(" where t.user_id = ").push_bind(user_id).push(" and t.id = any (").push_bind(ids).push(")");
    query.build().persistent(false).execute(connection).await?;
    Ok(())
}

/// Puts each part that is new in its place of what a transaction is found by. What is not folded yet, or by older rules, is left
/// to be folded.
fn push_search(query: &mut QueryBuilder<Postgres>, parts: [Option<String>; 3]) {
    query.push(", search = case when right(t.search, 2) = ").push_bind(FOLDED);
    query.push(" then concat_ws(").push_bind(SEARCH_SEPARATOR);
    for (part, number) in parts.into_iter().zip(1_i32..) {
        query.push(", ");
        match part {
            Some(folded) => drop(query.push_bind(folded)),
            None => {
                query.push("split_part(t.search, ").push_bind(SEARCH_SEPARATOR).push(", ").push_bind(number).push(")");
            }
        }
    }
    query.push(") || ").push_bind(FOLDED).push(" end");
}

/// Deletes transactions.
///
/// # Errors
/// The database's.
pub(super) async fn delete(connection: &mut PgConnection, user_id: i64, ids: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from transactions where user_id = $1 and id = any ($2)", user_id, ids)
        .execute(connection)
        .await?;
    Ok(())
}
