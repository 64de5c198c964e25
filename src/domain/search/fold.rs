//! Folding of text.

use unicode_normalization::UnicodeNormalization as _;

use super::characters::{
    CharacterClass, Umlauts, ascii_digit, classify, is_accent, is_repetition, is_unseen, replacement, umlaut_letter,
    without_apostrophe,
};
use super::spelling::{reorder_marks, without_inner_punctuation};

/// The version mark at the end of stored folded text. It changes with the folding rules, so that text folded by older
/// rules is recognized wherever it comes from, such as a backup. Folded text never contains a line break.
pub const FOLDED: &str = "\n2";

/// Folds text for searching: lower case, no accents, one spelling of characters that look alike, a single space between
/// words and around each ideograph and symbol.
#[must_use]
pub fn fold(text: &str) -> String {
    let bare = normalize(text, Umlauts::Bare);
    let mut folded = String::with_capacity(text.len() + 2);
    append_words(&bare, &mut folded);
    for word in bare.split_whitespace() {
        if let Some(joined) = without_inner_punctuation(word) {
            append_words(&joined, &mut folded);
        }
    }
    for (word, bare) in normalize(text, Umlauts::SpelledOut).split_whitespace().zip(bare.split_whitespace()) {
        if word != bare {
            append_words(word, &mut folded);
            if let Some(joined) = without_inner_punctuation(word) {
                append_words(&joined, &mut folded);
            }
        }
    }
    folded
}

/// Removes everything that does not matter for searching, except punctuation and white space.
pub(super) fn normalize(text: &str, umlauts: Umlauts) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut letter = None;
    for character in text.chars().map(without_apostrophe).nfkd() {
        if is_accent(character) {
            if umlauts == Umlauts::SpelledOut {
                bare.extend(umlaut_letter(letter.take(), character));
            }
        } else if !is_unseen(character) {
            letter = Some(character);
            bare.push(ascii_digit(character));
        }
    }
    let mut plain = String::with_capacity(bare.len());
    for character in reorder_marks(bare.to_lowercase().nfc()) {
        match replacement(character, umlauts) {
            Some(letters) => plain.push_str(letters),
            // A repetition sign belongs to the word before it, with or without a space between them.
            None if is_repetition(character) => {
                plain.truncate(
                    plain.trim_end_matches(|character| matches!(classify(character), CharacterClass::Blank)).len(),
                );
                if !plain.is_empty() {
                    plain.extend([character, ' ']);
                }
            }
            None => plain.push(character),
        }
    }
    plain
}

/// Appends text to folded text, with single spaces between its words and around each symbol.
pub(super) fn append_words(text: &str, folded: &mut String) {
    push_blank(folded);
    for character in text.chars() {
        match classify(character) {
            CharacterClass::Letter => folded.push(character),
            CharacterClass::Symbol => {
                push_blank(folded);
                folded.push(character);
                folded.push(' ');
            }
            CharacterClass::Blank => push_blank(folded),
        }
    }
    push_blank(folded);
}

fn push_blank(folded: &mut String) {
    if !folded.ends_with(' ') {
        folded.push(' ');
    }
}
