//! Passwords that an attacker tries first.

/// The stems of the passwords that every leaked list begins with. A password is common if it is one of them, however
/// it is dressed up: in capitals, with digits or signs around it, or with look-alike characters inside.
const STEMS: &[&str] = &[
    "abc",
    "abcd",
    "abcde",
    "abcdef",
    "access",
    "admin",
    "administrator",
    "adobe",
    "alexander",
    "amanda",
    "andrea",
    "andrew",
    "angel",
    "anthony",
    "apple",
    "arsenal",
    "ashley",
    "asdf",
    "asdfgh",
    "asdfghjkl",
    "azerty",
    "baby",
    "babygirl",
    "bailey",
    "banana",
    "barcelona",
    "baseball",
    "basketball",
    "batman",
    "bangkok",
    "blink",
    "butterfly",
    "changeme",
    "charlie",
    "cheese",
    "chelsea",
    "chocolate",
    "computer",
    "cookie",
    "corvette",
    "daniel",
    "default",
    "diamond",
    "donald",
    "dragon",
    "elephant",
    "eminem",
    "ferrari",
    "flower",
    "football",
    "freedom",
    "friends",
    "gemini",
    "ginger",
    "google",
    "guest",
    "hannah",
    "harley",
    "hello",
    "helloworld",
    "hockey",
    "hunter",
    "iloveu",
    "iloveyou",
    "internet",
    "jennifer",
    "jessica",
    "jesus",
    "jordan",
    "joshua",
    "justin",
    "killer",
    "kitty",
    "letmein",
    "linkedin",
    "liverpool",
    "login",
    "lovely",
    "loveme",
    "maggie",
    "manager",
    "martin",
    "master",
    "matrix",
    "matthew",
    "mercedes",
    "merlin",
    "michael",
    "michelle",
    "minecraft",
    "monkey",
    "money",
    "mother",
    "mustang",
    "mypassword",
    "naruto",
    "nicole",
    "nothing",
    "ninja",
    "pass",
    "passw",
    "passwd",
    "password",
    "passwort",
    "passme",
    "peanut",
    "pepper",
    "pokemon",
    "princess",
    "purple",
    "qazwsx",
    "qwer",
    "qwert",
    "qwerty",
    "qwertyui",
    "qwertyuiop",
    "ranger",
    "robert",
    "root",
    "samantha",
    "samsung",
    "secret",
    "shadow",
    "silver",
    "soccer",
    "spiderman",
    "starwars",
    "steelers",
    "summer",
    "sunshine",
    "superman",
    "supersecret",
    "support",
    "system",
    "taylor",
    "tennis",
    "test",
    "testing",
    "thailand",
    "thomas",
    "thunder",
    "tigger",
    "trustno",
    "trustnoone",
    "unknown",
    "user",
    "victoria",
    "welcome",
    "whatever",
    "william",
    "winter",
    "yankees",
    "zaq",
    "zaqwsx",
    "zxcv",
    "zxcvb",
    "zxcvbn",
    "zxcvbnm",
    "expense",
    "expenses",
    "tracker",
    "expensetracker",
    "demo",
];

/// Whether a password is one that an attacker tries first, for the account of this address.
#[must_use]
pub fn is_common(password: &str, email: &str) -> bool {
    let lower = password.to_lowercase();
    let own = email.split('@').next().unwrap_or_default();
    let letters = core(&lower);
    is_repetition(&lower)
        || is_row(&lower)
        || letters.is_empty() && lower.is_ascii() && lower.len() < 12
        || (own.len() >= 4 && core(own) == letters)
        || lower == email
        || is_stem(&letters)
        || is_stem(&core(&plain(&lower)))
}

fn is_stem(letters: &str) -> bool {
    STEMS.contains(&letters) || STEMS.iter().any(|stem| !letters.is_empty() && letters.replace(stem, "").is_empty())
}

/// What is left without digits and signs at both ends.
fn core(text: &str) -> String {
    text.trim_matches(|c: char| c.is_ascii() && !c.is_ascii_alphabetic()).to_owned()
}

/// Look-alike characters turned back into letters.
fn plain(text: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    // Digits at the end are decoration, not letters.
    text.trim_end_matches(|c: char| c.is_ascii_digit()).chars().map(letter).collect()
}

/// One short piece over and over: `aaaaaaaa`, `abcabcabc`.
fn is_repetition(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=4).any(|period| {
        chars.len() >= 2 * period && chars.iter().zip(chars.iter().skip(period)).all(|(one, next)| one == next)
    })
}

/// Neighbours all the way, up or down: `12345678`, `hgfedcba`.
fn is_row(text: &str) -> bool {
    let codes: Vec<i64> = text.chars().map(|c| i64::from(u32::from(c))).collect();
    let steps = |step: i64| {
        codes.len() >= 4 && codes.windows(2).all(|pair| pair[1] - pair[0] == step || (step == 1 && pair == [57, 48]))
    };
    steps(1) || steps(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_uses_is_common_however_it_is_dressed_up() {
        for password in [
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
            "somchai99",
            "abcdefgh",
        ] {
            assert!(is_common(password, "somchai@example.com"), "{password}");
        }
    }

    #[test]
    fn what_nobody_else_uses_is_not() {
        for password in [
            "correct horse battery",
            "tr0ub4dor&3x",
            "สวัสดีชาวโลกทุกคน",
            "8fK2-pq9Z",
            "monkeys eat 7 bananas",
            "739105826417",
        ] {
            assert!(!is_common(password, "somchai@example.com"), "{password}");
        }
    }
}
