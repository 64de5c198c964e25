//! The criteria of a list, with all names looked up, as conditions in SQL.

use std::slice::from_ref;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::filter::{TransactionFilter, TransactionOrder};
use super::inputs::DayRange;
use super::statement::Statement;
use crate::domain::search::{Word, index_query};
use crate::domain::transaction_type::TransactionType;
use crate::features::{categories, payees, tags};
use crate::http::scope::Scope;

/// A filter with its names looked up.
#[derive(Debug, Clone, Default)]
pub(super) struct Criteria {
    pub(super) start: Option<NaiveDate>,
    pub(super) end: Option<NaiveDate>,
    r#type: Option<TransactionType>,
    categories: Option<Vec<i64>>,
    tag: Option<i64>,
    payee: Option<i64>,
    currency: Option<&'static str>,
    pub(super) min: Option<Decimal>,
    pub(super) max: Option<Decimal>,
    words: Vec<WordWithPayees>,
    /// Only these ids.
    ids: Option<Vec<i64>>,
}

/// A word, with the payees whose names contain it.
#[derive(Debug, Clone)]
struct WordWithPayees {
    word: Word,
    payees: Vec<i64>,
}

/// Looks up the names of a filter; `None` if nothing can match, for example a category of another user.
///
/// # Errors
/// Only from the database.
pub(super) async fn look_up(
    scope: &mut Scope<'_>,
    filter: &TransactionFilter,
) -> Result<Option<Criteria>, sqlx::Error> {
    let mut criteria = Criteria {
        start: filter.start,
        end: filter.end,
        r#type: filter.r#type,
        currency: filter.currency.map(crate::domain::currency::Currency::code),
        min: filter.min,
        max: filter.max,
        ..Criteria::default()
    };
    for (id, name) in [(filter.category_id, None), (None, filter.category.as_deref())] {
        if id.is_none() && name.is_none() {
            continue;
        }
        let ids: Vec<i64> = id.into_iter().collect();
        let mut found = categories::store::with_descendants(scope, &ids, name, filter.r#type).await?;
        if let Some(before) = &criteria.categories {
            found.retain(|id| before.contains(id));
        }
        if found.is_empty() {
            return Ok(None);
        }
        criteria.categories = Some(found);
    }
    if filter.tag_id.is_some() || filter.tag.is_some() {
        criteria.tag = tags::store::look_up(scope, filter.tag_id, filter.tag.as_deref()).await?;
        if criteria.tag.is_none() {
            return Ok(None);
        }
    }
    if filter.payee_id.is_some() || filter.payee.is_some() {
        criteria.payee = payees::store::look_up(scope, filter.payee_id, filter.payee.as_deref()).await?;
        if criteria.payee.is_none() {
            return Ok(None);
        }
    }
    if !filter.words.is_empty() {
        let found = payees::store::matching(scope, &filter.words).await?;
        let words = filter.words.iter().cloned().zip(found);
        criteria.words = words.map(|(word, payees)| WordWithPayees { word, payees }).collect();
    }
    Ok(Some(criteria))
}

/// The subject of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Criterion {
    Days,
    Amounts,
    Type,
    Categories,
    Payee,
    Currency,
    Ids,
    Tag,
    Word,
}

/// A criterion as a condition on rows `t`.
pub(super) struct Condition {
    pub(super) on: Criterion,
    /// The condition for rows that are looked at one by one.
    pub(super) plain: String,
    /// The same, in the form that the index of the criterion supports.
    pub(super) indexed: String,
    /// The name of the value.
    pub(super) value: String,
}

impl Criteria {
    /// The transactions with these ids.
    pub(super) fn of_ids(ids: Vec<i64>) -> Self {
        Self { ids: Some(ids), ..Self::default() }
    }

    /// The transactions of these days.
    pub(super) fn of_days(DayRange { start, end }: DayRange) -> Self {
        Self { start, end, ..Self::default() }
    }

    /// The first and the last day. A bound that is left out is an end of the calendar, so that one statement has all.
    pub(super) fn days(&self) -> (NaiveDate, NaiveDate) {
        let ends = (NaiveDate::from_ymd_opt(1, 1, 1), NaiveDate::from_ymd_opt(9999, 12, 31));
        (self.start.or(ends.0).unwrap_or_default(), self.end.or(ends.1).unwrap_or_default())
    }

    /// The smallest and the largest amount; as [`Self::days`].
    pub(super) fn amounts(&self) -> (Decimal, Decimal) {
        (self.min.unwrap_or_default(), self.max.unwrap_or_else(|| Decimal::from(1_000_000_000_000_i64)))
    }

    /// The criteria as conditions, but for the bounds of the column that the list is sorted by.
    pub(super) fn conditions(&self, statement: &mut Statement, order: Option<TransactionOrder>) -> Vec<Condition> {
        let mut found = Vec::new();
        let mut add = |on, value: String, plain: String, indexed: Option<String>| {
            found.push(Condition { on, indexed: indexed.unwrap_or_else(|| plain.clone()), plain, value });
        };
        let sorted_by = order.map(TransactionOrder::column);
        if sorted_by != Some("date") && (self.start.is_some() || self.end.is_some()) {
            let (from, to) = self.days();
            let (from, to) = (statement.value(from), statement.value(to));
            add(Criterion::Days, String::new(), format!("t.date between {from} and {to}"), None);
        }
        if sorted_by != Some("amount") && (self.min.is_some() || self.max.is_some()) {
            let (from, to) = self.amounts();
            let (from, to) = (statement.value(from), statement.value(to));
            add(Criterion::Amounts, String::new(), format!("t.amount between {from} and {to}"), None);
        }
        if let Some(kind) = self.r#type {
            let value = statement.value(kind);
            let plain = format!("t.type = {value}");
            // A category is of one kind, and the index of categories finds a rare kind.
            let indexed = format!("{plain} and t.category_id = any ({})", categories_of(&value));
            add(Criterion::Type, value, plain, Some(indexed));
        }
        if let Some(ids) = &self.categories {
            let value = statement.value(ids);
            let plain = format!("t.category_id = any ({value})");
            add(Criterion::Categories, value, plain, None);
        }
        if let Some(payee) = self.payee {
            let value = statement.value(payee);
            let plain = format!("t.payee_id = {value}");
            add(Criterion::Payee, value, plain, None);
        }
        if let Some(currency) = self.currency {
            let value = statement.value(currency);
            let plain = format!("t.currency = {value}");
            // A plan for any currency expects a share of all rows, and reads them all; of a range it expects few.
            let indexed = format!("t.currency between {value} and {value}");
            add(Criterion::Currency, value, plain, Some(indexed));
        }
        if let Some(ids) = &self.ids {
            let value = statement.value(ids);
            let plain = format!("t.id = any ({value})");
            add(Criterion::Ids, value, plain, None);
        }
        if let Some(tag) = self.tag {
            let value = statement.value(tag);
            let link = "from transaction_tags l where l.user_id = $1 and l.transaction_id = t.id and l.tag_id =";
            // Not `exists`, which would become a join with all rows of the tag.
            let plain = format!("(select l.tag_id {link} {value}) is not null");
            let indexed = format!("exists (select {link} {value})");
            add(Criterion::Tag, value, plain, Some(indexed));
        }
        for WordWithPayees { word, payees } in &self.words {
            let like: Vec<String> =
                word.patterns().map(|pattern| format!("t.search like {}", statement.value(pattern))).collect();
            let like = like.join(" or ");
            let value = statement.value(index_query(statement.user_id, from_ref(word)));
            let found = format!("({like}) and search_grams(t.user_id, t.search) @@ {value}::text::tsquery");
            let (plain, indexed) = if payees.is_empty() {
                (format!("({like})"), found)
            } else {
                let of_payees = format!("t.user_id = $1 and t.payee_id = any ({})", statement.value(payees));
                (format!("({like} or {of_payees})"), format!("({found} or {of_payees})"))
            };
            add(Criterion::Word, value, plain, Some(indexed));
        }
        found
    }
}

/// The categories of a kind, as an array.
pub(super) fn categories_of(kind: &str) -> String {
    format!("array(select c.id from categories c where c.user_id = $1 and c.kind = {kind})")
}

/// A select of the rows `t` that meet all conditions, by their indexes.
pub(super) fn by_indexes<'c>(conditions: impl IntoIterator<Item = &'c Condition>, columns: &str) -> String {
    let (words, others): (Vec<&Condition>, Vec<&Condition>) =
        conditions.into_iter().partition(|condition| condition.on == Criterion::Word);
    let all = |conditions: &[&Condition]| -> String {
        conditions.iter().map(|condition| format!(" and {}", condition.indexed)).collect()
    };
    let from = if words.is_empty() || others.is_empty() {
        format!("transactions t where t.user_id = $1{}", all(&words))
    } else {
        // By words first: the index of words takes no other condition, and would be combined with one of all rows.
        let found = format!("select t.* from transactions t where t.user_id = $1{} offset 0", all(&words));
        format!("({found}) t where t.user_id = $1")
    };
    format!("select {columns} from {from}{}", all(&others))
}
