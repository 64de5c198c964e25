//! Many rows of the table `transactions` at once.

use chrono::NaiveDate;
use sqlx::{Postgres, QueryBuilder};

use super::bulk_inputs::Selection;
use super::conditions::by_indexes;
use super::criteria::{self, Criteria};
use super::entry::SEARCH_SEPARATOR;
use super::statement::Statement;
use crate::domain::search::{FOLDED, fold};
use crate::domain::transaction_type::TransactionType;
use crate::http::input::FieldUpdate;
use crate::http::scope::Scope;

/// The transactions that meet criteria.
#[derive(Debug, Default)]
pub(super) struct MatchedRows {
    /// Their ids.
    pub(super) ids: Vec<i64>,
    /// The types among them.
    pub(super) types: Vec<TransactionType>,
}

/// The new values of many transactions, with all names looked up.
#[derive(Debug)]
pub(super) struct ColumnChanges {
    pub(super) title: Option<String>,
    /// The category of income, and that of expenses.
    pub(super) categories: Option<(i64, i64)>,
    pub(super) date: Option<NaiveDate>,
    pub(super) note: FieldUpdate<String>,
    pub(super) payee: FieldUpdate<i64>,
    /// All tags.
    pub(super) tags: Option<Vec<i64>>,
    pub(super) add_tags: Vec<i64>,
    pub(super) remove_tags: Vec<i64>,
}

/// The selected transactions.
///
/// # Errors
/// Only from the database.
pub(super) async fn select(scope: &mut Scope<'_>, selection: Selection) -> Result<MatchedRows, sqlx::Error> {
    let criteria = match selection {
        Selection::Filter(filter) => criteria::look_up(scope, &filter).await?,
        Selection::Ids(ids) => Some(Criteria::of_ids(ids)),
    };
    match criteria {
        Some(criteria) => matched(scope, &criteria).await,
        None => Ok(MatchedRows::default()),
    }
}

async fn matched(scope: &mut Scope<'_>, criteria: &Criteria) -> Result<MatchedRows, sqlx::Error> {
    let mut statement = Statement::of(scope.user_id);
    let conditions = criteria.conditions(&mut statement, None);
    statement.text = format!(
        "select coalesce(array_agg(id), '{{}}'), coalesce(array_agg(distinct type), '{{}}') from ({}) t",
        by_indexes(&conditions, "t.id, t.type::text as type")
    );
    let (text, values) = statement.finish()?;
    let (ids, types): (_, Vec<String>) =
        sqlx::query_as_with(text, values).persistent(false).fetch_one(&mut *scope.connection).await?;
    let types = types.into_iter().map(TransactionType::try_from).collect::<Result<_, _>>();
    Ok(MatchedRows { ids, types: types.map_err(|error| sqlx::Error::Decode(error.into()))? })
}

/// The transactions that these values would change.
///
/// # Errors
/// Only from the database.
pub(super) async fn differing(
    scope: &mut Scope<'_>,
    ids: &[i64],
    columns: &ColumnChanges,
) -> Result<Vec<i64>, sqlx::Error> {
    let mut query = QueryBuilder::new("select t.id from transactions t where t.user_id = ");
    query.push_bind(scope.user_id).push(" and t.id = any (").push_bind(ids).push(") and (false");
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
        FieldUpdate::Keep => {}
        FieldUpdate::Clear => drop(query.push(" or t.note is not null")),
        FieldUpdate::Set(note) => drop(query.push(" or t.note is distinct from ").push_bind(note)),
    }
    match columns.payee {
        FieldUpdate::Keep => {}
        FieldUpdate::Clear => drop(query.push(" or t.payee_id is not null")),
        FieldUpdate::Set(payee) => drop(query.push(" or t.payee_id is distinct from ").push_bind(payee)),
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
    query.build_query_scalar().persistent(false).fetch_all(&mut *scope.connection).await
}

/// The tags of a transaction `t`; `$1` is the user.
const LINKS: &str = "from transaction_tags l where l.user_id = $1 and l.transaction_id = t.id and l.tag_id";

fn push_category(query: &mut QueryBuilder<Postgres>, (income, expense): (i64, i64)) {
    query.push("case when t.type = 'INCOME' then ").push_bind(income).push(" else ").push_bind(expense).push(" end");
}

fn push_has_not_all(query: &mut QueryBuilder<Postgres>, tags: &[i64]) {
    query.push(format_args!(" or (select count(*) {LINKS} = any (")).push_bind(tags.to_vec());
    query.push(")) < cardinality(").push_bind(tags.to_vec()).push(")");
}

fn push_has(query: &mut QueryBuilder<Postgres>, compare: &str, tags: &[i64]) {
    query.push(format_args!(" or exists (select {LINKS} {compare} (")).push_bind(tags.to_vec()).push("))");
}

/// The growth of the text of transactions with these values, in bytes; 0 where no text is set.
///
/// # Errors
/// Only from the database.
pub(super) async fn text_growth(
    scope: &mut Scope<'_>,
    ids: &[i64],
    columns: &ColumnChanges,
) -> Result<i64, sqlx::Error> {
    let title = columns.title.as_ref().map(String::len);
    let note = match &columns.note {
        FieldUpdate::Set(note) => Some(note.len()),
        FieldUpdate::Keep | FieldUpdate::Clear => None,
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
        scope.user_id,
        ids,
        bytes(title),
        bytes(note),
    )
    .fetch_one(&mut *scope.connection)
    .await
}

/// Sets these values.
///
/// # Errors
/// Only from the database.
pub(super) async fn update(scope: &mut Scope<'_>, ids: &[i64], columns: &ColumnChanges) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("update transactions t set updated_at = now()");
    if let Some(title) = &columns.title {
        query.push(", title = ").push_bind(title);
        if columns.categories.is_none() {
            // The explanation of the category is about the title before.
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
        FieldUpdate::Keep => None,
        FieldUpdate::Clear => Some(None),
        FieldUpdate::Set(note) => Some(Some(note)),
    };
    if let Some(note) = note {
        query.push(", note = ").push_bind(note);
    }
    match columns.payee {
        FieldUpdate::Keep => {}
        FieldUpdate::Clear => drop(query.push(", payee_id = null")),
        FieldUpdate::Set(payee) => drop(query.push(", payee_id = ").push_bind(payee)),
    }
    if columns.title.is_some() || note.is_some() {
        let title = columns.title.as_deref().map(fold);
        let note = note.map(|note| fold(note.map_or("", String::as_str)));
        push_search(&mut query, [title, None, note]);
    }
    query.push(" where t.user_id = ").push_bind(scope.user_id).push(" and t.id = any (").push_bind(ids).push(")");
    query.build().persistent(false).execute(&mut *scope.connection).await?;
    Ok(())
}

/// Writes the new search text, in which only new parts are replaced. A text that is not folded yet, or by older rules, becomes null,
/// and is filled later.
fn push_search(query: &mut QueryBuilder<Postgres>, parts: [Option<String>; 3]) {
    query.push(", search = case when right(t.search, 2) = ").push_bind(FOLDED);
    query.push(" then ");
    for (part, number) in parts.into_iter().zip(1_i32..) {
        if number > 1 {
            // Not `concat_ws`, which is not immutable: a cluster cannot have that in a `case`.
            query.push(" || ").push_bind(SEARCH_SEPARATOR).push(" || ");
        }
        match part {
            Some(folded) => drop(query.push_bind(folded)),
            None => {
                query.push("split_part(t.search, ").push_bind(SEARCH_SEPARATOR).push(", ").push_bind(number).push(")");
            }
        }
    }
    query.push(" || ").push_bind(FOLDED).push(" end");
}

/// Deletes transactions.
///
/// # Errors
/// Only from the database.
pub(super) async fn delete(scope: &mut Scope<'_>, ids: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from transactions where user_id = $1 and id = any ($2)", scope.user_id, ids)
        .execute(&mut *scope.connection)
        .await?;
    Ok(())
}
