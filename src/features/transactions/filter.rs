//! What is asked of a list of transactions, as it comes in: which ones, in which order, which page.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::model::{AmountBound, CurrencyRule, MAX_CATEGORY};
use crate::domain::currency::Currency;
use crate::domain::search::{self, Word};
use crate::domain::transaction_type::{TRANSACTION_TYPES, TransactionType};
use crate::features::{payees, tags};
use crate::http::input::{Day, FromInput, Input, Name, OneOf, Rule, Text};
use crate::http::json::Json;
use crate::http::page::PageRequest;
use crate::http::rules::{IdNumber, IdText};

const MAX_QUERY: usize = 200;

/// The most words of a query: each is looked for in every text and every payee's name.
const MAX_WORDS: usize = 20;

/// Which transactions; what is left out does not matter.
#[derive(Debug, Clone, Default, ToSchema)]
#[schema(as = TransactionFilter)]
pub(super) struct Filter {
    /// From this day on.
    #[schema(rename = "startDate", example = "2026-02-01")]
    pub start: Option<NaiveDate>,
    /// Up to and with this day.
    #[schema(rename = "endDate", example = "2026-02-28")]
    pub end: Option<NaiveDate>,
    /// Of this type.
    pub r#type: Option<TransactionType>,
    /// In this category, or in one below it.
    #[schema(rename = "categoryId", example = 7)]
    pub category_id: Option<i64>,
    /// In a category of this name, or in one below it.
    #[schema(example = "Transportation")]
    pub category: Option<String>,
    /// With this tag.
    #[schema(rename = "tagId", example = 5)]
    pub tag_id: Option<i64>,
    /// With the tag of this name.
    #[schema(example = "travel")]
    pub tag: Option<String>,
    /// With this payee.
    #[schema(rename = "payeeId", example = 5)]
    pub payee_id: Option<i64>,
    /// With the payee of this name.
    #[schema(example = "Grab")]
    pub payee: Option<String>,
    /// In this currency.
    #[schema(example = "THB")]
    pub currency: Option<Currency>,
    /// Of this amount or more.
    #[schema(value_type = Option<f64>, example = 50, rename = "minAmount")]
    pub min: Option<Decimal>,
    /// Of this amount or less.
    #[schema(value_type = Option<f64>, example = 50, rename = "maxAmount")]
    pub max: Option<Decimal>,
    /// With all these words, 20 different ones at most, in title, note or payee.
    #[schema(value_type = Option<String>, rename = "q", example = "grab")]
    pub words: Vec<Word>,
}

impl Filter {
    /// Takes the fields; `id` is how an id is written, in a query string or in a body.
    fn take(input: &mut Input, id: impl Rule<Output = i64> + Copy) -> Option<Self> {
        let start = input.optional("startDate", Day);
        let end = input.optional("endDate", Day);
        let r#type = input.optional("type", OneOf(TRANSACTION_TYPES));
        let category_id = input.optional("categoryId", id);
        let category = input.optional("category", Name { max: MAX_CATEGORY });
        let tag_id = input.optional("tagId", id);
        let tag = input.optional("tag", Name { max: tags::model::MAX_NAME });
        let payee_id = input.optional("payeeId", id);
        let payee = input.optional("payee", Name { max: payees::model::MAX_NAME });
        let currency = input.optional("currency", CurrencyRule);
        let min = input.optional("minAmount", AmountBound);
        let max = input.optional("maxAmount", AmountBound);
        let words = input.optional("q", Words);
        Some(Self {
            start: start?,
            end: end?,
            r#type: r#type?,
            category_id: category_id?,
            category: category?,
            tag_id: tag_id?,
            tag: tag?,
            payee_id: payee_id?,
            payee: payee?,
            currency: currency?,
            min: min?,
            max: max?,
            words: words?.unwrap_or_default(),
        })
    }

    /// Whether it leaves nothing out.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        let Self { start, end, r#type, category_id, category, tag_id, tag, payee_id, payee, currency, min, max, words } =
            self;
        (start, end, r#type, category_id, category, tag_id) == (&None, &None, &None, &None, &None, &None)
            && (tag, payee_id, payee, currency, min, max) == (&None, &None, &None, &None, &None, &None)
            && words.is_empty()
    }
}

/// A filter as a part of a body.
impl FromInput for Filter {
    fn from_input(input: &mut Input) -> Option<Self> {
        input.some_value();
        Self::take(input, IdNumber)
    }
}

/// Words that are looked for.
struct Words;

impl Rule for Words {
    type Output = Vec<Word>;

    fn read(&self, value: Json) -> Result<Vec<Word>, Vec<String>> {
        let words = search::words(&Text { max: MAX_QUERY }.read(value)?);
        if words.is_empty() {
            return Err(vec!["must contain a letter, a digit or a symbol".to_owned()]);
        }
        if words.len() > MAX_WORDS {
            return Err(vec![format!("must have at most {MAX_WORDS} different words, and has {}", words.len())]);
        }
        Ok(words)
    }

    fn schema(&self) -> Value {
        Text { max: MAX_QUERY }.schema()
    }
}

/// The order of a list. Of equal ones, the one with the larger id counts as later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Sort {
    /// The earliest day first.
    DateUp,
    /// The latest day first.
    #[default]
    DateDown,
    /// The smallest amount first.
    AmountUp,
    /// The largest amount first.
    AmountDown,
}

const SORTS: &[(&str, Sort)] =
    &[("date", Sort::DateUp), ("-date", Sort::DateDown), ("amount", Sort::AmountUp), ("-amount", Sort::AmountDown)];

impl Sort {
    /// The column.
    #[must_use]
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::DateUp | Self::DateDown => "date",
            Self::AmountUp | Self::AmountDown => "amount",
        }
    }

    /// Whether the largest comes first.
    #[must_use]
    pub(super) const fn descends(self) -> bool {
        matches!(self, Self::DateDown | Self::AmountDown)
    }
}

/// What is asked of the list.
#[derive(Debug, Clone)]
pub(super) struct Listing {
    /// Which ones.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// A page; all of them without.
    pub page: Option<PageRequest>,
}

impl FromInput for Listing {
    fn from_input(input: &mut Input) -> Option<Self> {
        let filter = Filter::take(input, IdText);
        let sort = input.optional("sort", OneOf(SORTS));
        let page = PageRequest::from_input(input);
        Some(Self { filter: filter?, sort: sort?.unwrap_or_default(), page: page? })
    }
}
