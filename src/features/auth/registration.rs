//! The right to register: `auth.registration`.

use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use super::invites_store;
use crate::config::RegistrationMode;
use crate::config::secret::Secret;
use crate::features::users;
use crate::http::error::ApiError;

/// The characters of a code, without those that look alike.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// 30 characters of 32 are 150 bits, which cannot be guessed.
const CODE_LENGTH: usize = 30;

/// The number of characters between two dashes.
const GROUP: usize = 5;

/// A new invitation code, and its hash, which is stored.
///
/// # Errors
/// The system has no random numbers.
pub fn new_code() -> anyhow::Result<(Secret<String>, [u8; 32])> {
    let mut random = [0; CODE_LENGTH];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("the system has no random numbers: {error}"))?;
    let mut code = String::new();
    for (index, byte) in random.iter().enumerate() {
        if index > 0 && index % GROUP == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    let hash = hash_of(&code);
    Ok((Secret::new(code), hash))
}

/// The hash of a code. Case, dashes and spaces are ignored.
fn hash_of(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    Sha256::digest(plain).into()
}

/// Checks the right to register before expensive work. It does not depend on the address.
pub(super) async fn is_open(
    connection: &mut PgConnection,
    mode: RegistrationMode,
    code: Option<&Secret<String>>,
) -> Result<bool, sqlx::Error> {
    match (mode, code) {
        (RegistrationMode::Open, _) => Ok(true),
        (RegistrationMode::FirstUser, _) => Ok(!users::store::any(connection).await?),
        (RegistrationMode::Invite, Some(code)) => invites_store::is_good(connection, &hash_of(code.expose())).await,
        (RegistrationMode::Closed, _) | (RegistrationMode::Invite, None) => Ok(false),
    }
}

/// Uses up the right to register, within the transaction that registers: a rollback returns it, and only one of two concurrent
/// registrations gets the last one. False if there was none.
pub(super) async fn take(
    connection: &mut PgConnection,
    mode: RegistrationMode,
    code: Option<&Secret<String>>,
) -> Result<bool, sqlx::Error> {
    match (mode, code) {
        (RegistrationMode::Invite, Some(code)) => invites_store::take(connection, &hash_of(code.expose())).await,
        (RegistrationMode::FirstUser, _) => {
            users::store::lock_first(connection).await?;
            is_open(connection, mode, code).await
        }
        _ => is_open(connection, mode, code).await,
    }
}

/// The response to a refused registration.
pub(super) const fn refusal(mode: RegistrationMode, with_code: bool) -> ApiError {
    let message = match (mode, with_code) {
        (RegistrationMode::Invite, true) => {
            "The invitation is not valid: it was used up, revoked, is too old, or was mistyped. Ask for another one"
        }
        (RegistrationMode::Invite, false) => "Registration is by invitation: send its code as inviteCode",
        _ => "Registration is closed on this server. Ask whoever runs it for an account",
    };
    ApiError::RegistrationClosed { message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed_and_no_two_are_alike() {
        let (code, hash) = new_code().expect("a code");
        let code = code.expose();
        assert_eq!(code.len(), CODE_LENGTH + CODE_LENGTH / GROUP - 1);
        for typed in [code.clone(), code.to_uppercase(), code.replace('-', ""), format!(" {} ", code.replace('-', " "))]
        {
            assert_eq!(hash_of(&typed), hash, "{typed}");
        }
        assert_ne!(new_code().expect("another").1, hash);
    }
}
