//! A transaction of the original's as it is kept here, and how a row is written for PostgreSQL's `COPY`.

use super::names;
use crate::features::transactions::{MAX_TITLE, search_text};

/// A transaction as it is read. Long texts are cut a little behind what can be kept of them.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Original {
    pub id: i32,
    pub user_id: i64,
    pub title: String,
    pub title_en: Option<String>,
    pub amount: String,
    pub kind: String,
    pub day: String,
    /// The category's name as it was written, if that is too long.
    pub long_category: Option<String>,
    /// The category that it falls into.
    pub category: String,
    pub category_id: i64,
    pub is_other: bool,
}

/// What becomes of its texts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Texts {
    pub title: String,
    pub title_en: Option<String>,
    /// The whole of what was cut.
    pub note: Option<String>,
    /// Whether nothing of the title was seen, so that it has another text for one.
    pub is_renamed: bool,
}

/// The texts of a transaction, trimmed. What is too long is cut and stands whole in the note. Where nothing is seen of a title, it
/// is called by its English title, or by its category.
pub(super) fn texts(original: &Original) -> Texts {
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
    let is_renamed = !names::is_seen(&title);
    let title = if is_renamed {
        title_en.clone().filter(|title| names::is_seen(title)).unwrap_or_else(|| original.category.clone())
    } else {
        title
    };
    Texts { title, title_en, note: (!whole.is_empty()).then(|| whole.join("\n")), is_renamed }
}

/// The beginning of a text that has more characters than `most`, without blanks at its end.
pub(super) fn cut(text: &str, most: usize) -> Option<&str> {
    let (end, _) = text.char_indices().nth(most)?;
    Some(text[..end].trim_end())
}

/// Writes it as a row of `transactions`; whether its title is another.
pub(super) fn write(original: &Original, currency: &str, rows: &mut Vec<u8>) -> bool {
    let Texts { title, title_en, note, is_renamed } = texts(original);
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

/// Where [`write()`] puts its values.
pub(super) const COLUMNS: &str = "transactions (user_id, id, title, title_en, amount, currency, type, category_id, date, note, \
                                  category_source, search)";

/// Writes a value behind those of the row that are there.
pub(super) fn put(rows: &mut Vec<u8>, value: &str) {
    separate(rows);
    for byte in value.bytes() {
        match byte {
            b'\\' => rows.extend(b"\\\\"),
            b'\n' => rows.extend(b"\\n"),
            b'\r' => rows.extend(b"\\r"),
            b'\t' => rows.extend(b"\\t"),
            byte => rows.push(byte),
        }
    }
}

/// The same for a value that may be missing.
pub(super) fn put_optional(rows: &mut Vec<u8>, value: Option<&str>) {
    if let Some(value) = value {
        put(rows, value);
    } else {
        separate(rows);
        rows.extend(b"\\N");
    }
}

/// Ends the row.
pub(super) fn end(rows: &mut Vec<u8>) {
    rows.push(b'\n');
}

fn separate(rows: &mut Vec<u8>) {
    // No value has a line break or a tab of its own. An empty one at the beginning never comes: rows begin with an id.
    if rows.last().is_some_and(|last| *last != b'\n') {
        rows.push(b'\t');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn original(title: &str, title_en: Option<&str>) -> Original {
        Original {
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
        let cut = texts(&Original { long_category: Some(" a long one ".to_owned()), ..original(&long, Some(&long)) });
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
