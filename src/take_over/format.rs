//! Numbers in messages.

/// Formats a number with thousands separators.
#[must_use]
pub fn grouped(number: &str) -> String {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.');
    if !number.chars().all(is_number) {
        return number.to_owned();
    }
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    let mut formatted = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            formatted.push(',');
        }
        formatted.push(digit);
    }
    formatted + fraction
}

/// Formats a number with a noun, in the singular or plural.
pub(super) fn count(number: i64, one: &str, several: &str) -> String {
    format!("{} {}", grouped(&number.to_string()), if number == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, formatted) in [
            ("0", "0"),
            ("999", "999"),
            ("99990", "99,990"),
            ("-1234567.89", "-1,234,567.89"),
            ("449919999.00", "449,919,999.00"),
            ("not known", "not known"),
        ] {
            assert_eq!(grouped(number), formatted);
        }
    }
}
