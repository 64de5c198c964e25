//! How text is searched: case and accents do not count, words stand in any order, and a part of a word is enough.
//!
//! What is looked for and what is looked in are folded in the same way, so that finding is looking for a run of
//! characters. Folded text begins and ends with a blank, which makes the beginning of a word a run of its own. Scripts
//! that write words without blanks have no problem with that; each ideograph is a word.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Words after this one are not looked for.
const MAX_WORDS: usize = 10;

/// A word that is looked for, folded; found where this run of characters is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(String);

/// Folds text for searching: lower case, no accents, blanks between words and around each ideograph and symbol.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + 2);
    folded.push(' ');
    let bare = text.nfkd().filter(|character| !is_accent(*character)).collect::<String>();
    for character in bare.to_lowercase().nfc() {
        match kind(character) {
            Kind::Letter => match spelled_out(character) {
                Some(letters) => folded.push_str(letters),
                None => folded.push(character),
            },
            Kind::Symbol => {
                blank(&mut folded);
                folded.push(character);
                folded.push(' ');
            }
            Kind::Blank => blank(&mut folded),
            Kind::Nothing => {}
        }
    }
    blank(&mut folded);
    folded
}

/// The words of what somebody looks for; none if it has no letter, digit or symbol.
#[must_use]
pub fn words(query: &str) -> Vec<Word> {
    let folded = query.split_whitespace().map(fold);
    folded.filter(|word| word.len() > 1).map(Word::new).take(MAX_WORDS).collect()
}

impl Word {
    fn new(folded: String) -> Self {
        let run = folded.trim();
        // A single letter is everywhere; it is meant as the beginning of a word.
        if run.chars().nth(1).is_none() { Self(format!(" {run}")) } else { Self(run.to_owned()) }
    }

    /// The pattern for SQL's `like`.
    #[must_use]
    pub fn pattern(&self) -> String {
        // Folded text has none of the characters that mean something in a pattern.
        format!("%{}%", self.0)
    }

    /// What the index is asked for it, in PostgreSQL's notation. `owner` is the user whose text it is looked for in.
    fn index_query(&self, owner: i64) -> String {
        let characters: Vec<char> = self.0.chars().collect();
        let runs = characters.windows(3).enumerate();
        let indexed: Vec<(usize, &[char])> = runs.filter(|(_, run)| run[1] != ' ' || run[2] >= '\u{2190}').collect();
        // One beside the other and the last: they cover the word, and each one costs the index time.
        let mut covered = 0;
        let mut grams = Vec::new();
        for (index, (begin, run)) in indexed.iter().enumerate() {
            if *begin >= covered || index + 1 == indexed.len() {
                grams.push(format!("'{owner} {}'", run.iter().collect::<String>()));
                covered = begin + run.len();
            }
        }
        if grams.is_empty() {
            // The last two begin a run of three, whatever comes behind them.
            let last: String = characters[characters.len().saturating_sub(2)..].iter().collect();
            return format!("'{owner} {last}':*");
        }
        grams.join(" & ")
    }
}

/// What the index that is made of the schema's function `search_grams` is asked for texts that may have all of these words: a
/// `tsquery`, as text.
///
/// The index has each character that is no blank with those beside it, and the blank before an ideograph or a picture.
#[must_use]
pub fn index_query(owner: i64, words: &[Word]) -> String {
    let words: Vec<String> = words.iter().map(|word| word.index_query(owner)).collect();
    words.join(" & ")
}

fn blank(folded: &mut String) {
    if !folded.ends_with(' ') {
        folded.push(' ');
    }
}

enum Kind {
    Letter,
    /// A word by itself: an ideograph, a kana, an emoji.
    Symbol,
    Blank,
    /// What is not seen.
    Nothing,
}

fn kind(character: char) -> Kind {
    match character {
        '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3fffd}' => Kind::Symbol,
        // Joiners, direction marks, the byte order mark, variation selectors, skin tones.
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{1f3fb}'..='\u{1f3ff}'
        | '\u{e0100}'..='\u{e01ef}' => Kind::Nothing,
        // The vowels and tones of Thai and its neighbours are marks, too.
        _ if character.is_alphanumeric() || is_combining_mark(character) => Kind::Letter,
        // Arrows, dingbats, pictures.
        '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' => Kind::Symbol,
        _ => Kind::Blank,
    }
}

/// Marks that are put on letters and do not count: accents, the vowel signs of Arabic and Hebrew.
fn is_accent(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36f}'
            | '\u{591}'..='\u{5c7}'
            | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{65f}'
            | '\u{670}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

/// Letters that have an accent in the eyes of their readers and none in those of Unicode.
fn spelled_out(character: char) -> Option<&'static str> {
    Some(match character {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'ħ' => "h",
        'ı' => "i",
        'þ' => "th",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finds(query: &str, text: &str) -> bool {
        let text = fold(text);
        let words = words(query);
        assert!(!words.is_empty(), "{query}");
        words.iter().all(|word| text.contains(word.pattern().trim_matches('%')))
    }

    #[test]
    fn case_and_accents_do_not_count() {
        for (query, text) in [
            ("cafe", "Café au lait"),
            ("CAFÉ", "cafe\u{301}"),
            ("strasse", "Hauptstraße 5"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("smorrebrod", "Smørrebrød"),
            ("istanbul", "İSTANBUL"),
            ("ｃｏｆｆｅｅ", "coffee"),
            ("محمد", "مُحَمَّد"),
        ] {
            assert!(finds(query, text), "{query} in {text}: {:?} in {:?}", words(query), fold(text));
        }
    }

    #[test]
    fn words_stand_in_any_order_and_parts_are_enough() {
        assert!(finds("rice chick", "Chicken rice, large"));
        assert!(finds("7-elev", "7-Eleven Sukhumvit"));
        assert!(finds("eleven 7", "7-Eleven"));
        assert!(!finds("beef rice", "Chicken rice"));
        // A single letter begins a word.
        assert!(finds("r", "Chicken rice"));
        assert!(!finds("h", "Chicken rice"));
    }

    #[test]
    fn scripts_without_blanks_are_searched_by_parts() {
        assert!(finds("มันไก่", "ข้าวมันไก่"));
        assert!(finds("ไก่ ข้าว", "ข้าวมันไก่"));
        assert!(finds("啡", "一杯咖啡"));
        assert!(finds("咖啡", "一杯咖啡"));
        assert!(!finds("啡咖", "一杯咖啡"));
        assert!(finds("🍜", "lunch 🍜🍜"));
        assert!(finds("👍", "fine 👍🏽"));
    }

    #[test]
    fn the_index_is_asked_for_what_it_has() {
        for (query, asked) in [
            ("tea", "'7 tea'"),
            ("soap", "'7 soa' & '7 oap'"),
            ("coffee", "'7 cof' & '7 fee'"),
            ("weekend", "'7 wee' & '7 ken' & '7 end'"),
            ("co", "'7 co':*"),
            ("c", "'7  c':*"),
            ("7-eleven", "'7  el' & '7 eve' & '7 ven'"),
            ("7-e", "'7  e':*"),
            ("啡", "'7  啡':*"),
            ("咖啡", "'7 咖 啡'"),
            ("ชา co", "'7 ชา':* & '7 co':*"),
        ] {
            assert_eq!(index_query(7, &words(query)), asked, "{query}");
        }
    }

    #[test]
    fn what_has_nothing_to_look_for_has_no_words() {
        for query in ["", "  ", "%", "_ -", "\u{200b}"] {
            assert!(words(query).is_empty(), "{query:?}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_found_by_each_of_its_words(text in "\\PC{0,40}") {
            for word in text.split_whitespace().filter(|word| !words(word).is_empty()) {
                prop_assert!(finds(word, &text), "{word:?} in {text:?}");
            }
        }

        #[test]
        fn folding_twice_changes_nothing_and_nothing_is_left_that_means_something_in_sql(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(&fold(&once), &once);
            prop_assert!(!once.contains(['%', '_', '\\', '\'', '\0']));
        }

        #[test]
        fn the_index_is_asked_for_nothing_that_the_text_has_not(text in "\\PC{1,20}") {
            let folded = fold(&text);
            for word in &words(&text) {
                for gram in index_query(7, std::slice::from_ref(word)).split(" & ") {
                    let gram = gram.trim_end_matches(":*");
                    let run = gram.strip_prefix("'7 ").and_then(|gram| gram.strip_suffix('\''));
                    let run = run.unwrap_or_else(|| panic!("not quoted: {gram:?}"));
                    prop_assert!(folded.contains(run) || text.contains(char::is_whitespace), "{run:?} in {folded:?}");
                    prop_assert!((2..=3).contains(&run.chars().count()));
                }
            }
        }
    }
}
