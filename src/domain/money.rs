//! Exact amounts of money: parsed from text and kept as decimals, never as floats.

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::currency::Currency;
use super::number::Plain;

/// The maximum number of digits before the decimal point. With at most 4 digits behind it, and 2 for most currencies,
/// amounts keep within the 15 significant digits that survive a round trip through an IEEE double, which is how many
/// clients read JSON numbers.
pub const MAX_INTEGER_DIGITS: u32 = 12;

/// The maximum number of significant digits.
pub const MAX_SIGNIFICANT_DIGITS: usize = 15;

/// A positive amount in major units (`150` is 150.00 THB), not yet checked against the decimals of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(Decimal);

/// The reasons why a text is not a valid amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number.
    #[error("must be a number")]
    NotANumber,
    /// Zero or less.
    #[error("must be positive")]
    NotPositive,
    /// More than [`MAX_INTEGER_DIGITS`] digits before the decimal point.
    #[error("must have at most 12 digits before the decimal point")]
    TooLarge,
    /// More decimals than any currency has.
    #[error("must have at most 4 decimals")]
    TooManyDecimals,
    /// More than [`MAX_SIGNIFICANT_DIGITS`] significant digits.
    #[error("must have at most 15 significant digits")]
    TooPrecise,
}

/// Parses a filter bound: an amount, or zero.
///
/// # Errors
/// [`AmountError`] for a text that is neither.
pub fn parse_bound(text: &str) -> Result<Decimal, AmountError> {
    match Plain::read(text) {
        Some(number) if number.digits.is_empty() => Ok(Decimal::ZERO),
        _ => Amount::parse(text).map(Amount::value),
    }
}

impl Amount {
    /// Parses an amount from the text of a JSON number or of a decimal string: `150`, `150.5`, `1.5e2`.
    ///
    /// # Errors
    /// [`AmountError`] with the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let number = Plain::read(text).ok_or(AmountError::NotANumber)?;
        if number.digits.is_empty() || number.negative {
            return Err(AmountError::NotPositive);
        }
        if number.integer_digits() > i64::from(MAX_INTEGER_DIGITS) {
            return Err(AmountError::TooLarge);
        }
        if number.decimals() > 4 {
            return Err(AmountError::TooManyDecimals);
        }
        if number.digits.len() > MAX_SIGNIFICANT_DIGITS {
            return Err(AmountError::TooPrecise);
        }
        let mantissa: i128 = number.digits.parse().map_err(|_| AmountError::NotANumber)?;
        // Neither can overflow: the mantissa has at most 15 digits, and the scale is between -11 and 4.
        let scaled = match u32::try_from(number.decimals()) {
            Ok(scale) => Decimal::try_from_i128_with_scale(mantissa, scale),
            Err(_) => Decimal::try_from_i128_with_scale(
                mantissa * 10_i128.pow(u32::try_from(-number.decimals()).unwrap_or(0)),
                0,
            ),
        };
        scaled.map(Self).map_err(|_| AmountError::NotANumber)
    }

    /// Returns true if the amount has no more decimals than the currency.
    #[must_use]
    pub fn fits(self, currency: Currency) -> bool {
        self.0.normalize().scale() <= currency.decimals()
    }

    /// The decimal value.
    #[must_use]
    pub fn value(self) -> Decimal {
        self.0
    }
}

/// A decimal that serializes as a JSON number with its exact digits and without trailing zeros: `150`, `150.5`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct JsonDecimal(pub Decimal);

impl Serialize for JsonDecimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        rust_decimal::serde::arbitrary_precision::serialize(&self.0.normalize(), serializer)
    }
}

/// `part` as a percentage of `whole`, rounded to two decimals, halves away from zero. 0 when `whole` is 0.
#[must_use]
pub fn percent(part: Decimal, whole: Decimal) -> Decimal {
    part.checked_mul(Decimal::ONE_HUNDRED)
        .and_then(|hundredfold| hundredfold.checked_div(whole))
        .map_or(Decimal::ZERO, |percent| {
            percent.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str) -> String {
        serde_json::to_string(&JsonDecimal(Amount::parse(text).expect("an amount").value())).expect("a number")
    }

    #[test]
    fn an_amount_is_written_with_the_digits_it_was_given() {
        for (given, written) in [
            ("150", "150"),
            ("150.00", "150"),
            ("0.1", "0.1"),
            ("1.5e2", "150"),
            ("1e11", "100000000000"),
            ("999999999999.99", "999999999999.99"),
            ("999999999999", "999999999999"),
            ("12345678901.2345", "12345678901.2345"),
            ("0.0001", "0.0001"),
            ("1E-2", "0.01"),
            ("007", "7"),
            ("1.50000000000000000000", "1.5"),
        ] {
            assert_eq!(json(given), written, "{given}");
        }
    }

    #[test]
    fn what_is_no_amount_says_why() {
        use AmountError::{NotANumber, NotPositive, TooLarge, TooManyDecimals, TooPrecise};
        for (text, error) in [
            ("", NotANumber),
            ("NaN", NotANumber),
            ("Infinity", NotANumber),
            ("1.", NotANumber),
            (".5", NotANumber),
            ("1,5", NotANumber),
            ("0x10", NotANumber),
            ("1e", NotANumber),
            ("--1", NotANumber),
            ("๑๕๐", NotANumber),
            ("0", NotPositive),
            ("0.000", NotPositive),
            ("0e99999999999999999999", NotPositive),
            ("-1", NotPositive),
            ("-0", NotPositive),
            ("1e400", TooLarge),
            ("1e99999999999999999999", TooLarge),
            ("1000000000000", TooLarge),
            ("0.00001", TooManyDecimals),
            ("1e-99999999999999999999", TooManyDecimals),
            ("0.123456789012", TooManyDecimals),
            ("999999999999.9999", TooPrecise),
        ] {
            assert_eq!(Amount::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn an_amount_fits_the_decimals_of_its_currency() {
        let fits = |text: &str, code: &str| Amount::parse(text).expect(text).fits(code.parse().expect(code));
        assert!(fits("150", "JPY"));
        assert!(fits("150.0", "JPY"));
        assert!(!fits("150.5", "JPY"));
        assert!(fits("0.01", "THB"));
        assert!(!fits("0.001", "THB"));
        assert!(fits("0.001", "KWD"));
    }

    #[test]
    fn a_percentage_of_nothing_is_zero() {
        assert_eq!(percent(Decimal::from(5), Decimal::ZERO), Decimal::ZERO);
        assert_eq!(percent(Decimal::ONE, Decimal::from(3)).to_string(), "33.33");
        assert_eq!(percent(Decimal::from(-1), Decimal::from(8)).to_string(), "-12.50");
        assert_eq!(percent(Decimal::MAX, Decimal::ONE), Decimal::ZERO);
    }

    proptest! {
        #[test]
        fn every_amount_survives_a_reader_of_doubles(minor in 1_u64..=999_999_999_999_999, scale in 0_u32..=4) {
            let decimal = Decimal::from_i128_with_scale(i128::from(minor), scale);
            let Ok(amount) = Amount::parse(&decimal.to_string()) else {
                // Only too many digits before the point can be wrong with it.
                prop_assert!(decimal.trunc() >= Decimal::from(10_u64.pow(MAX_INTEGER_DIGITS)));
                return Ok(());
            };
            let text = serde_json::to_string(&JsonDecimal(amount.value())).expect("a number");
            let double: f64 = text.parse().expect("a number");
            prop_assert_eq!(format!("{double}"), text.clone());
            prop_assert_eq!(Amount::parse(&text), Ok(Amount(amount.value().normalize())));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*") {
            let _ = Amount::parse(&text);
        }

        #[test]
        fn no_number_like_text_makes_the_reader_panic(text in "[-+]?[0-9]{0,40}(\\.[0-9]{0,40})?([eE][-+]?[0-9]{0,30})?") {
            if let Ok(amount) = Amount::parse(&text) {
                prop_assert!(amount.value() > Decimal::ZERO);
                prop_assert!(amount.value() < Decimal::from(10_u64.pow(MAX_INTEGER_DIGITS)));
            }
        }

        #[test]
        fn notation_does_not_change_the_amount(minor in 1_u64..=99_999_999_999_999) {
            let plain = Decimal::from_i128_with_scale(i128::from(minor), 2).to_string();
            let scientific = format!("{minor}e-2");
            prop_assert_eq!(Amount::parse(&plain), Amount::parse(&scientific));
        }
    }
}
