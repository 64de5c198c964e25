//! The columns of a transaction that are written.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::model::{CategorySource, Transaction};
use crate::domain::search::{FOLDED, fold};
use crate::domain::transaction_type::TransactionType;
use crate::features::resource::Arguments;

/// Makes the struct, its columns and their binding of one list: field, type, column, and the value of an existing transaction.
macro_rules! entry {
    ($transaction:ident: $($(#[doc = $text:literal])* $field:ident: $type:ty = $column:literal, $current:expr;)*) => {
        /// The columns of a transaction that are written, with all names looked up.
        #[derive(Debug, Clone, PartialEq)]
        pub struct TransactionColumns {
            $($(#[doc = $text])* pub $field: $type,)*
        }

        impl From<Transaction> for TransactionColumns {
            fn from($transaction: Transaction) -> Self {
                Self { $($field: $current,)* }
            }
        }

        impl TransactionColumns {
            /// The columns, in the order in which [`Self::bind`] adds them; the last one is the search text.
            pub(super) const COLUMNS: &[&str] = &[$($column,)* "search"];

            /// Puts the columns into a transaction.
            pub(super) fn put_into(self, mut $transaction: Transaction) -> Transaction {
                $($current = self.$field;)*
                $transaction
            }

            /// Adds the columns to the arguments of a statement.
            pub(super) fn bind(&self, arguments: &mut Arguments) {
                $(arguments.add(&self.$field);)*
                arguments.add(self.search());
            }
        }
    };
}

entry! { transaction:
    /// The title.
    title: String = "title", transaction.title;
    /// The title in English.
    title_en: Option<String> = "title_en", transaction.title_en;
    /// Major units of the currency.
    amount: Decimal = "amount", transaction.amount.0;
    /// ISO 4217.
    currency: String = "currency", transaction.currency;
    /// Income or expense.
    r#type: TransactionType = "type", transaction.r#type;
    /// The category's id.
    category_id: i64 = "category_id", transaction.category_id;
    /// The reason for the category.
    category_source: CategorySource = "category_source", transaction.category_source;
    /// The explanation of an automatic category.
    category_reason: Option<String> = "category_reason", transaction.category_reason;
    /// The day.
    date: NaiveDate = "date", transaction.date;
    /// Further notes.
    note: Option<String> = "note", transaction.note;
    /// The payee's id.
    payee_id: Option<i64> = "payee_id", transaction.payee_id;
}

impl TransactionColumns {
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
