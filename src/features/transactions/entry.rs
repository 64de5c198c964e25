//! The columns of a transaction that are written.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::model::{CategorySource, Transaction};
use crate::domain::search::{FOLDED, fold};
use crate::domain::transaction_type::TransactionType;

/// The columns of a transaction that are written, with all names looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The title.
    pub title: String,
    /// The title in English.
    pub title_en: Option<String>,
    /// Major units of the currency.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
    /// Income or expense.
    pub r#type: TransactionType,
    /// The category's id.
    pub category_id: i64,
    /// The reason for the category.
    pub category_source: CategorySource,
    /// The explanation of an automatic category.
    pub category_reason: Option<String>,
    /// The day.
    pub date: NaiveDate,
    /// Further notes.
    pub note: Option<String>,
    /// The payee's id.
    pub payee_id: Option<i64>,
}

impl From<Transaction> for Entry {
    fn from(transaction: Transaction) -> Self {
        Self {
            title: transaction.title,
            title_en: transaction.title_en,
            amount: transaction.amount.0,
            currency: transaction.currency,
            r#type: transaction.r#type,
            category_id: transaction.category_id,
            category_source: transaction.category_source,
            category_reason: transaction.category_reason,
            date: transaction.date,
            note: transaction.note,
            payee_id: transaction.payee_id,
        }
    }
}

impl Entry {
    /// The text by which it is found.
    #[must_use]
    pub fn search(&self) -> String {
        search_text(&self.title, self.title_en.as_deref(), self.note.as_deref())
    }
}

/// The separator between the parts of a search text; no folded text contains it.
pub(super) const SEARCH_SEPARATOR: &str = "\n";

/// The text by which a transaction is found: title, English title and note, folded.
#[must_use]
pub fn search_text(title: &str, title_en: Option<&str>, note: Option<&str>) -> String {
    [Some(title), title_en, note].map(|part| fold(part.unwrap_or_default())).join(SEARCH_SEPARATOR) + FOLDED
}
