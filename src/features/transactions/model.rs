//! What a transaction is, and what is asked of one that comes in.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::currency::Currency;
use crate::domain::money::{Amount, AmountError, JsonDecimal, parse_bound};
use crate::domain::search::{FOLDED, fold};
use crate::domain::transaction_type::{TRANSACTION_TYPES, TransactionType};
use crate::features::{payees, tags};
use crate::http::input::{Change, Day, FromInput, Input, Name, OneOf, OptionalText, Rule, Text};
use crate::http::json::Json;
use crate::http::openapi;
use crate::http::rules::{IdNumber, List};

/// The most characters of a title.
pub const MAX_TITLE: usize = 500;
pub(super) const MAX_CATEGORY: usize = 100;
/// The most characters of a note.
pub const MAX_NOTE: usize = 5000;

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
    #[schema(required = true, example = "Chicken rice")]
    pub title_en: Option<String>,
    /// Major units of the currency, exact.
    #[schema(schema_with = openapi::amount)]
    pub amount: JsonDecimal,
    /// ISO 4217.
    #[schema(value_type = Currency, example = "THB")]
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
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(serialize_with = "crate::http::envelope::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub updated_at: DateTime<Utc>,
    /// Whatever else there is to say.
    #[schema(required = true, example = "With extra chicken")]
    pub note: Option<String>,
    /// Who was paid, or who paid.
    #[schema(required = true, example = "Kuang Heng")]
    pub payee: Option<String>,
    /// The payee's id.
    #[schema(required = true, example = 5)]
    pub payee_id: Option<i64>,
    /// The names of its tags.
    #[schema(example = json!(["lunch"]))]
    pub tags: Vec<String>,
    /// How it came by its category.
    pub category_source: CategorySource,
    /// What spoke for the category, if the user did not choose it; `null` once the titles are others.
    #[schema(required = true, example = json!(null))]
    pub category_reason: Option<String>,
}

impl Transaction {
    /// About the bytes that it has as JSON.
    #[must_use]
    pub fn bytes(&self) -> usize {
        /// The keys, and what is never long.
        const FRAME: usize = 400;
        let optional = [&self.title_en, &self.note, &self.payee, &self.category_reason];
        let texts = [&self.title, &self.category].into_iter().chain(optional.into_iter().flatten()).chain(&self.tags);
        texts.fold(FRAME, |bytes, text| bytes + text.len() + 3)
    }
}

/// How a transaction came by its category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sqlx(type_name = "category_source", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CategorySource {
    /// The user said so.
    User,
    /// The user chose it for similar ones.
    History,
    /// A word in the title told.
    Keyword,
    /// Nothing told.
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

/// A transaction to enter.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = CreateTransaction)]
pub struct NewTransaction {
    /// What it was.
    #[schema(example = "ข้าวมันไก่")]
    pub title: String,
    /// The same in English.
    #[schema(rename = "titleEn", example = "Chicken rice")]
    pub title_en: Option<String>,
    /// Positive, in major units, read from its text and never through a float: at most 12 digits before the point, 15
    /// significant ones, and as many decimals as the currency has.
    #[schema(value_type = f64, example = 60.5)]
    pub amount: Amount,
    /// ISO 4217; left out, the user's own.
    #[schema(example = "THB")]
    pub currency: Option<Currency>,
    /// Which way the money went.
    pub r#type: TransactionType,
    /// The name of a category, which is made if there is none. Left out, or `Other`, one is found by what the user chose for
    /// similar titles, or by words in the title.
    #[schema(example = "Food & Dining")]
    pub category: Option<String>,
    /// The id of a category, instead of its name.
    #[schema(rename = "categoryId", example = 7)]
    pub category_id: Option<i64>,
    /// `YYYY-MM-DD`, or a date-time of which the day as written counts; left out, today where the user is.
    #[schema(example = "2026-02-16")]
    pub date: Option<NaiveDate>,
    /// Whatever else there is to say.
    #[schema(example = "With extra chicken")]
    pub note: Option<String>,
    /// The name of a payee, who is made if there is none.
    #[schema(example = "Kuang Heng")]
    pub payee: Option<String>,
    /// The id of a payee, instead of the name.
    #[schema(rename = "payeeId", example = 5)]
    pub payee_id: Option<i64>,
    /// The names of tags, which are made where there are none.
    #[schema(value_type = Option<Vec<String>>, example = json!(["lunch"]))]
    pub tags: Vec<String>,
}

impl FromInput for NewTransaction {
    fn from_input(input: &mut Input) -> Option<Self> {
        let title = input.required("title", Text { max: MAX_TITLE });
        let title_en = input.optional("titleEn", OptionalText { max: MAX_TITLE });
        let amount = input.required("amount", AmountRule);
        let currency = input.optional("currency", CurrencyRule);
        let r#type = input.required("type", OneOf(TRANSACTION_TYPES));
        let category = input.optional("category", Name { max: MAX_CATEGORY });
        let category_id = input.optional("categoryId", IdNumber);
        let date = input.optional("date", EntryDay);
        let note = input.optional("note", OptionalText { max: MAX_NOTE });
        let payee = input.optional("payee", Name { max: payees::model::MAX_NAME });
        let payee_id = input.optional("payeeId", IdNumber);
        let tags = input.optional("tags", TAG_NAMES);
        if let (Some(amount), Some(Some(currency))) = (amount, currency)
            && let Some(problem) = too_fine(amount, currency)
        {
            input.refuse(problem);
        }
        not_both(input, CATEGORY, matches!(category, Some(Some(_))), matches!(category_id, Some(Some(_))));
        not_both(input, PAYEE, matches!(payee, Some(Some(_))), matches!(payee_id, Some(Some(_))));
        Some(Self {
            title: title?,
            title_en: title_en?,
            amount: amount?,
            currency: currency?,
            r#type: r#type?,
            category: category?,
            category_id: category_id?,
            date: date?,
            note: note?.filter(|note| !note.is_empty()),
            payee: payee?,
            payee_id: payee_id?,
            tags: tags?.unwrap_or_default(),
        })
    }
}

/// The names of tags.
pub(super) const TAG_NAMES: List<Name> = List { each: Name { max: tags::model::MAX_NAME }, min: 0, max: 50 };

/// The fields that tell a category, and those that tell a payee.
pub(super) const CATEGORY: [&str; 2] = ["category", "categoryId"];
pub(super) const PAYEE: [&str; 2] = ["payee", "payeeId"];

/// What is told by its name or by its id is not told by both.
pub(super) fn not_both(input: &mut Input, [name, id]: [&'static str; 2], named: bool, numbered: bool) {
    input.exclusive([name, id]);
    if named && numbered {
        input.refuse(format!("{name} and {id} must not be given together"));
    }
}

/// A change of a transaction: what is left out stays as it is.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = UpdateTransaction)]
pub(super) struct Edit {
    /// What it was.
    #[schema(example = "ข้าวมันไก่")]
    pub title: Option<String>,
    /// The same in English; `null` clears it.
    #[schema(value_type = Option<String>, rename = "titleEn", example = "Chicken rice")]
    pub title_en: Change<String>,
    /// Positive, in major units.
    #[schema(value_type = Option<f64>, example = 65.25)]
    pub amount: Option<Amount>,
    /// ISO 4217.
    #[schema(example = "THB")]
    pub currency: Option<Currency>,
    /// Which way the money went.
    pub r#type: Option<TransactionType>,
    /// The name of a category, which is made if there is none.
    #[schema(example = "Food & Dining")]
    pub category: Option<String>,
    /// The id of a category, instead of its name.
    #[schema(rename = "categoryId", example = 7)]
    pub category_id: Option<i64>,
    /// `YYYY-MM-DD`, or a date-time of which the day as written counts.
    #[schema(example = "2026-02-16")]
    pub date: Option<NaiveDate>,
    /// Whatever else there is to say; `null` clears it.
    #[schema(value_type = Option<String>, example = "With extra chicken")]
    pub note: Change<String>,
    /// The name of a payee, who is made if there is none; `null` takes the payee away.
    #[schema(value_type = Option<String>, example = "Kuang Heng")]
    pub payee: Change<String>,
    /// The id of a payee, instead of the name.
    #[schema(value_type = Option<i64>, rename = "payeeId", example = 5)]
    pub payee_id: Change<i64>,
    /// The names of all its tags, which are made where there are none.
    #[schema(example = json!(["lunch"]))]
    pub tags: Option<Vec<String>>,
}

impl FromInput for Edit {
    fn from_input(input: &mut Input) -> Option<Self> {
        let title = input.if_present("title", Text { max: MAX_TITLE });
        let title_en = input.clearable("titleEn", OptionalText { max: MAX_TITLE });
        let amount = input.if_present("amount", AmountRule);
        let currency = input.if_present("currency", CurrencyRule);
        let r#type = input.if_present("type", OneOf(TRANSACTION_TYPES));
        let category = input.if_present("category", Name { max: MAX_CATEGORY });
        let category_id = input.if_present("categoryId", IdNumber);
        let date = input.optional("date", EntryDay);
        let note = input.clearable("note", OptionalText { max: MAX_NOTE });
        let payee = input.clearable("payee", Name { max: payees::model::MAX_NAME });
        let payee_id = input.clearable("payeeId", IdNumber);
        let tags = input.if_present("tags", TAG_NAMES);
        not_both(input, CATEGORY, matches!(category, Some(Some(_))), matches!(category_id, Some(Some(_))));
        not_both(input, PAYEE, matches!(payee, Some(Change::Set(_))), matches!(payee_id, Some(Change::Set(_))));
        Some(Self {
            title: title?,
            title_en: title_en?,
            amount: amount?,
            currency: currency?,
            r#type: r#type?,
            category: category?,
            category_id: category_id?,
            date: date?,
            note: emptied(note?),
            payee: payee?,
            payee_id: payee_id?,
            tags: tags?,
        })
    }
}

/// An empty text says the same as none.
pub(super) fn emptied(change: Change<String>) -> Change<String> {
    match change {
        Change::Set(text) if text.is_empty() => Change::Clear,
        change => change,
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
pub(super) struct AmountRule;

impl Rule for AmountRule {
    type Output = Amount;

    fn read(&self, value: Json) -> Result<Amount, Vec<String>> {
        if matches!(value, Json::Null) {
            // What is missing breaks both rules.
            return Err(vec![AmountError::NotPositive.to_string(), AmountError::NotANumber.to_string()]);
        }
        number_text(&value).and_then(Amount::parse).map_err(|error| vec![error.to_string()])
    }

    fn schema(&self) -> Value {
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

/// A bound of amounts: an amount, or zero, which sliders begin with.
pub(super) struct AmountBound;

impl Rule for AmountBound {
    type Output = Decimal;

    fn read(&self, value: Json) -> Result<Decimal, Vec<String>> {
        number_text(&value).and_then(parse_bound).map_err(|error| match error {
            AmountError::NotPositive => vec!["must not be less than 0".to_owned()],
            error => vec![error.to_string()],
        })
    }

    fn schema(&self) -> Value {
        let mut schema = AmountRule.schema();
        if let Some(forms) = schema["oneOf"].as_array_mut() {
            forms.push(json!({"type": "number", "minimum": 0, "maximum": 0}));
            forms.push(json!({"type": "string", "pattern": r"^0(\.0{1,4})?$"}));
        }
        schema
    }
}

/// The day of a transaction. Beyond these years it is a slip, which would lie at an end of the list for ever.
pub(super) struct EntryDay;

const FIRST_YEAR: i32 = 1900;
const LAST_YEAR: i32 = 2199;

/// By how much the years of the Buddhist calendar are more.
const BUDDHIST: i32 = 543;

impl Rule for EntryDay {
    type Output = NaiveDate;

    fn read(&self, value: Json) -> Result<NaiveDate, Vec<String>> {
        let day = Day.read(value)?;
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

    fn schema(&self) -> Value {
        json!({"type": "string", "format": "date", "pattern": "^(19|20|21)[0-9]{2}-"})
    }
}

/// The code of a currency.
pub(super) struct CurrencyRule;

impl Rule for CurrencyRule {
    type Output = Currency;

    fn read(&self, value: Json) -> Result<Currency, Vec<String>> {
        let code = value.as_str().and_then(|text| text.trim().parse().ok());
        code.ok_or_else(|| vec!["must be a valid ISO 4217 currency code".to_owned()])
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "enum": Currency::codes()})
    }
}

/// The days of a filter, both counted in; each may be left out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Days {
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
#[derive(Debug, Clone, PartialEq)]
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
    /// How it came by that.
    pub category_source: CategorySource,
    /// What spoke for it.
    pub category_reason: Option<String>,
    /// The day.
    pub date: NaiveDate,
    /// Whatever else there is to say.
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
    /// What it is found by.
    #[must_use]
    pub fn search(&self) -> String {
        search_of(&self.title, self.title_en.as_deref(), self.note.as_deref())
    }
}

/// What stands between the parts of what a transaction is found by; no folded text has it.
pub(super) const SEARCH_SEPARATOR: &str = "\n";

/// What a transaction is found by: title, English title and note, folded.
#[must_use]
pub fn search_of(title: &str, title_en: Option<&str>, note: Option<&str>) -> String {
    [Some(title), title_en, note].map(|part| fold(part.unwrap_or_default())).join(SEARCH_SEPARATOR) + FOLDED
}
