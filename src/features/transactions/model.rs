//! What a transaction is, and what is asked of one that comes in.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::currency::Currency;
use crate::domain::money::{Amount, AmountError, JsonDecimal};
use crate::domain::transaction_type::{TRANSACTION_TYPES, TransactionType};
use crate::http::input::{Change, Day, FromInput, Input, OneOf, OptionalText, Rule, Text};
use crate::http::openapi;

const MAX_TITLE: usize = 500;
const MAX_CATEGORY: usize = 100;

/// A transaction, as the API shows one.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// The id.
    #[schema(example = 42)]
    pub id: i64,
    /// What it was.
    #[schema(example = "ข้าวมันไก่")]
    pub title: String,
    /// The same in English.
    #[schema(example = "Chicken rice")]
    pub title_en: Option<String>,
    /// Major units of the currency, exact.
    #[schema(schema_with = openapi::amount)]
    pub amount: JsonDecimal,
    /// ISO 4217.
    #[schema(example = "THB")]
    pub currency: String,
    /// Which way the money went.
    pub r#type: TransactionType,
    /// The category's name.
    #[schema(example = "Food & Dining")]
    pub category: String,
    /// The category's id.
    #[schema(example = 7)]
    pub category_id: i64,
    /// The day, which no time zone moves.
    #[schema(example = "2026-02-16")]
    pub date: NaiveDate,
    /// Whose it is.
    #[schema(example = 1)]
    pub user_id: i64,
    /// When it was entered.
    #[serde(serialize_with = "crate::http::envelope::instant")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(serialize_with = "crate::http::envelope::instant")]
    pub updated_at: DateTime<Utc>,
}

/// A transaction to enter.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = CreateTransaction)]
pub struct NewTransaction {
    /// What it was.
    #[schema(example = "ข้าวมันไก่", min_length = 1, max_length = 500)]
    pub title: String,
    /// The same in English.
    #[schema(rename = "titleEn", example = "Chicken rice", max_length = 500)]
    pub title_en: Option<String>,
    /// Positive, in major units.
    #[schema(schema_with = openapi::amount_input)]
    pub amount: Amount,
    /// ISO 4217; left out, the user's own.
    #[schema(value_type = Option<String>, example = "THB", min_length = 3, max_length = 3)]
    pub currency: Option<Currency>,
    /// Which way the money went.
    pub r#type: TransactionType,
    /// The name of a category, which is made if there is none.
    #[schema(example = "Food & Dining", min_length = 1, max_length = 100)]
    pub category: String,
    /// `YYYY-MM-DD`, or a date-time of which the day as written counts; left out, today where the user is.
    #[schema(example = "2026-02-16")]
    pub date: Option<NaiveDate>,
}

impl FromInput for NewTransaction {
    fn from_input(input: &mut Input) -> Option<Self> {
        let title = input.required("title", Text { max: MAX_TITLE });
        let title_en = input.optional("titleEn", OptionalText { max: MAX_TITLE });
        let amount = input.required("amount", AmountRule);
        let currency = input.optional("currency", CurrencyRule);
        let r#type = input.required("type", OneOf(TRANSACTION_TYPES));
        let category = input.required("category", Text { max: MAX_CATEGORY });
        let date = input.optional("date", Day);
        if let (Some(amount), Some(Some(currency))) = (amount, currency)
            && let Some(problem) = too_fine(amount, currency)
        {
            input.refuse(problem);
        }
        Some(Self {
            title: title?,
            title_en: title_en?,
            amount: amount?,
            currency: currency?,
            r#type: r#type?,
            category: category?,
            date: date?,
        })
    }
}

/// A change of a transaction: what is left out stays as it is.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = UpdateTransaction)]
pub struct Edit {
    /// What it was.
    #[schema(example = "ข้าวมันไก่", min_length = 1, max_length = 500)]
    pub title: Option<String>,
    /// The same in English; `null` clears it.
    #[schema(value_type = Option<String>, rename = "titleEn", example = "Chicken rice", max_length = 500)]
    pub title_en: Change<String>,
    /// Positive, in major units.
    #[schema(schema_with = openapi::amount_input, required = false)]
    pub amount: Option<Amount>,
    /// ISO 4217.
    #[schema(value_type = Option<String>, example = "THB", min_length = 3, max_length = 3)]
    pub currency: Option<Currency>,
    /// Which way the money went.
    pub r#type: Option<TransactionType>,
    /// The name of a category, which is made if there is none.
    #[schema(example = "Food & Dining", min_length = 1, max_length = 100)]
    pub category: Option<String>,
    /// `YYYY-MM-DD`, or a date-time of which the day as written counts.
    #[schema(example = "2026-02-16")]
    pub date: Option<NaiveDate>,
}

impl FromInput for Edit {
    fn from_input(input: &mut Input) -> Option<Self> {
        let title = input.if_present("title", Text { max: MAX_TITLE });
        let title_en = input.clearable("titleEn", OptionalText { max: MAX_TITLE });
        let amount = input.if_present("amount", AmountRule);
        let currency = input.if_present("currency", CurrencyRule);
        let r#type = input.if_present("type", OneOf(TRANSACTION_TYPES));
        let category = input.if_present("category", Text { max: MAX_CATEGORY });
        let date = input.optional("date", Day);
        Some(Self {
            title: title?,
            title_en: title_en?,
            amount: amount?,
            currency: currency?,
            r#type: r#type?,
            category: category?,
            date: date?,
        })
    }
}

/// What is wrong with an amount that has more decimals than its currency.
pub(super) fn too_fine(amount: Amount, currency: Currency) -> Option<String> {
    (!amount.fits(currency)).then(|| match currency.decimals() {
        0 => format!("amount must have no decimals in {currency}"),
        decimals => format!("amount must have at most {decimals} decimals in {currency}"),
    })
}

/// An amount: a JSON number, or a decimal as a string, read from its text.
struct AmountRule;

impl Rule for AmountRule {
    type Output = Amount;

    fn read(&self, value: Value) -> Result<Amount, Vec<String>> {
        let text = match &value {
            Value::Number(number) => number.as_str(),
            Value::String(text) => text.trim(),
            // What is missing breaks both rules.
            Value::Null => return Err(vec![AmountError::NotPositive.to_string(), AmountError::NotANumber.to_string()]),
            _ => return Err(vec![AmountError::NotANumber.to_string()]),
        };
        Amount::parse(text).map_err(|error| vec![error.to_string()])
    }
}

/// The code of a currency.
struct CurrencyRule;

impl Rule for CurrencyRule {
    type Output = Currency;

    fn read(&self, value: Value) -> Result<Currency, Vec<String>> {
        let code = value.as_str().and_then(|text| text.trim().parse().ok());
        code.ok_or_else(|| vec!["must be a valid ISO 4217 currency code".to_owned()])
    }
}

/// The days of a filter, both counted in; each may be left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Days {
    /// From this day on.
    pub start: Option<NaiveDate>,
    /// Up to and with this day.
    pub end: Option<NaiveDate>,
}

impl FromInput for Days {
    fn from_input(input: &mut Input) -> Option<Self> {
        let start = input.optional("startDate", Day);
        let end = input.optional("endDate", Day);
        Some(Self { start: start?, end: end? })
    }
}

/// A transaction with everything decided, as it is kept.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it was.
    pub title: String,
    /// The same in English.
    pub title_en: Option<String>,
    /// Major units of the currency.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
    /// Which way the money went.
    pub r#type: TransactionType,
    /// The category's id.
    pub category_id: i64,
    /// The category's name.
    pub category: String,
    /// The day.
    pub date: NaiveDate,
}
