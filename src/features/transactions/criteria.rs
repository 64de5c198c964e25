//! The criteria of a list, with all names looked up.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::filter::TransactionFilter;
use super::inputs::DayRange;
use crate::domain::search::Word;
use crate::domain::transaction_type::TransactionType;
use crate::features::{categories, payees, tags};
use crate::http::scope::Scope;

/// A filter with its names looked up.
#[derive(Debug, Clone, Default)]
pub(super) struct Criteria {
    pub(super) start: Option<NaiveDate>,
    pub(super) end: Option<NaiveDate>,
    pub(super) r#type: Option<TransactionType>,
    pub(super) categories: Option<Vec<i64>>,
    pub(super) tag: Option<i64>,
    pub(super) payee: Option<i64>,
    pub(super) currency: Option<&'static str>,
    pub(super) min: Option<Decimal>,
    pub(super) max: Option<Decimal>,
    pub(super) words: Vec<WordWithPayees>,
    /// Only these ids.
    pub(super) ids: Option<Vec<i64>>,
}

/// A word, with the payees whose names contain it.
#[derive(Debug, Clone)]
pub(super) struct WordWithPayees {
    pub(super) word: Word,
    pub(super) payees: Vec<i64>,
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
}
