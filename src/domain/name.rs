//! Normalization and comparison of names.
//!
//! [`clean`] makes names that look the same equal: it removes invisible characters, composes letters, and collapses
//! white space. Names are stored in that form. [`key`] decides whether two names are the same; it also ignores case and
//! the compatibility forms of letters. The SQL function `name_key` computes the same key.

use unicode_normalization::UnicodeNormalization as _;

/// Normalizes a name: composed letters, single spaces, and no invisible characters except those that a script or an
/// emoji needs. The result is empty if nothing in the text is visible.
#[must_use]
pub fn clean(text: &str) -> String {
    let characters: Vec<char> = text.nfc().collect();
    let mut clean: Vec<char> = Vec::with_capacity(characters.len());
    for (index, &character) in characters.iter().enumerate() {
        let next = characters.get(index + 1).copied();
        if is_blank(character) {
            if clean.last().is_some_and(|last| *last != ' ') {
                clean.push(' ');
            }
        } else if !is_unseen(character) || is_needed(clean.last().copied(), character, next) {
            clean.push(character);
        }
    }
    // Removing characters may have brought letters and their accents together, so that they compose now.
    clean.into_iter().collect::<String>().trim_end().nfc().collect()
}

/// The key that names are compared by. The database replaces the end of a very long key with a hash.
#[must_use]
pub fn key(name: &str) -> String {
    let seen: String = name.nfkc().filter(|character| !is_unseen(*character)).nfkc().collect();
    let words: Vec<&str> = seen.split(is_blank).filter(|word| !word.is_empty()).collect();
    // A Greek sigma at the end of a word has a form of its own (ς), in lower case only.
    words.join(" ").to_uppercase().to_lowercase().replace('ς', "σ").nfkc().collect()
}

/// Returns true if any character of the text is visible.
#[must_use]
pub fn is_seen(text: &str) -> bool {
    text.chars().any(|character| !is_blank(character) && !is_unseen(character))
}

/// White space, and the Braille pattern without dots.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{2800}'
}

/// Control characters, and those with the Unicode property `Default_Ignorable_Code_Point`: joiners, the byte order
/// mark, soft hyphens, direction marks, fillers, variation selectors, tags.
#[must_use]
pub fn is_unseen(character: char) -> bool {
    (character.is_control() && !character.is_whitespace())
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Returns true if an invisible character changes the look of its neighbours: joiners between joining letters and
/// between emoji, the selector of an emoji's form, the letters of a flag.
fn is_needed(before: Option<char>, character: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    match character {
        '\u{200c}' | '\u{200d}' => {
            is_joined(before) && after.is_some_and(|after| is_joined(after) && !is_unseen(after))
        }
        '\u{fe00}'..='\u{fe0f}' => is_picture(before) || matches!(before, '#' | '*' | '0'..='9' | '©' | '®'),
        '\u{e0020}'..='\u{e007f}' => matches!(before, '\u{1f3f4}' | '\u{e0020}'..='\u{e007e}'),
        _ => false,
    }
}

/// Letters of the scripts that use joiners (from Arabic to those of India and its neighbours), and emoji with their
/// modifiers.
fn is_joined(character: char) -> bool {
    matches!(
        character,
        '\u{600}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{a840}'..='\u{abff}' | '\u{fe0f}'
    ) || is_picture(character)
}

/// Arrows, symbols, pictures and skin tones; and ideographs, which have variants, too.
fn is_picture(character: char) -> bool {
    matches!(character, '\u{203c}'..='\u{2bff}' | '\u{3030}'..='\u{9fff}' | '\u{1f000}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_seen_is_taken_out_of_a_name() {
        for written in [
            "Café",
            "Cafe\u{301}",
            "\u{200b}Café",
            "Café\u{feff}",
            "Ca\u{ad}fé",
            "\u{202e}Café\u{202c}",
            "Cafe\u{200b}\u{301}",
            "C\u{200d}a\u{200c}f\u{fe0f}é",
            " Café\u{a0}",
            "\tCafé\n",
            "Ca\u{7}fé\u{85}",
            "Ca\u{e0041}fé\u{3164}",
        ] {
            assert_eq!(clean(written), "Café", "{written:?}");
            assert_eq!(key(written), "café", "{written:?}");
        }
        assert_eq!(clean("Big\u{a0}C  \u{3000} Extra"), "Big C Extra");
        for nothing in ["", " ", "\u{200b}", "\u{feff}\u{200d}", "\u{2800}\u{3164}", "\u{e0041}", "\u{7}"] {
            assert!(clean(nothing).is_empty() && !is_seen(nothing), "{nothing:?}");
        }
    }

    #[test]
    fn what_changes_how_others_look_stays() {
        for name in ["👩‍💻", "❤️", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👨🏽‍🍳", "می‌خواهم", "क्‍ष", "葛\u{fe00}", "ข้าวมันไก่"]
        {
            assert_eq!(clean(name), name.nfc().collect::<String>(), "{name:?}");
            assert!(is_seen(name));
        }
    }

    #[test]
    fn case_and_the_form_of_letters_do_not_count_for_the_key() {
        for (one, other) in [
            ("work", "WORK"),
            ("work", "ｗｏｒｋ"),
            ("Food & Dining", "food  &\u{a0}dining"),
            ("straße", "STRASSE"),
            ("ας", "ΑΣ"),
            ("ασ", "ας"),
            ("ﬁnance", "finance"),
            ("❤️", "❤"),
        ] {
            assert_eq!(key(one), key(other), "{one} and {other}");
        }
        for (one, other) in [("cafe", "café"), ("น้ำ", "นำ"), ("a b", "ab")] {
            assert_ne!(key(one), key(other), "{one} and {other}");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_is_clean_stays_so_and_keeps_its_key(text in any::<String>()) {
            let once = clean(&text);
            prop_assert_eq!(&clean(&once), &once);
            prop_assert_eq!(key(&once), key(&text));
            prop_assert_eq!(once.is_empty(), !is_seen(&text));
        }
    }
}
