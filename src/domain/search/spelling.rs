//! Unification of spellings: marks of Thai and Lao, punctuation inside words.

use unicode_normalization::UnicodeNormalization as _;

use super::characters::{CharacterClass, classify, is_sara_aa, is_thai_mark};

/// A word without its inner punctuation; `None` if there is none that can be left out.
pub(super) fn without_inner_punctuation(word: &str) -> Option<String> {
    let characters: Vec<char> = word.chars().collect();
    let is_letter = |character: &char| matches!(classify(*character), CharacterClass::Letter);
    let is_blank = |character: &char| matches!(classify(*character), CharacterClass::Blank);
    let (mut joined, mut rest, mut any) = (String::with_capacity(word.len()), characters.as_slice(), false);
    while let Some(begin) = rest.iter().position(is_blank) {
        let (before, gap_and_after) = rest.split_at(begin);
        let end = gap_and_after.iter().position(|character| !is_blank(character)).unwrap_or(gap_and_after.len());
        let (gap, after) = gap_and_after.split_at(end);
        joined.extend(before);
        let between_letters = before.last().is_some_and(is_letter) && after.first().is_some_and(is_letter);
        if between_letters && is_ignorable(before, gap, after) {
            any = true;
        } else {
            joined.push(' ');
        }
        rest = after;
    }
    joined.extend(rest);
    any.then(|| reorder_marks(joined.nfc()).collect())
}

/// Returns true if the punctuation in a gap does not matter: between letters always, between digits for dashes and
/// thousands separators. `12.50` is not `1250`.
fn is_ignorable(before: &[char], gap: &[char], after: &[char]) -> bool {
    let ends_in_digit = before.last().is_some_and(char::is_ascii_digit);
    let digits = after.iter().take_while(|character| character.is_ascii_digit()).count();
    if !ends_in_digit || digits == 0 {
        return true;
    }
    match gap {
        [',' | '.' | '\'' | '\u{2019}' | '\u{66c}'] => digits == 3,
        gap => gap.iter().all(|character| matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')),
    }
}

/// Unifies the spellings of Thai and Lao text that look alike: sorts the marks of a letter, removes repeated marks, and
/// replaces two `เ` with `แ`.
pub(super) fn reorder_marks(characters: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    let mut ordered: Vec<char> = Vec::new();
    let mut begin = 0;
    for character in characters {
        if is_thai_mark(character) || is_sara_aa(character) {
            ordered.push(character);
            continue;
        }
        sort_marks(&mut ordered, begin);
        match (ordered.last_mut(), character) {
            (Some(before @ '\u{e40}'), '\u{e40}') => *before = '\u{e41}',
            (Some(before @ '\u{ec0}'), '\u{ec0}') => *before = '\u{ec1}',
            _ => ordered.push(character),
        }
        begin = ordered.len();
    }
    sort_marks(&mut ordered, begin);
    ordered.into_iter()
}

fn sort_marks(characters: &mut Vec<char>, begin: usize) {
    characters[begin..].sort_unstable_by_key(|character| (is_sara_aa(*character), *character));
    let mut run: Vec<char> = characters.split_off(begin);
    run.dedup();
    characters.append(&mut run);
}
