//! Exact numbers, parsed from text in any notation that JSON allows.

/// Parses a whole number: `7`, `7.0` and `70e-1` alike. Returns `None` for a fraction and for anything beyond 64 bits.
#[must_use]
pub fn whole(text: &str) -> Option<i64> {
    let number = Plain::read(text)?;
    if number.digits.is_empty() {
        return Some(0);
    }
    // A number with more integer digits than 19 is beyond 64 bits; its zeros are never written out.
    let zeros = usize::try_from(number.exponent).ok().filter(|_| number.integer_digits() <= 19)?;
    let sign = if number.negative { "-" } else { "" };
    format!("{sign}{}{}", number.digits, "0".repeat(zeros)).parse().ok()
}

/// A decimal number in parts: digits without leading and trailing zeros, and a power of ten.
pub(super) struct Plain {
    pub(super) negative: bool,
    pub(super) digits: String,
    exponent: i64,
}

impl Plain {
    /// Parses JSON's grammar of numbers. A string may also have leading zeros or start with a plus sign.
    pub(super) fn read(text: &str) -> Option<Self> {
        // No valid number is longer. The bound keeps exponents and digit counts from overflowing.
        if text.len() > 400 {
            return None;
        }
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, power) = match rest.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, read_power(power)?),
            None => (rest, 0),
        };
        let (integer, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if integer.is_empty() || !all_digits(integer) || !all_digits(fraction) {
            return None;
        }
        let joined = format!("{integer}{fraction}");
        let digits = joined.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
        let exponent = power - i64::try_from(fraction.len()).ok()? + dropped;
        Some(Self { negative, digits: significant.to_owned(), exponent })
    }

    pub(super) fn decimals(&self) -> i64 {
        -self.exponent
    }

    pub(super) fn integer_digits(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX).saturating_add(self.exponent)
    }
}

fn read_power(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Beyond this bound all exponents are equally far out of range.
    let size = digits.parse::<i64>().unwrap_or(1_000_000).min(1_000_000);
    Some(if text.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_one_in_every_notation() {
        for (text, number) in [
            ("7", 7),
            ("7.0", 7),
            ("-7.00", -7),
            ("70e-1", 7),
            ("0.7E+1", 7),
            ("7e3", 7000),
            ("0", 0),
            ("-0.0", 0),
            ("0e999999999", 0),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808.0", i64::MIN),
        ] {
            assert_eq!(whole(text), Some(number), "{text}");
        }
    }

    #[test]
    fn what_is_not_whole_or_too_large_is_none() {
        for text in ["", "7.5", "1e-1", "9223372036854775808", "-9223372036854775809", "1e19", "1e999999999999", "x"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }
}
