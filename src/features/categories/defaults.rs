//! The categories that every account begins with.

use crate::domain::name::key;
use crate::domain::transaction_type::TransactionType;

/// The categories of a new account: kind, name, icon, colour.
pub(super) const DEFAULTS: &[(TransactionType, &str, &str, &str)] = &[
    (TransactionType::Expense, "Food & Dining", "🍽️", "#e4572e"),
    (TransactionType::Expense, "Transportation", "🚌", "#2e86ab"),
    (TransactionType::Expense, "Shopping", "🛍️", "#a23b72"),
    (TransactionType::Expense, "Entertainment", "🎬", "#7b2cbf"),
    (TransactionType::Expense, "Bills & Utilities", "💡", "#f4a261"),
    (TransactionType::Expense, "Healthcare", "🩺", "#d62839"),
    (TransactionType::Expense, "Education", "📚", "#3d5a80"),
    (TransactionType::Expense, "Rent", "🏠", "#6b705c"),
    (TransactionType::Expense, OTHER, "📦", "#8d99ae"),
    (TransactionType::Income, "Salary", "💼", "#2a9d8f"),
    (TransactionType::Income, "Freelance", "🧑‍💻", "#52b788"),
    (TransactionType::Income, "Investment", "📈", "#1b4332"),
    (TransactionType::Income, "Gift", "🎁", "#e9c46a"),
    (TransactionType::Income, OTHER, "📦", "#8d99ae"),
];

/// The category of transactions that fit no other one.
pub const OTHER: &str = "Other";

/// Tells if a name means [`OTHER`].
#[must_use]
pub fn is_other(name: &str) -> bool {
    key(name) == key(OTHER)
}
