//! Conversion of an original transaction.

use super::copy_format::{end, put, put_optional};
use crate::domain::name::is_seen;
use crate::features::transactions::{MAX_TITLE, search_text};

/// A transaction of the original. Long texts are cut a little beyond the maximum length.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct OriginalTransaction {
    pub id: i32,
    pub user_id: i64,
    pub title: String,
    pub title_en: Option<String>,
    pub amount: String,
    pub kind: String,
    pub day: String,
    /// The original name of the category, if it is too long.
    pub long_category: Option<String>,
    /// The category that it is assigned to.
    pub category: String,
    pub category_id: i64,
    pub is_other: bool,
}

/// The converted texts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TransactionTexts {
    pub title: String,
    pub title_en: Option<String>,
    /// The full texts that were cut.
    pub note: Option<String>,
    /// True if nothing of the title is visible, so that it was replaced.
    pub is_renamed: bool,
}

/// Converts the texts of a transaction: trims them, cuts those that are too long and keeps the full text in the note. A
/// title of which nothing is visible is replaced by the English title, or by the category.
pub(super) fn texts(original: &OriginalTransaction) -> TransactionTexts {
    let mut whole = Vec::new();
    let mut within = |text: &str| {
        let text = text.trim();
        match cut(text, MAX_TITLE) {
            None => text.to_owned(),
            Some(beginning) => {
                whole.push(text.to_owned());
                beginning.to_owned()
            }
        }
    };
    let title = within(&original.title);
    let title_en = original.title_en.as_deref().map(within);
    whole.extend(original.long_category.as_deref().map(|category| category.trim().to_owned()));
    let is_renamed = !is_seen(&title);
    let title = if is_renamed {
        title_en.clone().filter(|title| is_seen(title)).unwrap_or_else(|| original.category.clone())
    } else {
        title
    };
    TransactionTexts { title, title_en, note: (!whole.is_empty()).then(|| whole.join("\n")), is_renamed }
}

/// The beginning of a text with more than `most` characters, without white space at its end; `None` for a shorter text.
pub(super) fn cut(text: &str, max: usize) -> Option<&str> {
    let (end, _) = text.char_indices().nth(max)?;
    Some(text[..end].trim_end())
}

/// Writes a row of `transactions`. Returns true if the title was replaced.
pub(super) fn write(original: &OriginalTransaction, currency: &str, rows: &mut Vec<u8>) -> bool {
    let TransactionTexts { title, title_en, note, is_renamed } = texts(original);
    let search = search_text(&title, title_en.as_deref(), note.as_deref());
    put(rows, &original.user_id.to_string());
    put(rows, &original.id.to_string());
    put(rows, &title);
    put_optional(rows, title_en.as_deref());
    put(rows, &original.amount);
    put(rows, currency);
    put(rows, &original.kind);
    put(rows, &original.category_id.to_string());
    put(rows, &original.day);
    put_optional(rows, note.as_deref());
    put(rows, if original.is_other { "DEFAULT" } else { "USER" });
    put(rows, &search);
    end(rows);
    is_renamed
}

/// The target of the rows of [`write()`].
pub(super) const COLUMNS: &str = "transactions (user_id, id, title, title_en, amount, currency, type, category_id, date, note, \
                                  category_source, search)";

#[cfg(test)]
mod tests {
    use super::*;

    fn original(title: &str, title_en: Option<&str>) -> OriginalTransaction {
        OriginalTransaction {
            id: 1,
            user_id: 2,
            title: title.to_owned(),
            title_en: title_en.map(str::to_owned),
            amount: "3".to_owned(),
            kind: "EXPENSE".to_owned(),
            day: "2026-02-16".to_owned(),
            long_category: None,
            category: "Food".to_owned(),
            category_id: 4,
            is_other: false,
        }
    }

    #[test]
    fn a_text_is_trimmed_and_one_that_is_too_long_stands_whole_in_the_note() {
        let plain = texts(&original(" ข้าว \n", Some("")));
        assert_eq!((plain.title.as_str(), plain.title_en.as_deref(), plain.note), ("ข้าว", Some(""), None));
        let long = format!("{} end", "ก".repeat(499));
        let cut = texts(&OriginalTransaction {
            long_category: Some(" a long one ".to_owned()),
            ..original(&long, Some(&long))
        });
        assert_eq!(cut.title, "ก".repeat(499), "no blank at its end");
        assert_eq!(cut.note, Some(format!("{long}\n{long}\na long one")));
        assert_eq!(texts(&original(&"x".repeat(500), None)).note, None);
    }

    #[test]
    fn a_title_of_which_nothing_is_seen_is_another_text() {
        for blank in ["", "  ", "\u{200b}", "\u{a0}\u{3000}"] {
            assert_eq!(texts(&original(blank, None)).title, "Food", "{blank:?}");
            let texts = texts(&original(blank, Some(" Rice ")));
            assert!(texts.title == "Rice" && texts.is_renamed, "{blank:?}");
        }
        assert!(!texts(&original("x", None)).is_renamed);
    }

    #[test]
    fn what_means_something_in_a_row_is_escaped() {
        let mut rows = Vec::new();
        put(&mut rows, "1");
        put(&mut rows, "a\tb\nc\rd\\N");
        put_optional(&mut rows, None);
        put(&mut rows, "");
        end(&mut rows);
        put(&mut rows, "2");
        assert_eq!(String::from_utf8(rows).expect("text"), "1\ta\\tb\\nc\\rd\\\\N\t\\N\t\n2");
    }
}
