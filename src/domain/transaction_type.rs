//! Which way money goes.

use serde::Serialize;
use utoipa::ToSchema;

/// Which way money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sqlx(type_name = "transaction_type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransactionType {
    /// It comes in.
    Income,
    /// It goes out.
    Expense,
}

impl TryFrom<String> for TransactionType {
    type Error = String;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        let found = TRANSACTION_TYPES.iter().find(|(name, _)| *name == word);
        found.map(|(_, kind)| *kind).ok_or_else(|| format!("{word} is no type of transactions"))
    }
}

/// The words for them in the API.
pub const TRANSACTION_TYPES: &[(&str, TransactionType)] =
    &[("INCOME", TransactionType::Income), ("EXPENSE", TransactionType::Expense)];
