//! The query string of the list of transactions: filters, order, page.

use serde_json::{Value, json};

use super::rules::{AmountBound, CurrencyRule, NamedCategory, NamedPayee};
use crate::domain::search::{self, Word};
use crate::domain::transaction_type::TransactionType;
use crate::features::tags::TagName;
use crate::fields;
use crate::http::input::FieldRule;
use crate::http::json::Json;
use crate::http::page::PageRequest;
use crate::http::presence::{Defaulted, Included, Optional};
use crate::http::rules::{Day, Id, OneOf, Text, WordChoice};

const MAX_QUERY: usize = 200;

/// The most words of a search: each is compared with every text and every payee's name.
const MAX_WORDS: usize = 20;

fields! {
    /// A filter of transactions; fields that are left out do not count.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub(super) struct TransactionFilter as "TransactionFilter" {
        /// From this day on.
        pub start "startDate": Optional<Day> = "2026-02-01",
        /// Up to and including this day.
        pub end "endDate": Optional<Day> = "2026-02-28",
        /// Of this type: `INCOME` or `EXPENSE`.
        pub r#type "type": Optional<OneOf<TransactionType>>,
        /// In this category, or in one below it.
        pub category_id "categoryId": Optional<Id> = 7,
        /// In a category of this name, or in one below it.
        pub category: Optional<NamedCategory> = "Transportation",
        /// With this tag.
        pub tag_id "tagId": Optional<Id> = 5,
        /// With the tag of this name.
        pub tag: Optional<TagName> = "travel",
        /// With this payee.
        pub payee_id "payeeId": Optional<Id> = 5,
        /// With the payee of this name.
        pub payee: Optional<NamedPayee> = "Grab",
        /// In this currency, as ISO 4217.
        pub currency: Optional<CurrencyRule>,
        /// Of this amount or more.
        pub min "minAmount": Optional<AmountBound> = 50,
        /// Of this amount or less.
        pub max "maxAmount": Optional<AmountBound> = 50,
        /// With all these words in title, note or payee, at most 20 different ones. Case, accents, punctuation and order do not
        /// count, and a part of a word is enough; a single letter begins a word.
        pub words "q": Defaulted<SearchWords> = "grab",
    }
    check(input) {
        input.describe(|description| description.has_value = true);
    }
}

impl TransactionFilter {
    /// Tells if it has no conditions.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Words to search for.
pub(super) struct SearchWords;

impl FieldRule for SearchWords {
    type Output = Vec<Word>;

    fn read(value: Json) -> Result<Vec<Word>, Vec<String>> {
        let words = search::words(&Text::<MAX_QUERY>::read(value)?);
        if words.is_empty() {
            return Err(vec!["must contain a letter, a digit or a symbol".to_owned()]);
        }
        if words.len() > MAX_WORDS {
            return Err(vec![format!("must have at most {MAX_WORDS} different words, and has {}", words.len())]);
        }
        Ok(words)
    }

    fn schema() -> Value {
        Text::<MAX_QUERY>::schema()
    }
}

/// The order of a list. Of equal rows, the one with the larger id counts as later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum TransactionOrder {
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

impl WordChoice for TransactionOrder {
    const WORDS: &'static [(&'static str, Self)] =
        &[("date", Self::DateUp), ("-date", Self::DateDown), ("amount", Self::AmountUp), ("-amount", Self::AmountDown)];

    fn schema() -> Value {
        let words: Vec<&str> = Self::WORDS.iter().map(|(word, _)| *word).collect();
        // `-date` cannot be a name in a program: the names for generated clients.
        let name = |word: &&str| word.strip_prefix('-').map_or((*word).to_owned(), |rest| format!("{rest}_descending"));
        let names: Vec<String> = words.iter().map(name).collect();
        json!({"type": "string", "enum": words, "x-enum-varnames": names})
    }
}

impl TransactionOrder {
    /// The column that rows are sorted by.
    #[must_use]
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::DateUp | Self::DateDown => "date",
            Self::AmountUp | Self::AmountDown => "amount",
        }
    }

    /// Tells if the largest comes first.
    #[must_use]
    pub(super) const fn descends(self) -> bool {
        matches!(self, Self::DateDown | Self::AmountDown)
    }
}

fields! {
    /// The order of a list, in a query string.
    #[derive(Debug)]
    pub(super) struct OrderQuery {
        /// `date`, `-date`, `amount` or `-amount`; with `-` the largest comes first.
        pub order "sort": Defaulted<OneOf<TransactionOrder>>,
    }
}

fields! {
    /// The query string of the list of transactions.
    #[derive(Debug)]
    pub(super) struct TransactionQuery {
        /// The filter.
        pub filter: Included<TransactionFilter>,
        /// The order.
        pub order: Included<OrderQuery>,
        /// The page; without one, the whole list.
        pub page: Included<Option<PageRequest>>,
    }
}
