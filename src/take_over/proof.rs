//! The result of comparing both sides.

use std::fmt;

use super::format::grouped;
use super::proof_days::DayReport;

/// A single comparison.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The code for scripts.
    pub code: &'static str,
    /// The description.
    pub what: String,
    /// The value of the original.
    pub original: String,
    /// The value in this database.
    pub here: String,
    /// True if the values agree.
    pub holds: bool,
}

/// Rows of a kind: their number and some examples.
#[derive(Debug, Clone, Default)]
pub struct Examples {
    /// The number of rows.
    pub count: i64,
    /// The first rows.
    pub first: Vec<String>,
}

/// The comparisons, and other facts about the rows.
#[derive(Debug, Clone)]
pub struct Proof {
    /// All comparisons.
    pub checks: Vec<Comparison>,
    /// The number of users.
    pub users: i64,
    /// The number of transactions.
    pub transactions: i64,
    /// Transactions with the amount 0, which were left out.
    pub skipped: Examples,
    /// Transactions with negative amounts, which got the other type.
    pub flipped: Examples,
    /// Transactions whose full text is in the note.
    pub cut: Examples,
    /// The number of transactions whose title was replaced, because nothing of it was visible.
    pub renamed: i64,
    /// Categories with several spellings.
    pub spellings: Examples,
    /// Users whose stored password is not a bcrypt hash, so that they cannot sign in, as before.
    pub cannot_sign_in: Examples,
    /// Users whose address was replaced.
    pub other_addresses: Examples,
    /// Days compared with those of the original's dashboard.
    pub days: DayReport,
}

impl Proof {
    /// Returns true if both sides agree.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }

    pub(super) fn same(
        &mut self,
        code: &'static str,
        what: impl Into<String>,
        original: impl ToString,
        here: impl ToString,
    ) {
        let (original, here) = (grouped(&original.to_string()), grouped(&here.to_string()));
        self.checks.push(Comparison { code, what: what.into(), holds: original == here, original, here });
    }

    pub(super) fn none_differ(&mut self, code: &'static str, what: impl Into<String>, all: i64, differing: i64) {
        self.checks.push(Comparison {
            code,
            what: what.into(),
            original: grouped(&all.to_string()),
            here: format!("{} differing", grouped(&differing.to_string())),
            holds: differing == 0,
        });
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "  {:<50} {:>18} {:>18}", "", "the original", "here")?;
        for Comparison { what, original, here, holds, .. } in &self.checks {
            writeln!(formatter, "  {what:<50} {original:>18} {here:>18}  {}", if *holds { "ok" } else { "DIFFERS" })?;
        }
        for line in self.days.lines() {
            writeln!(formatter, "  {line}")?;
        }
        for (examples, words) in [
            (&self.skipped, "transactions with the amount 0 that were left out"),
            (&self.flipped, "transactions with negative amounts that have the other type now"),
            (&self.cut, "transactions with texts that are too long, whose full text is in the note"),
            (&self.cannot_sign_in, "users who cannot sign in, as before: their stored password is not a bcrypt hash"),
            (&self.other_addresses, "users with another address"),
        ] {
            list(formatter, examples, words, ": ", ", ")?;
        }
        if self.renamed > 0 {
            let renamed = grouped(&self.renamed.to_string());
            let words = "titles without visible characters, replaced by the English title or the category";
            writeln!(formatter, "  {words}: {renamed}")?;
        }
        let words = "categories with several spellings, which have the most frequent one as their name";
        list(formatter, &self.spellings, words, "\n    ", "\n    ")
    }
}

/// Writes a line with a description, a number, and examples.
fn list(
    formatter: &mut fmt::Formatter<'_>,
    examples: &Examples,
    words: &str,
    begin: &str,
    between: &str,
) -> fmt::Result {
    if examples.count == 0 {
        return Ok(());
    }
    let more = examples.count - i64::try_from(examples.first.len()).unwrap_or(i64::MAX);
    let more = if more > 0 { format!("{between}and {} more", grouped(&more.to_string())) } else { String::new() };
    writeln!(
        formatter,
        "  {words}, {}{begin}{}{more}",
        grouped(&examples.count.to_string()),
        examples.first.join(between)
    )
}
