//! Parts of lists of transactions with any filter, at the same speed wherever they begin.
//!
//! The order and the criteria of a list decide which of three statements reads it:
//! - An index has the rows in their order: all rows; by day, those of a type, category, payee, currency or tag; by amount, those
//!   of a tag.
//! - One other criterion: the first rows in their order are looked at, and if too few of them meet it, its index is asked.
//! - Several criteria, or words: the same, by the indexes that are best for the values.
//!
//! The plans of the first two are made once for all values. `tests/api/lists.sql` has the texts.

use super::conditions::{Condition, Criterion, by_indexes, categories_of};
use super::criteria::Criteria;
use super::filter::TransactionOrder;
use super::keyset_store::{Keyset, ListKey};
use super::model::Transaction;
use super::statement::Statement;
use super::store::{COLUMNS, JOINS};
use crate::http::page::Segment;
use crate::http::scope::Scope;
use crate::http::walk::Batch;

/// The columns that conditions are about. The indexes by day and by amount contain them, except for long texts.
const LOOKED_AT: &str = "t.user_id, t.id, t.type, t.category_id, t.payee_id, t.currency, t.date, t.amount, \
    coalesce(t.short_search, (select l.search from transactions l where l.user_id = $1 and l.id = t.id)) as search";

/// The statement of a part of a list.
pub(super) struct ListStatement {
    statement: Statement,
    /// True if it is planned with its values.
    by_values: bool,
}

/// The rows of a page, in the direction of reading.
///
/// # Errors
/// Only from the database.
pub(super) async fn page(
    scope: &mut Scope<'_>,
    criteria: &Criteria,
    order: TransactionOrder,
    segment: &Segment<ListKey>,
) -> Result<Vec<Transaction>, sqlx::Error> {
    let mut batch = Batch::page(segment.limit);
    ListStatement::new(scope.user_id, criteria, order, segment)?.fill(scope, &mut batch, false).await?;
    Ok(batch.into_rows())
}

impl ListStatement {
    /// The statement of a segment of a list.
    ///
    /// # Errors
    /// A key of another order.
    pub(super) fn new(
        user_id: i64,
        criteria: &Criteria,
        order: TransactionOrder,
        segment: &Segment<ListKey>,
    ) -> Result<Self, sqlx::Error> {
        let mut statement = Statement::of(user_id);
        let keyset = Keyset::new(&mut statement, criteria, order, segment)?;
        let conditions = criteria.conditions(&mut statement, Some(order));
        let limit = segment.limit;
        let from = if has_index(&conditions, order) {
            in_order(&keyset, conditions.first(), &statement.value(limit))
        } else {
            found(&search(&keyset, &conditions, limit, &statement.value(100 * (limit + 50))))
        };
        // The limit as a number: a plan that is kept is made for so many rows.
        let sorted = keyset.order("t", "id");
        statement.text = format!("select {COLUMNS} from {from} {JOINS} {sorted} limit {limit}");
        let by_values = conditions.len() > 1 || conditions.iter().any(|condition| condition.on == Criterion::Word);
        Ok(Self { statement, by_values })
    }

    /// Reads the rows into a batch. A statement that is sent `once` has no name.
    ///
    /// # Errors
    /// Only from the database.
    pub(super) async fn fill(
        self,
        scope: &mut Scope<'_>,
        batch: &mut Batch<Transaction>,
        once: bool,
    ) -> Result<(), sqlx::Error> {
        let (text, values) = self.statement.finish()?;
        let query = sqlx::query_as_with(text, values);
        if !once && !self.by_values {
            return batch.fill(query.fetch(&mut *scope.connection), Transaction::bytes).await;
        }
        let query = query.persistent(false);
        let read =
            async |scope: &mut Scope<'_>| batch.fill(query.fetch(&mut *scope.connection), Transaction::bytes).await;
        scope.read_together(read).await
    }
}

/// Tells if an index has the rows that meet all conditions in their order.
fn has_index(conditions: &[Condition], order: TransactionOrder) -> bool {
    let by_day = order.column() == "date";
    match conditions {
        [] => true,
        [one] => match one.on {
            Criterion::Tag => true,
            Criterion::Type | Criterion::Categories | Criterion::Payee | Criterion::Currency => by_day,
            Criterion::Days | Criterion::Amounts | Criterion::Word | Criterion::Ids => false,
        },
        _ => false,
    }
}

/// The rows `t` from the index that has them in their order.
fn in_order(keyset: &Keyset, condition: Option<&Condition>, limit: &str) -> String {
    let (after, sorted) = (keyset.condition("t", "id"), keyset.order("t", "id"));
    // The limit as a value: the plan is one that has the first rows fast, even if an average user has few.
    let rows = |condition: &str| {
        format!("(select t.* from transactions t where t.user_id = $1{condition} and {after} {sorted} limit {limit}) t")
    };
    // The index has the rows of one category in their order; the first rows of several are merged.
    let merged = |categories: &str| {
        let rows = rows(" and t.category_id = e.id");
        found(&format!(
            "select t.id from unnest({categories}) as e (id) cross join lateral {rows} {sorted} limit {limit}"
        ))
    };
    let Some(Condition { on, plain, value, .. }) = condition else { return rows("") };
    match on {
        Criterion::Categories => merged(&format!("{value}::bigint[]")),
        // A category is of one kind.
        Criterion::Type => merged(&categories_of(value)),
        Criterion::Tag => {
            let (after, sorted) = (keyset.condition("l", "transaction_id"), keyset.order("l", "transaction_id"));
            found(&format!(
                "select l.transaction_id as id from transaction_tags l \
                 where l.user_id = $1 and l.tag_id = {value} and {after} {sorted} limit {limit}"
            ))
        }
        _ => rows(&format!(" and {plain}")),
    }
}

/// The rows `t` with these ids.
fn found(ids: &str) -> String {
    format!("({ids}) s join transactions t on t.user_id = $1 and t.id = s.id")
}

/// The ids of the first rows that meet the conditions: `near`, if there is a page of them among the first rows in their order.
/// Otherwise they are rare, and the indexes of the conditions, which return all of them in no order, have them fast: `far`. What
/// the index of words returns is fetched row by row, so that of words and other conditions the rarer are asked for.
fn search(keyset: &Keyset, conditions: &[Condition], limit: i64, most: &str) -> String {
    let (after, sorted) = (keyset.condition("t", "id"), keyset.order("t", "id"));
    // A limit that the planner does not see: it would sort the rows of an average user instead of reading some in their order.
    let first = |columns: &str, most: &str| {
        let most = format!("limit (select {most}::bigint)");
        format!("(select {columns} from transactions t where t.user_id = $1 and {after} {sorted} {most}) t")
    };
    let all =
        |those: &[&Condition]| those.iter().map(|condition| condition.plain.as_str()).collect::<Vec<_>>().join(" and ");
    let (words, others): (Vec<&Condition>, Vec<&Condition>) =
        conditions.iter().partition(|condition| condition.on == Criterion::Word);
    let of_near = all(&conditions.iter().collect::<Vec<_>>());
    let columns = "t.id, t.date, t.amount";
    let mut text = format!(
        "with near as materialized (select t.id from {} where {of_near} {sorted} limit {limit}), \
         seen as materialized (select count(*) >= {most} as goes_on from {}), far as materialized ({})",
        first(LOOKED_AT, most),
        first("t.id", most),
        by_indexes(conditions, columns)
    );
    let page = |of: &str, choice: &str| {
        format!(
            " union (select t.id from {of} t where (select count(*) from near) < {limit} \
             and (select goes_on from seen){choice} and {after} {sorted} limit {limit})"
        )
    };
    let far = if words.is_empty() || others.is_empty() {
        page("far", "")
    } else {
        let by_others = by_indexes(others.iter().copied(), columns);
        let (words, others, some) = (all(&words), all(&others), first(LOOKED_AT, &format!("{most} / 5")));
        text += &format!(
            ", other as materialized ({by_others} and {words}), choice as materialized (\
             select count(*) filter (where {words}) <= count(*) filter (where {others}) as by_words from {some})"
        );
        page("far", " and (select by_words from choice)") + &page("other", " and not (select by_words from choice)")
    };
    text + " select near.id from near" + &far
}
