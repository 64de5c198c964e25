//! ISO 4217 currencies and the number of decimals of each.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// An ISO 4217 currency with a minor unit. Excludes `XXX`, `XTS` and the metals, which have none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    inner: iso_currency::Currency,
    decimals: u32,
}

impl PartialSchema for Currency {
    fn schema() -> RefOr<Schema> {
        let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Self::codes().iter().copied()));
        schema.description(Some("A currency of ISO 4217.")).into()
    }
}

impl ToSchema for Currency {
    fn name() -> Cow<'static, str> {
        "Currency".into()
    }
}

/// The error for a text that is not the code of a known currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 4217 currency code")]
pub struct UnknownCurrency;

impl Currency {
    /// The three-letter code, such as `THB`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.inner.code()
    }

    /// All currency codes, sorted.
    #[must_use]
    pub fn codes() -> &'static [&'static str] {
        // Computed once: the message for an unknown field lists them, and building the list tries 17,576 codes.
        static CODES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
            let letters = || 'A'..='Z';
            let triples = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
            triples.filter_map(|code| String::from_iter(code).parse().ok()).map(Currency::code).collect()
        });
        &CODES
    }

    /// The number of decimals an amount may have: 0 for JPY, 2 for THB, 3 for KWD, at most 4.
    #[must_use]
    pub fn decimals(self) -> u32 {
        self.decimals
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let inner = iso_currency::Currency::from_code(code).ok_or(UnknownCurrency)?;
        let decimals = inner.exponent().map(u32::from).ok_or(UnknownCurrency)?;
        Ok(Self { inner, decimals })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decimals_are_those_of_the_standard() {
        for (code, decimals) in [("JPY", 0), ("THB", 2), ("USD", 2), ("KWD", 3), ("CLF", 4)] {
            assert_eq!(code.parse::<Currency>().map(Currency::decimals), Ok(decimals), "{code}");
        }
    }

    #[test]
    fn every_currency_has_its_code_in_the_list() {
        let codes = Currency::codes();
        assert!(codes.len() > 150 && codes.is_sorted(), "{codes:?}");
        assert!(["THB", "USD", "JPY", "ZWG"].iter().all(|code| codes.contains(code)), "{codes:?}");
        assert!(!codes.contains(&"XXX") && !codes.contains(&"XAU"), "{codes:?}");
    }

    #[test]
    fn what_is_no_currency_is_refused() {
        for code in ["", "thb", "THBX", "XXX", "XTS", "XAU", "฿", "ABC"] {
            assert_eq!(code.parse::<Currency>(), Err(UnknownCurrency), "{code}");
        }
    }
}
