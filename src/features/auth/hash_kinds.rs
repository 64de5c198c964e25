//! The kinds of hashes that the accounts have. A wrong password costs the work of each of them, whatever the account has and
//! whether there is one, so that the time of the answer tells nothing.

use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use tokio::time::Instant;

use super::store;
use crate::http::error::ApiError;
use sqlx::PgConnection;

/// The kinds are read anew after this time.
const GOOD_FOR: Duration = Duration::from_mins(1);

/// So many kinds are worked off at most. More come only from changing the costs again and again while nobody signs in.
pub(super) const MAX_KINDS: i64 = 8;

/// An algorithm with its costs: hashes of one kind take the same time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HashKind {
    /// bcrypt with its cost; its versions take the same time.
    Bcrypt(u32),
    /// argon2 with everything before the salt, such as `argon2id$v=19$m=19456,t=2,p=1`.
    Argon2(String),
}

impl HashKind {
    /// The kind of a hash, or of what stands before its salt; `None` if that cannot be one.
    #[must_use]
    pub fn of(hash: &str) -> Option<Self> {
        let mut parts = hash.strip_prefix('$')?.split('$');
        let name = parts.next()?;
        if name.starts_with("argon2") {
            let (version, costs) = (parts.next()?, parts.next()?);
            return Some(Self::Argon2(format!("{name}${version}${costs}")));
        }
        if !matches!(name, "2" | "2a" | "2b" | "2x" | "2y") {
            return None;
        }
        parts.next()?.parse().ok().map(Self::Bcrypt)
    }

    /// A hash of this kind that is no password's: comparing with it takes as long and never succeeds. `None` if the
    /// algorithm is not known.
    pub(super) fn of_nobody(&self) -> Option<String> {
        match self {
            Self::Bcrypt(cost) => Some(format!("$2b${cost:02}${}", ".".repeat(53))),
            Self::Argon2(kind) => {
                let hash = format!("${kind}${}${}", "A".repeat(22), "A".repeat(43));
                PasswordHash::new(&hash).is_ok().then_some(hash)
            }
        }
    }
}

/// The kinds, read again now and then.
#[derive(Debug, Default)]
pub(super) struct HashKinds(std::sync::Mutex<Option<(Instant, Vec<HashKind>)>>);

impl HashKinds {
    /// The kinds that there are, as of a minute ago at most.
    pub(super) async fn read(&self, connection: &mut PgConnection) -> Result<Vec<HashKind>, ApiError> {
        let kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if let Some((read_at, kinds)) = kept
            && read_at.elapsed() < GOOD_FOR
        {
            return Ok(kinds);
        }
        let found = store::hash_kinds(connection, MAX_KINDS).await?;
        let mut kinds: Vec<HashKind> = found.iter().filter_map(|prefix| HashKind::of(prefix)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((Instant::now(), kinds.clone()));
        Ok(kinds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_told_from_a_hash_and_from_what_stands_before_its_salt() {
        let argon2 = Some(HashKind::Argon2("argon2id$v=19$m=19456,t=2,p=1".to_owned()));
        assert_eq!(HashKind::of("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA"), argon2);
        assert_eq!(HashKind::of("$argon2id$v=19$m=19456,t=2,p=1"), argon2);
        for version in ["2", "2a", "2b", "2y"] {
            assert_eq!(HashKind::of(&format!("${version}$10$abc")), Some(HashKind::Bcrypt(10)));
        }
        for damaged in ["", "x", "$", "$2a", "$2a$x$", "$1$abc$def", "$argon2id$v=19", "argon2id$v=19$m=1$"] {
            assert_eq!(HashKind::of(damaged), None, "{damaged}");
        }
    }
}
