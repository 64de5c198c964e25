//! How text is searched: case, accents and punctuation do not count, words stand in any order, and a part of a word is enough.
//!
//! What is looked for and what is looked in are folded in the same way, so that finding is looking for a run of
//! characters. Folded text begins and ends with a blank, which makes the beginning of a word a run of its own. Scripts
//! that write words without blanks have no problem with that; each ideograph is a word.
//!
//! Some words are written in several ways: `7-Eleven` is `7 eleven` and `7eleven`, `Müller` is `muller` and `mueller`. Folded
//! text has all of them, the others behind the text itself, and a word that is looked for is found in any of them.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// What stands behind text that was folded by the present rules, where it is kept. With other rules comes another one, so that
/// what was folded before can be told, wherever it comes back from. No folded text has a line break.
pub const FOLDED: &str = "\n2";

/// A word that is looked for, folded, in each way that it is written; found where one of these runs of characters is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(Vec<String>);

/// Folds text for searching: lower case, no accents, one spelling of what looks alike, blanks between words and around each
/// ideograph and symbol.
#[must_use]
pub fn fold(text: &str) -> String {
    let bare = plain(text, Umlauts::Bare);
    let mut folded = String::with_capacity(text.len() + 2);
    spread(&bare, &mut folded);
    for word in bare.split_whitespace() {
        if let Some(joined) = joined(word) {
            spread(&joined, &mut folded);
        }
    }
    for (word, bare) in plain(text, Umlauts::SpelledOut).split_whitespace().zip(bare.split_whitespace()) {
        if word != bare {
            spread(word, &mut folded);
            if let Some(joined) = joined(word) {
                spread(&joined, &mut folded);
            }
        }
    }
    folded
}

/// The words of what somebody looks for, each once; none if it has no letter, digit or symbol.
#[must_use]
pub fn words(query: &str) -> Vec<Word> {
    let (bare, spelled) = (plain(query, Umlauts::Bare), plain(query, Umlauts::SpelledOut));
    let mut words = Vec::new();
    for (bare, spelled) in bare.split_whitespace().zip(spelled.split_whitespace()) {
        let word = Word::new([bare, spelled]);
        if !word.0.is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

impl Word {
    fn new(spellings: [&str; 2]) -> Self {
        let mut forms = Vec::new();
        for spelling in spellings {
            for form in [Some(spelling.to_owned()), joined(spelling)].into_iter().flatten() {
                let mut folded = String::new();
                spread(&form, &mut folded);
                let run = folded.trim();
                // A single letter is everywhere; it is meant as the beginning of a word.
                let run = if run.chars().nth(1).is_none() { format!(" {run}") } else { run.to_owned() };
                if run != " " && !forms.contains(&run) {
                    forms.push(run);
                }
            }
        }
        Self(forms)
    }

    /// The patterns for SQL's `like`, one of which a text has to have.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        // Folded text has none of the characters that mean something in a pattern.
        self.0.iter().map(|form| format!("%{form}%"))
    }

    /// What the index is asked for it, in PostgreSQL's notation. `owner` is the user whose text it is looked for in.
    fn index_query(&self, owner: i64) -> String {
        let forms: Vec<String> = self.0.iter().map(|form| index_query_of(form, owner)).collect();
        match forms.as_slice() {
            [form] => form.clone(),
            forms => format!("({})", forms.join(" | ")),
        }
    }
}

fn index_query_of(form: &str, owner: i64) -> String {
    let characters: Vec<char> = form.chars().collect();
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

/// What the index that is made of the schema's function `search_grams` is asked for texts that may have all of these words: a
/// `tsquery`, as text.
///
/// The index has each character that is no blank with those beside it, and the blank before an ideograph or a picture.
#[must_use]
pub fn index_query(owner: i64, words: &[Word]) -> String {
    let words: Vec<String> = words.iter().map(|word| word.index_query(owner)).collect();
    words.join(" & ")
}

/// How letters with umlauts are written where there are none on the keyboard.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Umlauts {
    /// `muller`
    Bare,
    /// `mueller`
    SpelledOut,
}

/// Text without what does not count for searching, but with its punctuation and white space.
fn plain(text: &str, umlauts: Umlauts) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut letter = None;
    for character in text.chars().map(without_apostrophe).nfkd() {
        if is_accent(character) {
            if umlauts == Umlauts::SpelledOut {
                bare.extend(spelled_umlaut(letter.take(), character));
            }
        } else if !is_unseen(character) {
            letter = Some(character);
            bare.push(ascii_digit(character));
        }
    }
    let mut plain = String::with_capacity(bare.len());
    for character in ordered(bare.to_lowercase().nfc()) {
        match spelled_out(character, umlauts) {
            Some(letters) => plain.push_str(letters),
            // Read twice, what stands before it: a part of that word, with a blank before it or none.
            None if is_repetition(character) => {
                plain.truncate(plain.trim_end_matches(|character| matches!(kind(character), Kind::Blank)).len());
                if !plain.is_empty() {
                    plain.extend([character, ' ']);
                }
            }
            None => plain.push(character),
        }
    }
    plain
}

/// Writes text, blanks between its words and around each symbol, behind what is folded already.
fn spread(text: &str, folded: &mut String) {
    blank(folded);
    for character in text.chars() {
        match kind(character) {
            Kind::Letter => folded.push(character),
            Kind::Symbol => {
                blank(folded);
                folded.push(character);
                folded.push(' ');
            }
            Kind::Blank => blank(folded),
        }
    }
    blank(folded);
}

/// A word without the punctuation inside it; `None` if it has none that can be left out.
fn joined(word: &str) -> Option<String> {
    let characters: Vec<char> = word.chars().collect();
    let is_letter = |character: &char| matches!(kind(*character), Kind::Letter);
    let is_blank = |character: &char| matches!(kind(*character), Kind::Blank);
    let (mut joined, mut rest, mut any) = (String::with_capacity(word.len()), characters.as_slice(), false);
    while let Some(begin) = rest.iter().position(is_blank) {
        let (before, gap_and_after) = rest.split_at(begin);
        let end = gap_and_after.iter().position(|character| !is_blank(character)).unwrap_or(gap_and_after.len());
        let (gap, after) = gap_and_after.split_at(end);
        joined.extend(before);
        let between_letters = before.last().is_some_and(is_letter) && after.first().is_some_and(is_letter);
        if between_letters && counts_for_nothing(before, gap, after) {
            any = true;
        } else {
            joined.push(' ');
        }
        rest = after;
    }
    joined.extend(rest);
    any.then(|| ordered(joined.nfc()).collect())
}

/// Between letters all punctuation does; between digits a dash, and what sets thousands apart. `12.50` is not `1250`.
fn counts_for_nothing(before: &[char], gap: &[char], after: &[char]) -> bool {
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

/// What looks alike in Thai and in Lao is typed in several ways: the marks of a letter in any order, and twice, and `แ` as two
/// `เ`. Here it is written in one.
fn ordered(characters: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    let mut ordered: Vec<char> = Vec::new();
    let mut begin = 0;
    for character in characters {
        if is_thai_mark(character) || is_sara_aa(character) {
            ordered.push(character);
            continue;
        }
        put_in_order(&mut ordered, begin);
        match (ordered.last_mut(), character) {
            (Some(before @ '\u{e40}'), '\u{e40}') => *before = '\u{e41}',
            (Some(before @ '\u{ec0}'), '\u{ec0}') => *before = '\u{ec1}',
            _ => ordered.push(character),
        }
        begin = ordered.len();
    }
    put_in_order(&mut ordered, begin);
    ordered.into_iter()
}

fn put_in_order(characters: &mut Vec<char>, begin: usize) {
    characters[begin..].sort_unstable_by_key(|character| (is_sara_aa(*character), *character));
    let mut run: Vec<char> = characters.split_off(begin);
    run.dedup();
    characters.append(&mut run);
}

/// The vowels and tones of Thai and Lao that stand above and below a letter.
fn is_thai_mark(character: char) -> bool {
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

/// The vowel behind a letter that a tone is typed before or behind, and the second half of `ำ`.
fn is_sara_aa(character: char) -> bool {
    matches!(character, '\u{e32}' | '\u{eb2}')
}

/// The signs of Thai, Lao and Khmer for saying a word twice.
fn is_repetition(character: char) -> bool {
    matches!(character, '\u{e46}' | '\u{ec6}' | '\u{17d7}')
}

/// Signs that are typed for an apostrophe, and are letters or accents to Unicode.
fn without_apostrophe(character: char) -> char {
    if matches!(character, '\u{b4}' | '\u{2b9}'..='\u{2bf}' | '\u{2c8}' | '\u{1fbd}' | '\u{1fbf}' | '\u{a78c}') {
        '\''
    } else {
        character
    }
}

/// The letter that an umlaut or a ring stands for.
fn spelled_umlaut(base: Option<char>, accent: char) -> Option<char> {
    match (base?, accent) {
        ('a' | 'o' | 'u' | 'A' | 'O' | 'U', '\u{308}') => Some('e'),
        ('a' | 'A', '\u{30a}') => Some('a'),
        _ => None,
    }
}

/// The zeros of Unicode's decimal digits; each has the other nine behind it.
const ZEROS: &[u32] = &[
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0,
    0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50,
    0x11da0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950,
];

/// A decimal digit of any script as one of ASCII; full-width and mathematical ones are decomposed already.
fn ascii_digit(character: char) -> char {
    let code = u32::from(character);
    let before = ZEROS.partition_point(|zero| *zero <= code);
    let zero = before.checked_sub(1).and_then(|index| ZEROS.get(index));
    zero.and_then(|zero| char::from_digit(code - zero, 10)).unwrap_or(character)
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
}

fn kind(character: char) -> Kind {
    match character {
        '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3fffd}' => Kind::Symbol,
        // The vowels and tones of Thai and its neighbours are marks, too.
        _ if character.is_alphanumeric() || is_combining_mark(character) => Kind::Letter,
        // Arrows, dingbats, pictures.
        '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' => Kind::Symbol,
        _ => Kind::Blank,
    }
}

/// Joiners, direction marks, the byte order mark, variation selectors, skin tones; and the line that makes Arabic words longer.
fn is_unseen(character: char) -> bool {
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

/// Letters that have an accent in the eyes of their readers and none in those of Unicode, and those that look like another one.
fn spelled_out(character: char, umlauts: Umlauts) -> Option<&'static str> {
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
        // At the end of a word; what is typed may be its beginning.
        'ς' => "σ",
        // Persian keyboards have others than Arabic ones.
        'ی' | 'ى' => "ي",
        'ک' => "ك",
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
        words.iter().all(|word| word.0.iter().any(|form| text.contains(form.as_str())))
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
            ("7-eleven", "('7  el' & '7 eve' & '7 ven' | '7 7el' & '7 eve' & '7 ven')"),
            ("7-e", "('7  e':* | '7 7e':*)"),
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

    #[test]
    fn punctuation_inside_words_does_not_count() {
        for (one, other) in [
            ("7eleven", "7-Eleven"),
            ("mcdonalds", "McDonald's"),
            ("mcdonalds", "McDonald\u{2019}s"),
            ("mcdonalds", "McDonald\u{2bc}s"),
            ("loreal", "L'Oréal"),
            ("loreal", "L\u{b4}Oréal"),
            ("1250", "1,250"),
            ("1250000", "1,250,000"),
            ("12500.75", "12,500.75"),
            ("0812345678", "081-234-5678"),
            ("rocknroll", "Rock'n'Roll"),
            ("hm", "H&M"),
        ] {
            assert!(finds(one, other) && finds(other, one), "{one} and {other}: {:?} {:?}", fold(one), fold(other));
        }
        // Of words that stand apart, too, and by a part of one.
        assert!(
            finds("7-eleven", "7 Eleven")
                && finds("7-ele", "7eleven")
                && finds("e", "7-Eleven")
                && finds("ไป7-el", "ไป7Eleven")
        );
        // A decimal point counts.
        assert!(!finds("12.50", "1250") && !finds("1250", "12.50") && !finds("1/12", "112"));
    }

    #[test]
    fn what_looks_alike_or_means_the_same_is_found_both_ways() {
        for (one, other) in [
            // Marks in any order, and twice.
            ("ที่พัก", "ท\u{e48}\u{e35}พัก"),
            ("น้ำ", "น\u{e4d}\u{e49}\u{e32}"),
            ("น้ำ", "น\u{e49}\u{e4d}\u{e32}"),
            ("น้ำแข็ง", "น\u{e33}\u{e49}แข็ง"),
            ("น้ำแข็ง", "น\u{e49}\u{e49}\u{e33}แข็ง"),
            ("ผู้ใหญ่", "ผ\u{e49}\u{e39}ใหญ่"),
            ("ນ້ຳ", "ນ\u{ecd}\u{ec9}\u{eb2}"),
            ("ນ້ຳ", "ນ\u{eb3}\u{ec9}"),
            ("ທີ່", "ທ\u{ec8}\u{eb5}"),
            // A letter that is typed as two.
            ("แท็กซี่", "เเท็กซี่"),
            ("ແມ່", "ເເມ່"),
            // Digits.
            ("7 วัน", "๗ วัน"),
            ("2569", "๒๕๖๙"),
            ("123", "١٢٣"),
            ("123", "۱۲۳"),
            ("123", "१२३"),
            ("123", "１２３"),
            ("123", "𝟏𝟐𝟑"),
            // Saying it twice.
            ("ต่างๆ", "ต่าง ๆ"),
            ("ต่างๆที่", "ต่าง ๆ ที่"),
            ("ช้าๆ", "ช้า\u{a0}ๆ"),
            // Other alphabets.
            ("müller", "mueller"),
            ("Müller", "Muller"),
            ("Mu\u{308}ller", "MUELLER"),
            ("Müller-Straße", "muellerstrasse"),
            ("Smørrebrød", "smoerrebroed"),
            ("Ångström", "Aangstroem"),
            ("محمد", "محـــمد"),
            ("کیک", "كيك"),
        ] {
            assert!(finds(one, other) && finds(other, one), "{one} and {other}: {:?} {:?}", fold(one), fold(other));
        }
        for (query, text) in [
            ("ΜΟΥΣ", "Μουσείο"),
            ("ΒΑΣ", "Βασιλόπουλος"),
            ("ΟΔΟΣ", "ΟΔΟΣΤΡΩΤΗΡΑΣ"),
            ("βας", "Βασιλόπουλος"),
            ("καλοσ", "Καλός"),
            ("ΚΑΛΟΣ", "καλός"),
        ] {
            assert!(finds(query, text), "{query} in {text}");
        }
        // Other marks are another word.
        assert!(!finds("นำ", "น้ำ") && !finds("ปา", "ป้า"));
    }

    #[test]
    fn every_word_is_looked_for() {
        let many: Vec<String> = (0..100).map(|number| format!("word{number}")).collect();
        assert_eq!(words(&many.join(" ")).len(), 100);
        assert_eq!(words("Tea tea TEA té a").len(), 3);
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
                // The quotes are around the grams alone.
                for gram in index_query(7, std::slice::from_ref(word)).split('\'').skip(1).step_by(2) {
                    let run = gram.strip_prefix("7 ").unwrap_or_else(|| panic!("nobody's: {gram:?}"));
                    prop_assert!(folded.contains(run) || text.contains(char::is_whitespace), "{run:?} in {folded:?}");
                    prop_assert!((2..=3).contains(&run.chars().count()));
                }
            }
        }
    }
}
