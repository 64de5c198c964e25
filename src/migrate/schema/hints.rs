//! Comments that say what something was called before.

/// What the comment begins with.
pub(super) const WORDS: &str = "renamed from ";

/// A comment that says what something was called before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::migrate) struct Hint {
    /// The line that it is about; the first is 1.
    pub line: usize,
    pub(super) old: String,
    pub(super) new: Subject,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// What a statement makes: its words for it, and its name.
    Made(String, String),
    /// A column, a constraint, or a value of what a statement makes.
    Part(String, String),
}
/// The comments of a file that say `-- renamed from x`: behind what they are about, or on the line before it.
pub(in crate::migrate) fn hints(text: &str) -> Vec<Hint> {
    let lines: Vec<&str> = text.lines().collect();
    let mut hints = Vec::new();
    let mut made: Option<(String, String)> = None;
    for (number, line) in lines.iter().enumerate() {
        let (code, comment) = line.split_once("--").unwrap_or((line, ""));
        if let Some(new) = what_is_made(code) {
            made = Some(new);
        }
        let Some((_, old)) = comment.split_once(WORDS) else { continue };
        let old = name_at(old.trim_start()).to_owned();
        let about = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with("--");
        let place = if about(code) { Some(number) } else { (number + 1..lines.len()).find(|next| about(lines[*next])) };
        let Some(place) = place else { continue };
        let subject = lines[place].split("--").next().unwrap_or_default();
        let new = match (what_is_made(subject), &made) {
            (Some((kind, name)), _) => Subject::Made(kind, name),
            (None, Some((_, whole))) => Subject::Part(whole.clone(), part_at(subject).to_owned()),
            (None, None) => continue,
        };
        hints.push(Hint { line: place + 1, old, new });
    }
    hints
}

/// `create unique index a on b` makes the index `a`.
fn what_is_made(line: &str) -> Option<(String, String)> {
    let mut rest = line.trim_start();
    let word = |rest: &mut &str| {
        let end = rest.find(|char: char| !(char.is_alphanumeric() || char == '_')).unwrap_or(rest.len());
        let word = rest[..end].to_lowercase();
        *rest = rest[end..].trim_start();
        word
    };
    if word(&mut rest) != "create" {
        return None;
    }
    let mut kind = String::new();
    for _ in 0..6 {
        kind = match word(&mut rest).as_str() {
            "or" | "replace" | "unlogged" | "unique" | "materialized" | "if" | "not" | "exists" | "recursive" => kind,
            known @ ("table" | "view" | "type" | "domain" | "sequence" | "index" | "schema") => known.to_owned(),
            "" => break,
            _ => return None,
        };
        let lower = rest.to_lowercase();
        if !kind.is_empty() && !["if ", "not ", "exists "].iter().any(|word| lower.starts_with(word)) {
            break;
        }
    }
    let name = name_at(rest);
    (!kind.is_empty() && !name.is_empty()).then(|| (kind, name.to_owned()))
}

/// The name of what a line within a statement is about.
fn part_at(line: &str) -> &str {
    let line = line.trim_start().trim_start_matches(',').trim_start();
    match line.strip_prefix("constraint ") {
        Some(rest) => name_at(rest.trim_start()),
        None => name_at(line),
    }
}

/// A name at the beginning, with its schema and its quotes; or a value in quotes.
fn name_at(text: &str) -> &str {
    let mut quote = None;
    let end = text.find(|char: char| match quote {
        Some(open) => {
            if char == open {
                quote = None;
            }
            false
        }
        None if char == '"' || char == '\'' => {
            quote = Some(char);
            false
        }
        None => !(char.is_alphanumeric() || char == '_' || char == '.' || char == '$'),
    });
    &text[..end.unwrap_or(text.len())]
}

/// A name as PostgreSQL has it, to be compared only.
pub(super) fn plain(name: &str) -> String {
    let mut plain = String::new();
    let mut quoted = false;
    for char in name.chars() {
        match char {
            '"' => quoted = !quoted,
            char if quoted => plain.push(char),
            char => plain.extend(char.to_lowercase()),
        }
    }
    plain
}

pub(super) fn whole(name: &str) -> String {
    let name = plain(name);
    if name.contains('.') { name } else { format!("public.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_about_what_stands_before_it_or_on_the_next_line() {
        let text = "-- renamed from people\ncreate table if not exists users (\n    id bigint,\n    \"Full Name\" text, -- renamed from \
                    display_name\n    -- renamed from users_a\n    constraint users_b check (true)\n);\ncreate type s as enum (\n    \
                    'new' -- renamed from 'old'\n);";
        let found: Vec<(usize, String, Subject)> =
            hints(text).into_iter().map(|hint| (hint.line, hint.old, hint.new)).collect();
        let part = |whole: &str, name: &str| Subject::Part(whole.to_owned(), name.to_owned());
        assert_eq!(
            found,
            [
                (2, "people".to_owned(), Subject::Made("table".to_owned(), "users".to_owned())),
                (4, "display_name".to_owned(), part("users", "\"Full Name\"")),
                (6, "users_a".to_owned(), part("users", "users_b")),
                (9, "'old'".to_owned(), part("s", "'new'")),
            ]
        );
    }

    #[test]
    fn names_are_compared_as_postgres_has_them() {
        assert_eq!(plain("Users"), "users");
        assert_eq!(plain("\"Full Name\""), "Full Name");
        assert_eq!(whole("Billing.\"X\""), "billing.X");
        assert_eq!(name_at("\"a b\".c, d"), "\"a b\".c");
    }

    #[test]
    fn what_is_made_is_known_by_its_words() {
        let made = |text: &str| what_is_made(text).map(|(kind, name)| format!("{kind} {name}"));
        assert_eq!(made("create table a("), Some("table a".to_owned()));
        assert_eq!(made("  CREATE UNLOGGED TABLE IF NOT EXISTS a.b ("), Some("table a.b".to_owned()));
        assert_eq!(made("create unique index i on t"), Some("index i".to_owned()));
        assert_eq!(made("create materialized view v as"), Some("view v".to_owned()));
        assert_eq!(made("create function f()"), None);
        assert_eq!(made("select 1"), None);
    }
}
