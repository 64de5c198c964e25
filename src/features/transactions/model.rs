//! A transaction, as it is answered.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use utoipa::ToSchema;

use crate::domain::currency::Currency;
use crate::domain::money::JsonDecimal;
use crate::domain::transaction_type::TransactionType;
use crate::http::openapi::schemas;

/// Defines a struct that is read from a row whose columns have the order of its fields. Looking up each column by its name would take
/// a tenth of the time of a list.
macro_rules! read_in_order {
    ($(#[$attribute:meta])* pub struct $name:ident { $($(#[$of_field:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$attribute])*
        pub struct $name {
            $($(#[$of_field])* pub $field: $type,)*
        }

        impl FromRow<'_, PgRow> for $name {
            fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
                let mut columns = 0..;
                // The enums are read as text, without asking PostgreSQL for their types.
                Ok(Self { $($field: row.try_get_unchecked(columns.next().unwrap_or_default())?,)* })
            }
        }
    };
}

read_in_order! {
    /// A transaction.
    #[derive(Debug, Clone, Default, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct Transaction {
        /// The id.
        #[schema(example = 42)]
        pub id: i64,
        /// The title, as the user wrote it.
        #[schema(example = "ข้าวมันไก่")]
        pub title: String,
        /// The title in English.
        #[schema(required = true, example = "Chicken rice")]
        pub title_en: Option<String>,
        /// The amount in major units of the currency, exact.
        #[schema(schema_with = schemas::amount)]
        pub amount: JsonDecimal,
        /// ISO 4217.
        #[schema(value_type = Currency, example = "THB")]
        pub currency: String,
        /// Income or expense.
        pub r#type: TransactionType,
        /// The category's name.
        #[schema(example = "Food & Dining")]
        pub category: String,
        /// The category's id.
        #[schema(example = 7)]
        pub category_id: i64,
        /// The day, independent of time zones.
        #[schema(example = "2026-02-16")]
        pub date: NaiveDate,
        /// The id of its owner.
        #[schema(example = 1)]
        pub user_id: i64,
        /// The time of its creation.
        #[serde(serialize_with = "crate::http::meta::instant")]
        #[schema(example = "2026-02-16T09:30:00.000Z")]
        pub created_at: DateTime<Utc>,
        /// The time of its last change.
        #[serde(serialize_with = "crate::http::meta::instant")]
        #[schema(example = "2026-02-16T09:30:00.000Z")]
        pub updated_at: DateTime<Utc>,
        /// Further notes.
        #[schema(required = true, example = "With extra chicken")]
        pub note: Option<String>,
        /// The name of the payee.
        #[schema(required = true, example = "Kuang Heng")]
        pub payee: Option<String>,
        /// The payee's id.
        #[schema(required = true, example = 5)]
        pub payee_id: Option<i64>,
        /// The names of its tags.
        #[schema(example = json!(["lunch"]))]
        pub tags: Vec<String>,
        /// The reason for its category.
        pub category_source: CategorySource,
        /// The explanation of an automatic category; `null` if the user chose it, or changed the titles since.
        #[schema(required = true, example = json!(null))]
        pub category_reason: Option<String>,
    }
}

impl Transaction {
    /// The approximate size, in bytes of JSON.
    #[must_use]
    pub fn bytes(&self) -> usize {
        /// The keys, and the fields of limited length.
        const FRAME: usize = 400;
        let optional = [&self.title_en, &self.note, &self.payee, &self.category_reason];
        let texts = [&self.title, &self.category].into_iter().chain(optional.into_iter().flatten()).chain(&self.tags);
        texts.fold(FRAME, |bytes, text| bytes + text.len() + 3)
    }
}

/// The reason for the category of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sqlx(type_name = "category_source", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CategorySource {
    /// The user chose it.
    User,
    /// The user chose it for similar transactions.
    History,
    /// A word in the title.
    Keyword,
    /// No reason: the default category.
    #[default]
    Default,
}
