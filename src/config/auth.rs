//! `[auth]`: tokens and passwords.

use std::time::Duration;

use super::profile::{ConfigPurpose, Profile};
use super::reader::{SettingValue, SettingsReader};
use super::secret::Secret;
use super::server::positive;

/// The minimum length of an HMAC-SHA-256 secret, in bytes.
const MIN_SECRET_BYTES: usize = 32;

/// Words from examples, templates and leaked lists. A secret that contains one was not generated at random.
const WELL_KNOWN: &[&str] = &[
    "secret",
    "change",
    "your-",
    "your_",
    "example",
    "password",
    "default",
    "jwt-key",
    "placeholder",
    "12345678",
    "abcdefgh",
];

/// Ten years. A token that lives longer is as good as a password.
const LONGEST_LIFETIME: Duration = Duration::from_hours(10 * 366 * 24);

/// The policy for creating accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Anybody may register.
    Open,
    /// Only the first user may register.
    FirstUser,
    /// Nobody may register.
    Closed,
    /// Only people with an invitation code from `app user invite` may register.
    Invite,
}

impl SettingValue for RegistrationMode {
    fn read(text: &str) -> Option<Self> {
        match text.trim() {
            "open" => Some(Self::Open),
            "first_user" => Some(Self::FirstUser),
            "closed" => Some(Self::Closed),
            "invite" => Some(Self::Invite),
            _ => None,
        }
    }
}

/// The settings of tokens and passwords.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// The key that signs tokens. `None` in `dev` and `test`: a key is generated and kept in the data folder.
    pub jwt_secret: Option<Secret<String>>,
    /// The lifetime of a token.
    pub jwt_expires_in: Duration,
    /// The policy for creating accounts.
    pub registration: RegistrationMode,
    /// The minimum number of characters of a new password.
    pub min_password_length: usize,
    /// Refuse new passwords that are easily guessed.
    pub refuse_common_passwords: bool,
    /// The memory of argon2id, in KiB.
    pub argon2_memory_kib: u32,
    /// The passes of argon2id over its memory.
    pub argon2_iterations: u32,
    /// The number of passwords hashed at the same time.
    pub hashing_threads: usize,
    /// The maximum number of requests that wait for a hash. More are answered 503 `OVERLOADED`.
    pub max_waiting_hashes: usize,
}

impl AuthConfig {
    pub(super) fn read(reader: &mut SettingsReader<'_>, profile: Profile, purpose: ConfigPurpose) -> Option<Self> {
        let jwt_secret = read_secret(reader, profile == Profile::Prod && purpose == ConfigPurpose::Serve);
        let jwt_expires_in = reader.required::<Duration>("auth.jwt_expires_in", "a duration such as 24h or 7d");
        let registration = reader.required("auth.registration", "open, first_user, closed or invite");
        let min_password_length = positive(reader, "auth.min_password_length");
        let refuse_common_passwords = reader.required("auth.refuse_common_passwords", "true or false");
        let argon2_memory_kib = read_bounded(reader, "auth.argon2_memory_kib", 8, 4_194_304);
        let argon2_iterations = read_bounded(reader, "auth.argon2_iterations", 1, 1_000);
        let hashing_threads = positive(reader, "auth.hashing_threads");
        let max_waiting_hashes = positive(reader, "auth.max_waiting_hashes");
        if jwt_expires_in.is_some_and(|duration| duration.is_zero() || duration > LONGEST_LIFETIME) {
            reader.refuse("auth.jwt_expires_in", "not a valid lifetime", "set 1s to ten years");
            return None;
        }
        if min_password_length.is_some_and(|length| length > 128) {
            reader.refuse("auth.min_password_length", "longer than the longest password, 128", "set 128 or less");
            return None;
        }
        Some(Self {
            jwt_secret: jwt_secret?,
            jwt_expires_in: jwt_expires_in?,
            registration: registration?,
            min_password_length: min_password_length?,
            refuse_common_passwords: refuse_common_passwords?,
            argon2_memory_kib: argon2_memory_kib?,
            argon2_iterations: argon2_iterations?,
            hashing_threads: hashing_threads?,
            max_waiting_hashes: max_waiting_hashes?,
        })
    }
}

fn read_bounded(reader: &mut SettingsReader<'_>, key: &'static str, least: u32, most: u32) -> Option<u32> {
    let allowed = format!("a whole number from {least} to {most}");
    let number = reader.required::<u32>(key, &allowed)?;
    if (least..=most).contains(&number) {
        return Some(number);
    }
    reader.refuse(key, &format!("{number} is out of range"), &format!("set {allowed}"));
    None
}

/// In `prod` a missing, short or well-known secret stops the start: whoever guesses it can sign in as anybody.
#[expect(clippy::option_option, reason = "left out is one thing, wrong another")]
fn read_secret(reader: &mut SettingsReader<'_>, strict: bool) -> Option<Option<Secret<String>>> {
    const KEY: &str = "auth.jwt_secret";
    const REMEDY: &str = "set JWT_SECRET (or JWT_SECRET_FILE) to the output of `openssl rand -base64 48`";
    let secret = reader.optional::<Secret<String>>(KEY, "a text")?;
    if !strict {
        return Some(secret);
    }
    let problem = match secret.as_ref().map(Secret::expose) {
        None => Some("not set".to_owned()),
        Some(text) => weakness(text),
    };
    match problem {
        None => Some(secret),
        Some(problem) => {
            reader.refuse(KEY, &problem, REMEDY);
            None
        }
    }
}

fn weakness(secret: &str) -> Option<String> {
    if secret.len() < MIN_SECRET_BYTES {
        return Some(format!("{} bytes long, and at least {MIN_SECRET_BYTES} are needed", secret.len()));
    }
    let lower = secret.to_lowercase();
    if let Some(word) = WELL_KNOWN.iter().find(|word| lower.contains(**word)) {
        return Some(format!("well-known: it contains `{word}`"));
    }
    let mut distinct: Vec<u8> = secret.bytes().collect();
    distinct.sort_unstable();
    distinct.dedup();
    match distinct.len() {
        1 => Some("made of one character only".to_owned()),
        few @ 0..10 => Some(format!("made of {few} different characters only")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_can_be_guessed_is_weak() {
        for secret in [
            "short",
            "your-super-secret-jwt-key-change-in-production",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "ababababababababababababababababababababab",
            "12345678901234567890123456789012",
        ] {
            assert!(weakness(secret).is_some(), "{secret}");
        }
        assert_eq!(weakness("vT4qLw0nXz8uJc2hRb6yKd1mPf5sGa9eVi3oYt7x"), None);
        assert_eq!(weakness("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"), None);
    }
}
