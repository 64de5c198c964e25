//! The strength of new passwords, as estimated by zxcvbn: leaked passwords, dictionary words and their variants, keyboard rows, dates,
//! repetitions, and words from the user's address and name.

use unicode_normalization::UnicodeNormalization as _;

/// The guesses that a password has to withstand, by zxcvbn's estimate: those of eight random characters.
const ENOUGH_GUESSES: u64 = 100_000_000;

/// The characters of a password that are rated. The time grows faster than the length, most of all with substituted letters:
/// 30 ms for the worst 32 characters that were found, 110 ms for 64.
const MAX_JUDGED: usize = 32;

/// The minimum length of a password without letters: dates and telephone numbers are shorter.
const MIN_WITHOUT_LETTERS: usize = 12;

/// The most words of the user that are considered, and the minimum length of one.
const MAX_OWN_WORDS: usize = 16;
const MIN_OWN_WORD: usize = 3;

/// Common words that zxcvbn's lists lack: from famous examples, this service, and Thai.
const WORDS: &[&str] = &[
    "troubador",
    "correcthorsebatterystaple",
    "expense",
    "tracker",
    "demo",
    "sawasdee",
    "sawatdee",
    "bangkok",
    "thailand",
    "siam",
    "somchai",
    "สวัสดี",
    "สวัสดีครับ",
    "สวัสดีค่ะ",
    "รหัสผ่าน",
    "รหัสลับ",
    "พาสเวิร์ด",
    "ประเทศไทย",
    "กรุงเทพ",
    "ภาษาไทย",
    "รักเธอ",
    "ฉันรักเธอ",
    // The rows of a Thai keyboard.
    "ฟหกด",
    "ฟหกดเ้่า",
    "ๆไำพะัีร",
    "ผปแอิืทม",
    "ๅ/-ภถุึค",
];

/// The reason why a password can be guessed, and a remedy; `None` if it is strong.
#[must_use]
pub(super) fn weakness(password: &str, email: &str, name: Option<&str>) -> Option<String> {
    let composed: String = password.nfc().collect();
    let judged: String = composed.chars().take(MAX_JUDGED).collect();
    if composed.chars().count() < MIN_WITHOUT_LETTERS && !judged.chars().any(char::is_alphabetic) {
        return Some(told("digits and signs alone are too short"));
    }
    let own = own_words(email, name);
    let words: Vec<&str> = own.iter().map(String::as_str).chain(WORDS.iter().copied()).collect();
    let estimate = zxcvbn::zxcvbn(&judged, &words);
    if estimate.guesses() >= ENOUGH_GUESSES {
        return None;
    }
    let lower = judged.to_lowercase();
    if own.iter().any(|word| lower.contains(word.as_str())) {
        return Some(told("it is made of your own name or address"));
    }
    Some(told("it is one of those that are tried first"))
}

fn told(reason: &str) -> String {
    format!("password is too easy to guess: {reason}; choose several words that do not belong together")
}

/// The parts of the address and of the name, in lower case.
fn own_words(email: &str, name: Option<&str>) -> Vec<String> {
    let mut words = vec![email.to_lowercase()];
    if let Some((local, domain)) = email.rsplit_once('@') {
        words.extend([local.to_lowercase(), domain.to_lowercase()]);
    }
    for text in [Some(email), name].into_iter().flatten() {
        let lower = text.to_lowercase();
        words.extend(lower.split(|c: char| !c.is_alphanumeric()).map(str::to_owned));
        words.push(lower.chars().filter(|c| c.is_alphanumeric()).collect());
    }
    words.retain(|word| word.chars().count() >= MIN_OWN_WORD);
    let mut seen = std::collections::HashSet::new();
    words.retain(|word| seen.insert(word.clone()));
    // The first words matter most; a name of a hundred words would only cost time.
    words.truncate(MAX_OWN_WORDS);
    words.iter().map(|word| word.chars().take(MAX_JUDGED).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_weak(password: &str) -> bool {
        weakness(password, "somchai@example.com", Some("Somchai Jaidee")).is_some()
    }

    #[test]
    fn passwords_that_are_tried_first_are_refused_however_they_are_dressed_up() {
        for password in [
            // Well-known ones that a list of stems let through.
            "1qaz2wsx",
            "zaq12wsx",
            "1q2w3e4r",
            "1q2w3e4r5t",
            "q1w2e3r4t5",
            "qazwsxedc",
            "a1b2c3d4",
            "123qweasd",
            "qwe123qwe",
            "passw0rd!",
            "12345678a",
            "987654321a",
            "gfhjkm123",
            "correcthorse",
            "fuckyou1",
            "slipknot1",
            "metallica1",
            "myspace1",
            "january1",
            "spring2026",
            "Tr0ub4dor&3",
            // Those that the list of stems refused.
            "password",
            "Password1",
            "P@ssw0rd",
            "PASSWORD123!",
            "12345678",
            "1234567890",
            "87654321",
            "qwertyuiop",
            "aaaaaaaa",
            "abcabcabc",
            "iloveyou2",
            "letmein!!",
            "passwordpassword",
            "20262026",
            "11111111",
            "qwerty123",
            "welcome2026",
            "31121999",
            "abcdefgh",
            "0812345678",
            // Thai.
            "รหัสผ่าน",
            "รหัสผ่าน123",
            "สวัสดี12",
            "สวัสดีครับ",
            "ฟหกดเ้่า",
            "ภาษาไทย1",
            "กกกกกกกก",
            "๑๒๓๔๕๖๗๘",
            "แมวแมวแมว",
            "sawasdee1",
            "Bangkok2569",
        ] {
            assert!(is_weak(password), "{password}");
        }
    }

    #[test]
    fn the_persons_own_words_are_refused_and_said_to_be_the_reason() {
        for password in
            ["somchai99", "Somchai2026", "jaidee123", "somchaijaidee", "somchai@example.com", "example.com1"]
        {
            let words = weakness(password, "somchai@example.com", Some("Somchai Jaidee")).expect(password);
            assert!(words.contains("your own name or address"), "{password}: {words}");
        }
        assert!(weakness("สมชายใจดี1", "s@example.com", Some("สมชาย ใจดี")).is_some());
        assert!(weakness("somwang.rakthai", "other@example.com", None).is_none());
    }

    #[test]
    fn pass_phrases_and_random_characters_are_taken() {
        for password in [
            "correct horse battery",
            "correct horse battery staple x",
            "monkeys eat 7 bananas",
            "purple-otter-lamp",
            "i like green tea",
            "8fK2-pq9Z",
            "x7#Kp2mQ",
            "vT4qLw0nXz",
            "739105826417",
            "สวัสดีชาวโลกทุกคน",
            "แมวสีส้มนอนบนหลังคา",
            "ข้าวมันไก่ร้านป้าเจ้าเก่า",
            "ผมชอบกินส้มตำ",
        ] {
            assert_eq!(weakness(password, "somchai@example.com", Some("Somchai Jaidee")), None, "{password}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_a_password_and_a_name_are_made_of_there_is_a_verdict(password in ".{0,140}", name in ".{0,210}") {
            let verdict = weakness(&password, "somchai@example.com", Some(&name));
            proptest::prop_assert!(verdict.is_none_or(|words| words.starts_with("password ")));
        }
    }

    #[test]
    fn the_longest_input_is_judged_by_its_beginning() {
        let long = "4@{([<68|1!i".repeat(100);
        let name = "ก ข ".repeat(50) + &"name ".repeat(40);
        assert_eq!(weakness(&long, "a@example.com", Some(&name)), None);
        assert!(own_words("a.b.c.d@e.f.example.com", Some(&"some name or other ".repeat(20))).len() <= MAX_OWN_WORDS);
        assert!(weakness(&"a".repeat(1_000), "a@example.com", None).is_some());
    }
}
