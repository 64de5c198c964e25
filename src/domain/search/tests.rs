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
