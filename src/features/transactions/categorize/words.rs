//! The words of a title that suggest a category.
//!
//! A word tells where it is one: in English between blanks, in Thai, which has none, where a statistical model (the LSTM of
//! ICU4X) finds the words of the text. `ยา` is medicine, and is in `ยาง`, a tire, and in `พัทยา`, a town. Of several the longest
//! tells, and a phrase that means something else hides the words in it.

use std::ops::Range;
use std::sync::LazyLock;

use icu_segmenter::WordSegmenter;
use icu_segmenter::options::WordBreakInvariantOptions;

use super::keywords::{ALONE, KEYWORDS, NOTHING};
use crate::domain::search::fold;
use crate::domain::transaction_type::TransactionType;

/// The most of a title that is taken apart into Thai words: each character takes the model some microseconds.
const TAKEN_APART: usize = 300;

/// A Thai word of so many letters that the model takes into one with what is behind it tells, too: `กาแฟเย็น`.
const LONG: usize = 4;

struct Keyword {
    kind: TransactionType,
    category: &'static str,
    /// The word as it is shown.
    word: &'static str,
    /// The word as it is searched for.
    run: String,
}

/// Made when the first title comes, for which nobody waits long.
static WORDS: LazyLock<Vec<Keyword>> = LazyLock::new(|| keywords(KEYWORDS));
static WORDS_ALONE: LazyLock<Vec<Keyword>> = LazyLock::new(|| keywords(ALONE));
static PHRASES: LazyLock<Vec<String>> = LazyLock::new(|| split(NOTHING).map(run_of).collect());

fn keywords(lists: &[(TransactionType, &'static str, &'static str)]) -> Vec<Keyword> {
    let words = lists.iter().flat_map(|(kind, category, words)| split(words).map(move |word| (*kind, *category, word)));
    words.map(|(kind, category, word)| Keyword { kind, category, word, run: run_of(word) }).collect()
}

fn split(words: &'static str) -> impl Iterator<Item = &'static str> {
    words.split(", ").map(str::trim)
}

/// A word as it is looked for: between blanks, if it is English.
fn run_of(word: &str) -> String {
    let folded = written(&fold(word));
    if word.is_ascii() { folded } else { folded.trim().to_owned() }
}

/// Folded text with the vowel `ำ` as it is written, and as the model knows it.
fn written(folded: &str) -> String {
    folded.replace("\u{e4d}\u{e32}", "\u{e33}")
}

/// The category that a title's words tell, and the word.
pub(super) fn find(kind: TransactionType, title: &str) -> Option<(&'static str, &'static str)> {
    let text = written(&fold(title));
    let mut words = ThaiWords { text: &text, ends: None };
    let of_kind = WORDS.iter().filter(|keyword| keyword.kind == kind);
    let mut told: Vec<(Range<usize>, &Keyword)> = of_kind
        .flat_map(|keyword| places(&text, &keyword.run).map(move |place| (place, keyword)))
        .filter(|(place, keyword)| words.has(place, &keyword.run))
        .collect();
    let hiding: Vec<Range<usize>> = PHRASES.iter().flat_map(|run| places(&text, run)).collect();
    told.retain(|(place, _)| !hiding.iter().any(|phrase| overlap(phrase, place) && phrase.len() > place.len()));
    // Of words that are as long, the first: it is what a Thai phrase is about.
    let longest =
        told.iter().max_by_key(|(place, keyword)| (keyword.word.chars().count(), std::cmp::Reverse(place.start)));
    longest.map(|(_, keyword)| (keyword.category, keyword.word)).or_else(|| alone(kind, &text))
}

/// The word that tells if it is all there is, but for numbers.
fn alone(kind: TransactionType, text: &str) -> Option<(&'static str, &'static str)> {
    let mut words = text.split_whitespace().filter(|word| !word.chars().all(char::is_numeric));
    let (Some(word), None) = (words.next(), words.next()) else { return None };
    let found = WORDS_ALONE.iter().find(|keyword| keyword.kind == kind && keyword.run.trim() == word);
    found.map(|keyword| (keyword.category, keyword.word))
}

/// The position of a run in a text, without the blanks around it.
fn places<'a>(text: &'a str, run: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let blanks = run.len() - run.trim_start().len();
    let length = run.trim().len();
    text.match_indices(run).map(move |(begin, _)| begin + blanks..begin + blanks + length)
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// The words of a text. It is taken apart when the first Thai keyword is found in it.
struct ThaiWords<'a> {
    text: &'a str,
    /// The end, in bytes.
    ends: Option<Vec<usize>>,
}

impl ThaiWords<'_> {
    /// Tells if words, or the beginning of one, are at this position.
    fn has(&mut self, place: &Range<usize>, run: &str) -> bool {
        if run.is_ascii() {
            return true;
        }
        let ends = self.ends.get_or_insert_with(|| ends(self.text));
        if !ends.contains(&place.start) {
            return false;
        }
        if ends.contains(&place.end) {
            return true;
        }
        let Some(end) = ends.iter().find(|end| **end > place.start).filter(|end| **end > place.end) else {
            return false;
        };
        let rest = &self.text[place.end..*end];
        let letters = |text: &str| text.chars().filter(|character| !is_mark(*character)).count();
        let follows = letters(rest) > 1 && !rest.starts_with(is_bound);
        follows && letters(run) >= LONG
    }
}

/// The beginnings and ends of the words of a text.
fn ends(text: &str) -> Vec<usize> {
    let looked_at = text.char_indices().nth(TAKEN_APART).map_or(text, |(end, _)| &text[..end]);
    let mut ends: Vec<usize> =
        WordSegmenter::new_lstm(WordBreakInvariantOptions::default()).segment_str(looked_at).collect();
    // A letter by itself is no word, and belongs to the one before it.
    let mut begin = 0;
    let single = |begin: usize, end: usize| {
        let mut characters = looked_at[begin..end].chars();
        characters.next().is_some_and(|character| matches!(character, '\u{e01}'..='\u{e2e}'))
            && characters.next().is_none()
    };
    let mut words = Vec::with_capacity(ends.len());
    for end in ends.drain(..) {
        if end > 0
            && single(begin, end)
            && looked_at[..begin].ends_with(|character| matches!(character, '\u{e01}'..='\u{e4e}'))
        {
            words.pop();
        }
        words.push(end);
        begin = end;
    }
    words
}

/// The vowels and tones above and below a letter.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}')
}

/// Characters that never begin a word.
fn is_bound(character: char) -> bool {
    is_mark(character) || matches!(character, '\u{e30}' | '\u{e32}' | '\u{e33}' | '\u{e45}')
}

#[cfg(test)]
mod tests {
    use TransactionType::{Expense, Income};

    use super::*;

    #[test]
    fn words_tell_in_english_and_in_thai() {
        for (kind, category, titles) in [
            (
                Expense,
                "Food & Dining",
                "Lunch with Ann, Iced coffee, 7-Eleven Asok, 7eleven, McDonald's, chocolate bar, bar of chocolate, club sandwich, grab a coffee, boat noodles",
            ),
            (
                Expense,
                "Food & Dining",
                "อาหารเช้า, ค่าอาหาร, ข้าวผัด, ข้าวมันไก่, ซื้อข้าว, ก๋วยเตี๋ยวเรือ, บะหมี่กึ่งสำเร็จรูป, กาแฟเย็น, กาแฟสด, ร้านกาแฟ, ชา, ซื้อชา, ชาเย็น, ชาเขียว, ชานมไข่มุก, น้ำดื่ม, น้ำมันพืช, ขนมปัง, ขนมเค้ก, ผลไม้สด, ร้านอาหารญี่ปุ่น, กับข้าว, ส้มตำไก่ย่าง, หมู, หมูสับ, ข้าวหมูแดง, ไก่ทอด, ปลาเผา, ปลาหมึก, กุ้งเผา, ต้มยำกุ้ง, ผัดไทย, ไอศกรีม, ค่าเบียร์, เหล้า, หมูกระทะ, ชาบูชิ, มื้อเย็น, ตลาดนัด, เข้าเซเว่น",
            ),
            (
                Expense,
                "Transportation",
                "BTS to Siam, Rent a car, rental car Phuket, rent a scooter, book a flight, Grab home",
            ),
            (
                Expense,
                "Transportation",
                "แท็กซี่, ค่าแท็กซี่, ค่ารถเมล์, ตั๋วรถไฟ, บัตรรถไฟฟ้า, ค่ารถ, เช่ารถ, น้ำมัน, ค่าน้ำมัน, ค่าน้ำมันรถ, เติมน้ำมัน, ค่าทางด่วน, ค่าที่จอดรถ, วินมอเตอร์ไซค์, เรือ, ค่าเรือ, เรือด่วน, ตั๋วเครื่องบิน, เที่ยวบิน, ยางรถยนต์",
            ),
            (
                Expense,
                "Shopping",
                "shoes, True Religion jeans, เสื้อผ้า, เสื้อยืด, ซื้อเสื้อ, กางเกงยีนส์, รองเท้าผ้าใบ, กระเป๋าสตางค์, ของใช้ในบ้าน, ห้างเซ็นทรัล",
            ),
            (
                Expense,
                "Entertainment",
                "Netflix, bar, Bar 300, rooftop bar, ดูหนัง, หนัง, ค่าหนัง, เกมส์, ซื้อเกม, คอนเสิร์ต, เที่ยวทะเล, ปาร์ตี้ปีใหม่",
            ),
            (
                Expense,
                "Bills & Utilities",
                "True, true 599, True Internet, ค่าไฟ, ค่าไฟฟ้า, ค่าน้ำ, ค่าน้ำประปา, ค่าน้ำค่าไฟ, ค่าเน็ตบ้าน, เติมเงินมือถือ, ค่าส่วนกลาง, ประกันรถ, บิล, จ่ายบิล",
            ),
            (
                Expense,
                "Healthcare",
                "หมอ, หาหมอ, ไปหาหมอ, ค่าหมอ, หมอฟัน, โรงพยาบาลรามา, ทำฟัน, ยา, ค่ายา, ซื้อยา, ยาแก้ปวด, ร้านยา, ร้านขายยา, ยาพารา, วิตามินซี, นวดแผนไทย, ค่านวด, นวดเท้า",
            ),
            (
                Expense,
                "Education",
                "Books, หนังสือเรียน, ซื้อหนังสือ, คอร์สออนไลน์, ค่าเรียนพิเศษ, โรงเรียน, เรียนภาษา, ค่าสอบ, สมัครสอบ, เครื่องเขียน",
            ),
            (Expense, "Rent", "Rent, March rent, ค่าเช่า, ค่าเช่าห้อง, ค่าห้อง, ค่าหอพัก, เช่าบ้าน, ค่าคอนโด"),
            (Income, "Salary", "February salary, เงินเดือน, เงินเดือนกุมภา, โบนัสปลายปี, ค่าโอที"),
            (Income, "Investment", "dividends, ปันผล, ดอกเบี้ยเงินฝาก, ขายหุ้น, กองทุนรวม"),
            (Income, "Gift", "ของขวัญวันเกิด, อั่งเปา"),
        ] {
            for title in titles.split(", ") {
                assert_eq!(find(kind, title).map(|found| found.0), Some(category), "{title}");
            }
        }
    }

    #[test]
    fn a_word_inside_another_one_tells_nothing() {
        for title in "Embassy, zzz, ๆๆๆ, book a hotel, gold bar, bar stool, bar of soap, true love, rent a tuxedo, golf club, \
            ค่าโรงแรมพัทยา, พัทยา, ทริปอยุธยา, พระนครศรีอยุธยา, ศาลายา, ปะยาง, ยางลบ, ยานพาหนะ, พยายาม, ภรรยา, วิทยาศาสตร์, จิตวิทยา, ปรัชญา, \
            หมอนใหม่, ซื้อหมอน, ปลอกหมอน, หมอก, หมู่บ้านจัดสรร, หมู่เกาะ, หมวก, ชาร์จแบตมือถือ, วิชาเลข, วิชาการ, กัญชา, ราชา, ประชาชน, บูชาพระ, ชาวบ้าน, \
            ชาติ, ชายหาด, ชามแก้ว, ธรรมชาติ, ตรวจสอบบัญชี, ตรวจสอบ, ทดสอบ, สอบถาม, สอบสวน, ทุเรียน, นักเรียน, ผีเสื้อ, เรือนจำ, เรือนไทย, โรงเรือน, เรือง, \
            บิลเลียด, บิลบอร์ด, ปลายทาง, ปลายเดือน, ปลาสเตอร์, เปลาะ, ไก่ชน, หนังยาง, หนังศีรษะ, หุ่น, นวดแป้ง, ข้าวของ, มือถือ, ค่าหอม, เหรียญ, ปัญญา, รักษา, \
            ยามาฮ่า, เคนยา, กัมพูชา, วันวิสาขบูชา, ค่าน้ำใจ, ไปหมอชิต, น้ำยาล้างจาน"
            .split(", ")
        {
            assert_eq!(find(Expense, title.trim()), None, "{title}");
        }
        for title in ["หุ้นส่วน", "คอมพิวเตอร์"] {
            assert_eq!(find(Income, title), None, "{title}");
        }
    }

    #[test]
    fn the_longest_word_tells_and_of_equal_ones_the_first() {
        assert_eq!(find(Expense, "taxi to lunch"), Some(("Food & Dining", "lunch")));
        assert_eq!(find(Expense, "taxi, cake"), Some(("Transportation", "taxi")));
        assert_eq!(find(Expense, "cake, taxi"), Some(("Food & Dining", "cake")));
        assert_eq!(find(Income, "taxi"), None);
    }

    #[test]
    fn a_long_title_is_looked_through_up_to_a_length() {
        let far = format!("{} ค่ายา", "ก ".repeat(400));
        assert_eq!(find(Expense, &far), None);
        assert!(find(Expense, &format!("ค่ายา {far}")).is_some() && find(Expense, &format!("{far} taxi")).is_some());
    }

    #[test]
    fn each_keyword_tells_its_own_category() {
        for keyword in WORDS.iter().chain(WORDS_ALONE.iter()) {
            let found = find(keyword.kind, keyword.word).map(|found| found.0);
            assert_eq!(found, Some(keyword.category), "{}", keyword.word);
        }
    }
}
