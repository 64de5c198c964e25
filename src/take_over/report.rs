//! What is told of a take-over, for a person.

use std::fmt;

use super::proof::{Check, Proof, Told};

/// A number with a comma between each three digits before its point.
#[must_use]
pub fn grouped(number: &str) -> String {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.');
    if !number.chars().all(is_number) {
        return number.to_owned();
    }
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    let mut told = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told + fraction
}

/// One, or several.
pub(super) fn count(number: i64, one: &str, several: &str) -> String {
    format!("{} {}", grouped(&number.to_string()), if number == 1 { one } else { several })
}

impl fmt::Display for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "  {:<50} {:>18} {:>18}", "", "the original", "here")?;
        for Check { what, original, here, holds, .. } in &self.checks {
            writeln!(formatter, "  {what:<50} {original:>18} {here:>18}  {}", if *holds { "ok" } else { "DIFFERS" })?;
        }
        for line in self.days.lines() {
            writeln!(formatter, "  {line}")?;
        }
        for (told, words) in [
            (&self.skipped, "transactions of 0 that were left out"),
            (&self.flipped, "transactions of less than 0 that are of the other type now"),
            (&self.cut, "transactions with a text that is too long, which stands whole in the note"),
            (
                &self.cannot_sign_in,
                "users who cannot sign in, as before: what they have for a password is no hash of bcrypt's",
            ),
            (&self.other_addresses, "users with another address"),
        ] {
            list(formatter, told, words, ": ", ", ")?;
        }
        if self.renamed > 0 {
            let renamed = grouped(&self.renamed.to_string());
            let words = "titles with nothing to see, which are called by their English title or by their category";
            writeln!(formatter, "  {words}: {renamed}")?;
        }
        let words = "categories that were written in several ways, and are called by the most used";
        list(formatter, &self.spellings, words, "\n    ", "\n    ")
    }
}

/// Some words, the number, and the first of them.
fn list(formatter: &mut fmt::Formatter<'_>, told: &Told, words: &str, begin: &str, between: &str) -> fmt::Result {
    if told.count == 0 {
        return Ok(());
    }
    let more = told.count - i64::try_from(told.first.len()).unwrap_or(i64::MAX);
    let more = if more > 0 { format!("{between}and {} more", grouped(&more.to_string())) } else { String::new() };
    writeln!(formatter, "  {words}, {}{begin}{}{more}", grouped(&told.count.to_string()), told.first.join(between))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, told) in [
            ("0", "0"),
            ("999", "999"),
            ("99990", "99,990"),
            ("-1234567.89", "-1,234,567.89"),
            ("449919999.00", "449,919,999.00"),
            ("not known", "not known"),
        ] {
            assert_eq!(grouped(number), told);
        }
    }
}
