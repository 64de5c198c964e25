//! Text search that ignores case, accents and punctuation. Words match in any order, and parts of words match, too.
//!
//! Text and query are folded by the same rules, so that searching is looking for a substring. Folded text begins and
//! ends with a space, which makes the beginning of a word a substring of its own. Scripts without spaces between words
//! need no special treatment; each ideograph is a word.
//!
//! Some words have several spellings: `7-Eleven` is `7 eleven` and `7eleven`, `Müller` is `muller` and `mueller`.
//! Folded text contains all of them, the others after the text itself, and a search word matches in any of its
//! spellings.

mod characters;
mod fold;
mod query;
mod spelling;

pub use self::fold::{FOLDED, fold};
pub use self::query::{Word, index_query, words};

#[cfg(test)]
mod tests;
