//! The right to register: `auth.registration`.

use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use super::invites_store;
use crate::config::RegistrationMode;
use crate::config::secret::Secret;
use crate::features::users;
use crate::http::error::ApiError;

/// The characters of a code: none of them looks like another.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// 32 to the power of 30 is 2 to the power of 150: nobody guesses it.
const CODE_LENGTH: usize = 30;

/// Characters between two dashes.
const GROUP: usize = 5;

/// A new code of an invitation, and the hash that is kept of it.
///
/// # Errors
/// If the system has no random numbers.
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

/// The hash of a code, however it was typed: case, dashes and blanks do not count.
fn hash_of(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    Sha256::digest(plain).into()
}

/// Looks whether somebody may register, before any work is done for it. It does not depend on the address.
///
/// # Errors
/// Only from the database.
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

/// Takes the right to register, in the transaction that registers: it is given back if that is rolled back, and of two who
/// are there at once one gets it. Whether it was there to take.
///
/// # Errors
/// Only from the database.
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

/// The answer to who may not register.
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
