//! The criteria of a list, with all names looked up, as SQL.

use std::slice::from_ref;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sqlx::{Postgres, QueryBuilder};

use super::filter::{TransactionFilter, TransactionOrder};
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
    pub(super) categories: Option<Vec<i64>>,
    pub(super) tag: Option<i64>,
    pub(super) payee: Option<i64>,
    pub(super) currency: Option<&'static str>,
    pub(super) min: Option<Decimal>,
    pub(super) max: Option<Decimal>,
    pub(super) words: Vec<WordWithPayees>,
    /// Only these ids.
    ids: Option<Vec<i64>>,
}

/// A word, with the payees whose names contain it.
#[derive(Debug, Clone)]
pub(super) struct WordWithPayees {
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

/// The columns that criteria need. The indexes by date and by amount contain them, except for long texts.
pub(super) const FILTER_COLUMNS: &str = "t.user_id, t.id, t.type, t.category_id, t.payee_id, t.currency, t.date, t.amount, \
    coalesce(t.short_search, (select l.search from transactions l where l.user_id = t.user_id and l.id = t.id)) as search";

pub(super) fn push_range<'q, T>(
    query: &mut QueryBuilder<Postgres>,
    table: &str,
    column: &str,
    least: Option<T>,
    most: Option<T>,
) where
    T: 'q + sqlx::Encode<'q, Postgres> + sqlx::Type<Postgres>,
{
    for (bound, compare) in [(least, ">="), (most, "<=")] {
        if let Some(bound) = bound {
            query.push(format_args!(" and {table}.{column} {compare} ")).push_bind(bound);
        }
    }
}

/// The criteria that the chosen index already applies.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of the criteria, and says no more")]
pub(super) struct CoveredByIndex {
    pub(super) tag: bool,
    pub(super) category: bool,
    pub(super) payee: bool,
    pub(super) currency: bool,
    pub(super) date: bool,
    pub(super) amount: bool,
}

impl CoveredByIndex {
    pub(super) fn of(criteria: &Criteria, order: TransactionOrder) -> Self {
        let Criteria { tag, categories, payee, currency, .. } = criteria;
        let tag = tag.is_some();
        let by_date = matches!(order, TransactionOrder::DateUp | TransactionOrder::DateDown);
        if !by_date {
            return Self { tag, amount: true, ..Self::default() };
        }
        let by = |category: bool| {
            let payee = !tag && !category && payee.is_some();
            let currency = !tag && !category && !payee && currency.is_some();
            Self { tag, category, payee, currency, date: true, amount: false }
        };
        let by_category = by(!tag && categories.is_some());
        // The first rows of several categories have to be merged: for a page only, not for all rows that are filtered.
        let several = categories.as_ref().is_some_and(|ids| ids.len() > 1);
        let filters = !criteria.words.is_empty() || criteria.has_more_than(by_category);
        if several && filters { by(false) } else { by_category }
    }
}

impl Criteria {
    /// The transactions with these ids.
    pub(super) fn of_ids(ids: Vec<i64>) -> Self {
        Self { ids: Some(ids), ..Self::default() }
    }

    /// Writes all criteria but the words and the covered ones as conditions on `t`, each after an `and`.
    pub(super) fn push(&self, query: &mut QueryBuilder<Postgres>, covered: CoveredByIndex) {
        if !covered.date {
            push_range(query, "t", "date", self.start, self.end);
        }
        if !covered.amount {
            push_range(query, "t", "amount", self.min, self.max);
        }
        if let Some(kind) = self.r#type {
            query.push(" and t.type = ").push_bind(kind);
        }
        match self.categories.as_deref().filter(|_| !covered.category) {
            Some([id]) => drop(query.push(" and t.category_id = ").push_bind(*id)),
            Some(ids) => drop(query.push(" and t.category_id = any (").push_bind(ids.to_vec()).push(")")),
            None => {}
        }
        if let Some(payee) = self.payee.filter(|_| !covered.payee) {
            query.push(" and t.payee_id = ").push_bind(payee);
        }
        if let Some(currency) = self.currency.filter(|_| !covered.currency) {
            query.push(" and t.currency = ").push_bind(currency);
        }
        if let Some(ids) = &self.ids {
            query.push(" and t.id = any (").push_bind(ids.clone()).push(")");
        }
        if let Some(tag) = self.tag.filter(|_| !covered.tag) {
            query.push(
                " and exists (select from transaction_tags l where l.user_id = t.user_id and l.transaction_id = t.id \
                 and l.tag_id = ",
            );
            query.push_bind(tag).push(")");
        }
    }

    /// Tells if there are criteria besides the words and the covered ones.
    pub(super) fn has_more_than(&self, covered: CoveredByIndex) -> bool {
        let mut others = QueryBuilder::new("");
        self.push(&mut others, covered);
        !others.sql().as_str().is_empty()
    }

    /// Writes the words as conditions on `t`, each after an `and`; with `by_index` in a form that their index supports.
    pub(super) fn push_words(&self, query: &mut QueryBuilder<Postgres>, user_id: i64, by_index: bool) {
        for WordWithPayees { word, payees } in &self.words {
            query.push(" and ((");
            for (index, pattern) in word.patterns().enumerate() {
                query.push(if index == 0 { "t.search like " } else { " or t.search like " }).push_bind(pattern);
            }
            query.push(")");
            if by_index {
                query
                    .push(" and search_grams(t.user_id, t.search) @@ ")
                    .push_bind(index_query(user_id, from_ref(word)));
                query.push("::text::tsquery");
            }
            if !payees.is_empty() {
                query.push(" or t.user_id = ").push_bind(user_id);
                query.push(" and t.payee_id = any (").push_bind(payees.clone()).push(")");
            }
            query.push(")");
        }
    }

    /// Writes the rows `h` that have the words, found by the index of words. There are no other conditions, for which the database
    /// would combine this index with one of all rows of the user.
    fn push_hits(&self, query: &mut QueryBuilder<Postgres>, user_id: i64) {
        query.push("h as materialized (select t.* from transactions t where true");
        self.push_words(query, user_id, true);
        query.push(")");
    }

    /// Writes `with` and a select of the columns of the rows `t` that meet all criteria.
    pub(super) fn push_select(&self, query: &mut QueryBuilder<Postgres>, user_id: i64, columns: &str) {
        if self.words.is_empty() {
            return self.push_select_from("transactions", query, user_id, columns);
        }
        query.push("with ");
        self.push_hits(query, user_id);
        query.push(" ");
        self.push_select_from("h", query, user_id, columns);
    }

    /// Writes a select of the columns of the rows `t` that meet all criteria but the words.
    pub(super) fn push_select_from(
        &self,
        table: &str,
        query: &mut QueryBuilder<Postgres>,
        user_id: i64,
        columns: &str,
    ) {
        query.push(format_args!("select {columns} from {table} t where t.user_id = ")).push_bind(user_id);
        self.push(query, CoveredByIndex::default());
        if let Some(kind) = self.r#type {
            // A category is of one kind, and the index of categories finds a rare kind.
            query.push(" and t.category_id = any (array(select c.id from categories c where c.user_id = ");
            query.push_bind(user_id).push(" and c.kind = ").push_bind(kind).push("))");
        }
    }
}
