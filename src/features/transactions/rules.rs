//! The rules of the fields of a transaction, for creation, update, bulk update and filters alike.

use chrono::{Datelike as _, NaiveDate};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use utoipa::ToSchema as _;

use crate::domain::currency::Currency;
use crate::domain::money::{Amount, AmountError, parse_bound};
use crate::features::categories::CategoryName;
use crate::features::payees::PayeeName;
use crate::features::tags::TagName;
use crate::http::input::{FieldRule, Input};
use crate::http::json::Json;
use crate::http::rules::{Day, List, Note, OptionalText, Text};

/// The most characters of a title.
pub const MAX_TITLE: usize = 500;
/// The most characters of a note.
pub const MAX_NOTE: usize = 5000;

pub(super) type Title = Text<MAX_TITLE>;
/// A title in English, which may be empty.
pub(super) type EnglishTitle = OptionalText<MAX_TITLE>;
/// A note; an empty one is none.
pub(super) type NoteText = Note<MAX_NOTE>;
/// The name of a category.
pub(super) type NamedCategory = CategoryName;
/// The name of a payee.
pub(super) type NamedPayee = PayeeName;
pub(super) type TagNames = List<TagName, 0, 50>;

/// Refuses a category, or a payee, that is given both by name and by id.
pub(super) fn either(input: &mut Input, fields: [&'static str; 2], by_name: bool, by_id: bool) {
    input.not_both(fields, [by_name, by_id]);
}

/// The fields of a category, and those of a payee.
pub(super) const CATEGORY: [&str; 2] = ["category", "categoryId"];
pub(super) const PAYEE: [&str; 2] = ["payee", "payeeId"];

/// The problem of an amount that has more decimals than its currency.
pub(super) fn too_fine(amount: Amount, currency: Currency) -> Option<String> {
    (!amount.fits(currency)).then(|| match currency.decimals() {
        0 => format!("amount must have no decimals in {currency}"),
        decimals => format!("amount must have at most {decimals} decimals in {currency}"),
    })
}

/// An amount: a JSON number, or a decimal as a string, read from its text.
pub struct AmountRule;

impl FieldRule for AmountRule {
    type Output = Amount;

    fn read(value: Json) -> Result<Amount, Vec<String>> {
        if matches!(value, Json::Null) {
            // A missing amount breaks both rules.
            return Err(vec![AmountError::NotPositive.to_string(), AmountError::NotANumber.to_string()]);
        }
        number_text(&value).and_then(Amount::parse).map_err(|error| vec![error.to_string()])
    }

    fn schema() -> Value {
        // With 12 digits before the point there are 3 behind it, or there would be more than 15.
        const TEXT: &str = r"^([1-9][0-9]{0,10}(\.[0-9]{1,4})?|[1-9][0-9]{11}(\.[0-9]{1,3})?|0\.([1-9][0-9]{0,3}|0[1-9][0-9]{0,2}|00[1-9][0-9]?|000[1-9]))$";
        json!({"oneOf": [
            {"type": "number", "minimum": 0.0001, "exclusiveMaximum": 1_000_000_000_000_i64},
            {"type": "string", "pattern": TEXT},
        ]})
    }
}

/// The text of a JSON number, or of a decimal in a string.
fn number_text(value: &Json) -> Result<&str, AmountError> {
    match value {
        Json::Number(number) => Ok(number.as_str()),
        Json::String(text) => Ok(text.trim()),
        _ => Err(AmountError::NotANumber),
    }
}

/// A bound of amounts: an amount, or zero, with which sliders begin.
pub(super) struct AmountBound;

impl FieldRule for AmountBound {
    type Output = Decimal;

    fn read(value: Json) -> Result<Decimal, Vec<String>> {
        number_text(&value).and_then(parse_bound).map_err(|error| match error {
            AmountError::NotPositive => vec!["must not be less than 0".to_owned()],
            error => vec![error.to_string()],
        })
    }

    fn schema() -> Value {
        let mut schema = AmountRule::schema();
        if let Some(forms) = schema["oneOf"].as_array_mut() {
            forms.push(json!({"type": "number", "minimum": 0, "maximum": 0}));
            forms.push(json!({"type": "string", "pattern": r"^0(\.0{1,4})?$"}));
        }
        schema
    }
}

/// The day of a transaction. A day out of range is a typing error, and would stay at an end of the list for ever.
pub struct EntryDay;

const FIRST_YEAR: i32 = 1900;
const LAST_YEAR: i32 = 2199;

/// The difference between years of the Buddhist and of the common calendar.
const BUDDHIST: i32 = 543;

impl FieldRule for EntryDay {
    type Output = NaiveDate;

    fn read(value: Json) -> Result<NaiveDate, Vec<String>> {
        let day = Day::read(value)?;
        let years = FIRST_YEAR..=LAST_YEAR;
        if years.contains(&day.year()) {
            return Ok(day);
        }
        let mut problem = format!("must be a day of the years {FIRST_YEAR} to {LAST_YEAR}");
        let common = day.year() - BUDDHIST;
        if years.contains(&common) {
            problem += &format!("; {} looks like a Buddhist year: {common}?", day.year());
        }
        Err(vec![problem])
    }

    fn schema() -> Value {
        json!({"type": "string", "format": "date", "pattern": "^(19|20|21)[0-9]{2}-"})
    }
}

/// The ISO 4217 code of a currency.
pub struct CurrencyRule;

impl FieldRule for CurrencyRule {
    type Output = Currency;

    fn read(value: Json) -> Result<Currency, Vec<String>> {
        let code = value.as_str().and_then(|text| text.trim().parse().ok());
        code.ok_or_else(|| vec!["must be a valid ISO 4217 currency code".to_owned()])
    }

    fn schema() -> Value {
        json!({"$ref": format!("#/components/schemas/{}", Currency::name())})
    }
}
