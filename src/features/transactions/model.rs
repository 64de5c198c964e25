//! A transaction, as it is answered.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::currency::Currency;
use crate::domain::money::JsonDecimal;
use crate::domain::transaction_type::TransactionType;
use crate::http::openapi::schemas;

/// A transaction.
#[derive(Debug, Clone, Default, Serialize, ToSchema, sqlx::FromRow)]
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
    #[sqlx(try_from = "Decimal")]
    pub amount: JsonDecimal,
    /// ISO 4217.
    #[schema(value_type = Currency, example = "THB")]
    pub currency: String,
    /// Income or expense.
    #[sqlx(rename = "kind", try_from = "String")]
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
    #[sqlx(try_from = "String")]
    pub category_source: CategorySource,
    /// The explanation of an automatic category; `null` if the user chose it, or changed the titles since.
    #[schema(required = true, example = json!(null))]
    pub category_reason: Option<String>,
}

impl From<Decimal> for JsonDecimal {
    fn from(amount: Decimal) -> Self {
        Self(amount)
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

impl TryFrom<String> for CategorySource {
    type Error = String;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        Ok(match word.as_str() {
            "USER" => Self::User,
            "HISTORY" => Self::History,
            "KEYWORD" => Self::Keyword,
            "DEFAULT" => Self::Default,
            _ => return Err(format!("{word} is no source of a category")),
        })
    }
}
