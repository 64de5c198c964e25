//! Hashing passwords, on threads of its own and never more at once than the machine can bear.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::config::AuthConfig;
use crate::config::secret::Secret;
use crate::http::error::ApiError;

/// Makes and checks hashes: argon2id, and bcrypt for those that came from the original service.
#[derive(Clone)]
pub struct Hasher(Arc<Inner>);

struct Inner {
    argon2: Argon2<'static>,
    /// What is compared with when there is no such user, so that the answer takes as long.
    nobody: Secret<String>,
    permits: Semaphore,
    waiting: AtomicUsize,
    max_waiting: usize,
}

/// What comparing a password with a hash showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the one.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and its hash is of an older kind: put this one in its place.
    RightAndRenewed(Secret<String>),
}

impl Hasher {
    /// A hasher with the configuration's costs.
    ///
    /// # Errors
    /// If argon2 refuses the costs.
    pub fn new(config: &AuthConfig) -> anyhow::Result<Self> {
        let params = Params::new(config.argon2_memory_kib, config.argon2_iterations, 1, None)
            .map_err(|error| anyhow::anyhow!("argon2 refuses the costs of [auth]: {error}"))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        // Of the right form and no password's: comparing with it costs as much and never succeeds.
        let (memory, passes) = (config.argon2_memory_kib, config.argon2_iterations);
        let nobody =
            Secret::new(format!("$argon2id$v=19$m={memory},t={passes},p=1${}${}", "A".repeat(22), "A".repeat(43)));
        Ok(Self(Arc::new(Inner {
            argon2,
            nobody,
            permits: Semaphore::new(config.hashing_threads),
            waiting: AtomicUsize::new(0),
            max_waiting: config.max_waiting_hashes,
        })))
    }

    /// A hash to keep.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] if too many wait already.
    pub async fn hash(&self, password: Secret<String>) -> Result<Secret<String>, ApiError> {
        self.run(move |inner| hash(&inner.argon2, password.expose())).await?.map_err(ApiError::internal)
    }

    /// Compares a password with a hash, or with nobody's, which takes as long.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] if too many wait already.
    pub async fn verify(&self, password: Secret<String>, hash: Option<Secret<String>>) -> Result<Verdict, ApiError> {
        self.run(move |inner| inner.verify(&password, hash.as_ref())).await
    }

    async fn run<T, W>(&self, work: W) -> Result<T, ApiError>
    where
        T: Send + 'static,
        W: FnOnce(&Inner) -> T + Send + 'static,
    {
        let waiting = Waiting::enter(&self.0).ok_or_else(ApiError::overloaded)?;
        let permit = self.0.permits.acquire().await.map_err(ApiError::internal)?;
        drop(waiting);
        permit.forget();
        let inner = Arc::clone(&self.0);
        // The permit is given back by the work and not by the request, which may be gone long before.
        tokio::task::spawn_blocking(move || {
            let _back = GiveBack(&inner.permits);
            work(&inner)
        })
        .await
        .map_err(ApiError::internal)
    }
}

impl Inner {
    fn verify(&self, password: &Secret<String>, hash: Option<&Secret<String>>) -> Verdict {
        let password = password.expose();
        match hash.map(Secret::expose) {
            Some(text) if text.starts_with("$2") => {
                // bcrypt looks at no more than 72 bytes, and so did the original.
                if !bcrypt::verify(password, text).unwrap_or(false) {
                    return Verdict::Wrong;
                }
                self::hash(&self.argon2, password).map_or(Verdict::Right, Verdict::RightAndRenewed)
            }
            Some(text) => {
                if self.matches(password, text) {
                    Verdict::Right
                } else {
                    Verdict::Wrong
                }
            }
            None => {
                self.matches(password, self.nobody.expose());
                Verdict::Wrong
            }
        }
    }

    fn matches(&self, password: &str, text: &str) -> bool {
        PasswordHash::new(text).is_ok_and(|hash| self.argon2.verify_password(password.as_bytes(), &hash).is_ok())
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> anyhow::Result<Secret<String>> {
    let hash = argon2.hash_password(password.as_bytes()).map_err(|error| anyhow::anyhow!("argon2 failed: {error}"))?;
    Ok(Secret::new(hash.to_string()))
}

/// A place among those who wait; left when it is dropped, also by a request that is given up.
struct Waiting<'a>(&'a Inner);

impl<'a> Waiting<'a> {
    fn enter(inner: &'a Inner) -> Option<Self> {
        let before = inner.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(inner);
        (before < inner.max_waiting).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Gives a permit back when it is dropped, also by a panic.
struct GiveBack<'a>(&'a Semaphore);

impl Drop for GiveBack<'_> {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment, Flags, Profile, Purpose};

    fn hasher() -> Hasher {
        let config = Config::load(&Environment::new(), &Flags::new(), Some(Profile::Test), Purpose::Serve);
        Hasher::new(&config.expect("a configuration").auth).expect("a hasher")
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_told_from_another() {
        let hasher = hasher();
        let hash = hasher.hash(secret("pass123")).await.expect("a hash");
        assert!(hash.expose().starts_with("$argon2id$"), "argon2id");
        assert_eq!(hasher.verify(secret("pass123"), Some(hash.clone())).await.expect("a verdict"), Verdict::Right);
        assert_eq!(hasher.verify(secret("pass124"), Some(hash)).await.expect("a verdict"), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_the_original_is_verified_and_renewed() {
        let hasher = hasher();
        for version in ["2a", "2b", "2y"] {
            let old = bcrypt::hash("pass123", 4).expect("a hash").replacen("2b", version, 1);
            let verdict = hasher.verify(secret("pass123"), Some(secret(&old))).await.expect("a verdict");
            let Verdict::RightAndRenewed(new) = verdict else { panic!("{version}: {verdict:?}") };
            assert_eq!(hasher.verify(secret("pass123"), Some(new)).await.expect("a verdict"), Verdict::Right);
            assert_eq!(hasher.verify(secret("other"), Some(secret(&old))).await.expect("a verdict"), Verdict::Wrong);
        }
    }

    #[tokio::test]
    async fn comparing_with_nobody_does_the_work_and_never_succeeds() {
        let hasher = hasher();
        // A hash that cannot be read would be refused at once, and give the unknown address away.
        assert!(PasswordHash::new(hasher.0.nobody.expose()).is_ok_and(|hash| hash.hash.is_some()));
        assert_eq!(hasher.verify(secret("pass123"), None).await.expect("a verdict"), Verdict::Wrong);
        let damaged = Some(secret("no hash at all"));
        assert_eq!(hasher.verify(secret("pass123"), damaged).await.expect("a verdict"), Verdict::Wrong);
    }
}
