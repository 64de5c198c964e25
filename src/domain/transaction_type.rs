//! The type of a transaction: income or expense.

use serde::Serialize;
use utoipa::ToSchema;

/// The direction of the money: in or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sqlx(type_name = "transaction_type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransactionType {
    /// Money comes in.
    Income,
    /// Money goes out.
    #[default]
    Expense,
}

impl TryFrom<String> for TransactionType {
    type Error = String;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        let found = TRANSACTION_TYPES.iter().find(|(name, _)| *name == word);
        found.map(|(_, kind)| *kind).ok_or_else(|| format!("{word} is no type of transactions"))
    }
}

/// The names of the types in the API.
pub const TRANSACTION_TYPES: &[(&str, TransactionType)] =
    &[("INCOME", TransactionType::Income), ("EXPENSE", TransactionType::Expense)];
