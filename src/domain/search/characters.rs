//! Classes and replacements of characters for text search.

use unicode_normalization::char::is_combining_mark;

pub(super) enum CharacterClass {
    Letter,
    /// A word of its own: an ideograph, a kana, an emoji.
    Symbol,
    Blank,
}

pub(super) fn classify(character: char) -> CharacterClass {
    match character {
        '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3fffd}' => CharacterClass::Symbol,
        // In Thai and its neighbours, vowels and tones are combining marks.
        _ if character.is_alphanumeric() || is_combining_mark(character) => CharacterClass::Letter,
        // Arrows, dingbats, pictures.
        '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' => CharacterClass::Symbol,
        _ => CharacterClass::Blank,
    }
}

/// Vowels and tone marks of Thai and Lao above and below a letter.
pub(super) fn is_thai_mark(character: char) -> bool {
    matches!(
        character,
        '\u{e31}'
            | '\u{e34}'..='\u{e3a}'
            | '\u{e47}'..='\u{e4e}'
            | '\u{eb1}'
            | '\u{eb4}'..='\u{ebc}'
            | '\u{ec8}'..='\u{ece}'
    )
}

/// The vowel after a letter, which a tone mark may be typed before or after; also the second half of `ำ`.
pub(super) fn is_sara_aa(character: char) -> bool {
    matches!(character, '\u{e32}' | '\u{eb2}')
}

/// Repetition signs of Thai, Lao and Khmer, which repeat the word before them.
pub(super) fn is_repetition(character: char) -> bool {
    matches!(character, '\u{e46}' | '\u{ec6}' | '\u{17d7}')
}

/// Replaces characters that are typed as an apostrophe, but are letters or accents in Unicode.
pub(super) fn without_apostrophe(character: char) -> char {
    if matches!(character, '\u{b4}' | '\u{2b9}'..='\u{2bf}' | '\u{2c8}' | '\u{1fbd}' | '\u{1fbf}' | '\u{a78c}') {
        '\''
    } else {
        character
    }
}

/// The letter that transcribes an umlaut or a ring.
pub(super) fn umlaut_letter(base: Option<char>, accent: char) -> Option<char> {
    match (base?, accent) {
        ('a' | 'o' | 'u' | 'A' | 'O' | 'U', '\u{308}') => Some('e'),
        ('a' | 'A', '\u{30a}') => Some('a'),
        _ => None,
    }
}

/// The zeros of Unicode's decimal digits; the digits 1 to 9 follow each of them.
const ZEROS: &[u32] = &[
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0,
    0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50,
    0x11da0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950,
];

/// Converts a decimal digit of any script to ASCII. Full-width and mathematical digits have been decomposed before.
pub(super) fn ascii_digit(character: char) -> char {
    let code = u32::from(character);
    let before = ZEROS.partition_point(|zero| *zero <= code);
    let zero = before.checked_sub(1).and_then(|index| ZEROS.get(index));
    zero.and_then(|zero| char::from_digit(code - zero, 10)).unwrap_or(character)
}

/// Joiners, direction marks, the byte order mark, variation selectors, skin tones; and the line that stretches Arabic
/// words.
pub(super) fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{640}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{1f3fb}'..='\u{1f3ff}'
            | '\u{e0000}'..='\u{e007f}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Marks that do not matter for searching: accents, and the vowel signs of Arabic and Hebrew.
pub(super) fn is_accent(character: char) -> bool {
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

/// The transcription of letters with umlauts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Umlauts {
    /// `muller`
    Bare,
    /// `mueller`
    SpelledOut,
}

/// Replaces letters that readers, but not Unicode, see as accented; and letters that look like another one.
pub(super) fn replacement(character: char, umlauts: Umlauts) -> Option<&'static str> {
    Some(match character {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' if umlauts == Umlauts::SpelledOut => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'ħ' => "h",
        'ı' => "i",
        'þ' => "th",
        // The final sigma; a query may be the beginning of a longer word.
        'ς' => "σ",
        // Persian keyboards have other code points than Arabic ones.
        'ی' | 'ى' => "ي",
        'ک' => "ك",
        _ => return None,
    })
}
