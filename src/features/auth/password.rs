//! Password hashing, on a limited number of threads.

use std::net::IpAddr;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use sqlx::PgConnection;
use unicode_normalization::UnicodeNormalization as _;

use super::hash_kinds::{HashKind, HashKinds};
use super::keys::LimitKey;
use super::lanes::{HashingLanes, Lane, Permit, Ticket};
use crate::config::AuthConfig;
use crate::config::secret::Secret;
use crate::http::error::ApiError;

/// The bytes of a password that bcrypt uses; it ignores the rest.
const BCRYPT_SEES: usize = 72;

/// Computes and checks hashes: argon2id, and bcrypt for hashes from the original service.
#[derive(Clone)]
pub struct Hasher(Arc<HasherInner>);

struct HasherInner {
    argon2: Argon2<'static>,
    /// The kind of new hashes.
    today: HashKind,
    kinds: HashKinds,
    lanes: HashingLanes,
}

/// The result of comparing a password with a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The password is wrong.
    Wrong,
    /// The password is right.
    Right,
    /// The password is right, and its hash is of an older kind: this is the new one.
    RightAndRenewed(Secret<String>),
}

impl Hasher {
    /// A hasher with the configured costs.
    ///
    /// # Errors
    /// argon2 refuses the costs.
    pub fn new(config: &AuthConfig) -> anyhow::Result<Self> {
        let (memory, passes) = (config.argon2_memory_kib, config.argon2_iterations);
        let params = Params::new(memory, passes, 1, None)
            .map_err(|error| anyhow::anyhow!("argon2 refuses the costs of [auth]: {error}"))?;
        Ok(Self(Arc::new(HasherInner {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            today: HashKind::Argon2(format!("argon2id$v=19$m={memory},t={passes},p=1")),
            kinds: HashKinds::default(),
            lanes: HashingLanes::new(config.hashing_threads, config.max_waiting_hashes),
        })))
    }

    /// Counts a request that will hash a password, until the ticket is dropped.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] if its network has too many such requests.
    pub fn ticket(&self, network: IpAddr, account: Option<LimitKey>) -> Result<Ticket, ApiError> {
        self.0.lanes.ticket(network, account)
    }

    /// Hashes a password on this thread, without waiting for a turn; for commands.
    ///
    /// # Errors
    /// argon2 fails, which happens only if there is no memory.
    pub fn hash_alone(&self, password: &Secret<String>) -> anyhow::Result<Secret<String>> {
        self.0.hash(password.expose())
    }

    /// Hashes a new password, unless `judge` returns a problem; it runs on the hashing thread.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] if the queue is full; [`ApiError::Validation`] with the problem.
    pub async fn hash<J>(&self, ticket: &Ticket, password: Secret<String>, judge: J) -> Result<Secret<String>, ApiError>
    where
        J: FnOnce(&str) -> Option<String> + Send + 'static,
    {
        let permit = ticket.turn(Lane::Rest).await?;
        self.run(permit, move |inner| {
            if let Some(problem) = judge(password.expose()) {
                return Err(ApiError::Validation(vec![problem]));
            }
            inner.hash(password.expose()).map_err(ApiError::internal)
        })
        .await?
    }

    /// Waits until a password may be compared.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] if the queue is full.
    pub async fn turn(&self, ticket: &Ticket, lane: Lane) -> Result<Permit, ApiError> {
        ticket.turn(lane).await
    }

    /// The kinds of hashes that accounts have, for [`verify`](Self::verify).
    pub async fn kinds(&self, connection: &mut PgConnection) -> Result<Vec<HashKind>, ApiError> {
        self.0.kinds.read(connection).await
    }

    /// Compares a password with the hash of an account. If it is wrong, or there is no account, a hash of every kind in use is
    /// computed, so that the time reveals nothing.
    ///
    /// # Errors
    /// The thread panicked.
    pub async fn verify(
        &self,
        permit: Permit,
        password: Secret<String>,
        hash: Option<Secret<String>>,
        kinds: Vec<HashKind>,
    ) -> Result<Verdict, ApiError> {
        self.run(permit, move |inner| {
            inner.compare(password.expose(), hash.as_ref().map(|hash| hash.expose().as_str()), &kinds).0
        })
        .await
    }

    async fn run<T, W>(&self, permit: Permit, work: W) -> Result<T, ApiError>
    where
        T: Send + 'static,
        W: FnOnce(&HasherInner) -> T + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            // Held until the work ends: the request may be dropped long before.
            let _permit = permit;
            work(&inner)
        })
        .await
        .map_err(ApiError::internal)
    }
}

impl HasherInner {
    /// The verdict, and the kinds of hashes that were computed for it.
    ///
    /// A password is compared as it was typed, because older hashes were computed from that, and then in its composed form. Whether
    /// there are two comparisons depends on the password alone, not on the account.
    fn compare(&self, password: &str, hash: Option<&str>, kinds: &[HashKind]) -> (Verdict, Vec<HashKind>) {
        let composed = composed(password);
        let mut done = Vec::new();
        for form in [Some(password), Some(composed.as_str()).filter(|form| *form != password)].into_iter().flatten() {
            let (verdict, more) = self.compare_one(form, hash, kinds);
            done.extend(more);
            if verdict != Verdict::Wrong {
                return (verdict, done);
            }
        }
        (Verdict::Wrong, done)
    }

    fn compare_one(&self, password: &str, hash: Option<&str>, kinds: &[HashKind]) -> (Verdict, Vec<HashKind>) {
        let mut done = Vec::new();
        let own = hash.and_then(|hash| HashKind::of(hash).map(|kind| (hash, kind)));
        if let Some((hash, kind)) = own {
            done.push(kind.clone());
            if matches(&self.argon2, password, hash) {
                // bcrypt checked only the beginning of a longer password. The rest may be mistyped, and must not become the password.
                let proven = !matches!(kind, HashKind::Bcrypt(_)) || password.len() <= BCRYPT_SEES;
                let of_today = kind == self.today && composed(password) == password;
                if of_today || !proven {
                    return (Verdict::Right, done);
                }
                return (self.hash(password).map_or(Verdict::Right, Verdict::RightAndRenewed), done);
            }
        }
        for kind in std::iter::once(&self.today).chain(kinds) {
            if done.contains(kind) {
                continue;
            }
            if let Some(hash) = kind.of_nobody() {
                // A valid hash of no password: the comparison costs the same and never succeeds.
                let _ = matches(&self.argon2, password, &hash);
                done.push(kind.clone());
            }
        }
        (Verdict::Wrong, done)
    }

    fn hash(&self, password: &str) -> anyhow::Result<Secret<String>> {
        let hash = self
            .argon2
            .hash_password(composed(password).as_bytes())
            .map_err(|error| anyhow::anyhow!("argon2 failed: {error}"))?;
        Ok(Secret::new(hash.to_string()))
    }
}

/// The form of a password that is hashed: some systems enter `é` as one character, others as two.
pub(super) fn composed(password: &str) -> String {
    password.nfc().collect()
}

/// Compares a password with a hash of any kind. An unreadable hash matches no password.
fn matches(argon2: &Argon2<'_>, password: &str, hash: &str) -> bool {
    match HashKind::of(hash) {
        // bcrypt uses the first 72 bytes, as in the original service.
        Some(HashKind::Bcrypt(_)) => bcrypt::verify(password, hash).unwrap_or(false),
        // The costs are those in the hash.
        Some(HashKind::Argon2(_)) => {
            PasswordHash::new(hash).is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigPurpose, Environment, Flags, Profile};

    const PASSWORD: &str = "pass123";

    fn hasher(passes: &str) -> Hasher {
        let environment = Environment::from([("APP_AUTH__ARGON2_ITERATIONS".to_owned(), passes.to_owned())]);
        let config = Config::load(&environment, &Flags::new(), Some(Profile::Test), ConfigPurpose::Serve);
        Hasher::new(&config.expect("a configuration").auth).expect("a hasher")
    }

    fn argon2(passes: &str) -> String {
        hasher(passes).0.hash(PASSWORD).expect("a hash").expose().clone()
    }

    fn bcrypt_hash(password: &str) -> String {
        bcrypt::hash(password, 4).expect("a hash")
    }

    #[test]
    fn a_password_is_told_from_another() {
        let (hasher, hash) = (hasher("1"), argon2("1"));
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert_eq!(hasher.0.compare(PASSWORD, Some(&hash), &[]).0, Verdict::Right);
        assert_eq!(hasher.0.compare("pass124", Some(&hash), &[]).0, Verdict::Wrong);
        assert_eq!(hasher.0.compare(PASSWORD, None, &[]).0, Verdict::Wrong);
        assert_eq!(hasher.0.compare(PASSWORD, Some("no hash at all"), &[]).0, Verdict::Wrong);
    }

    #[test]
    fn a_password_is_the_same_however_its_accents_are_typed() {
        const ONE: &str = "caf\u{e9}-au-lait";
        const TWO: &str = "cafe\u{301}-au-lait";
        let hasher = hasher("1");
        for typed in [ONE, TWO] {
            let hash = hasher.0.hash(typed).expect("a hash");
            assert_eq!(hasher.0.compare(ONE, Some(hash.expose()), &[]).0, Verdict::Right);
            assert_eq!(hasher.0.compare(TWO, Some(hash.expose()), &[]).0, Verdict::Right);
        }
        // An older hash of the two-character form: at first only that form is right, after the renewal both are.
        let old = hasher.0.argon2.hash_password(TWO.as_bytes()).expect("a hash").to_string();
        assert_eq!(hasher.0.compare(ONE, Some(&old), &[]).0, Verdict::Wrong);
        let (Verdict::RightAndRenewed(new), _) = hasher.0.compare(TWO, Some(&old), &[]) else {
            panic!("right as typed")
        };
        assert_eq!(hasher.0.compare(ONE, Some(new.expose()), &[]).0, Verdict::Right);
        // The work depends on the typed password, not on the existence of the account.
        let (_, of_nobody) = hasher.0.compare(TWO, None, &[]);
        let (_, of_somebody) = hasher.0.compare(TWO, Some(&argon2("1")), &[]);
        assert_eq!((of_nobody.len(), of_nobody), (2, of_somebody));
    }

    #[test]
    fn a_hash_that_is_not_of_todays_kind_is_renewed_by_the_right_password_alone() {
        let hasher = hasher("1");
        let versions = ["2a", "2b", "2y"].map(|version| bcrypt_hash(PASSWORD).replacen("2b", version, 1));
        for old in versions.into_iter().chain([argon2("2")]) {
            let (verdict, _) = hasher.0.compare(PASSWORD, Some(&old), &[]);
            let Verdict::RightAndRenewed(new) = verdict else { panic!("{old}: {verdict:?}") };
            assert_eq!(HashKind::of(new.expose()).as_ref(), Some(&hasher.0.today));
            assert_eq!(hasher.0.compare(PASSWORD, Some(new.expose()), &[]).0, Verdict::Right);
            assert_eq!(hasher.0.compare("other", Some(&old), &[]).0, Verdict::Wrong);
        }
    }

    #[test]
    fn a_password_of_which_bcrypt_saw_the_beginning_only_is_right_and_never_kept() {
        let hasher = hasher("1");
        for beginning in ["x".repeat(72), "ก".repeat(24)] {
            let old = bcrypt_hash(&format!("{beginning}, and on"));
            for password in [format!("{beginning}, and on"), format!("{beginning}, mistyped")] {
                assert_eq!(hasher.0.compare(&password, Some(&old), &[]).0, Verdict::Right);
            }
            let whole = bcrypt_hash(&beginning);
            assert!(matches!(hasher.0.compare(&beginning, Some(&whole), &[]).0, Verdict::RightAndRenewed(_)));
        }
    }

    #[test]
    fn a_wrong_password_costs_the_same_whatever_the_account_has_and_whether_there_is_one() {
        let hasher = hasher("1");
        let kinds = [argon2("2"), argon2("3"), bcrypt_hash(PASSWORD)].map(|hash| HashKind::of(&hash).expect("a kind"));
        let work = |hash: Option<&str>, kinds: &[HashKind]| {
            let (verdict, mut done) = hasher.0.compare("wrong", hash, kinds);
            assert_eq!(verdict, Verdict::Wrong);
            done.sort_unstable();
            done
        };
        let of_nobody = work(None, &kinds);
        assert_eq!(of_nobody.len(), 4, "{of_nobody:?}");
        for hash in [argon2("1"), argon2("2"), argon2("3"), bcrypt_hash(PASSWORD)] {
            assert_eq!(work(Some(&hash), &kinds), of_nobody, "{hash}");
        }
        assert_eq!(work(Some("no hash at all"), &kinds), of_nobody);
        assert_eq!(work(None, &[]).as_slice(), std::slice::from_ref(&hasher.0.today));
    }

    #[test]
    fn comparing_with_nobody_is_real_work() {
        // An unreadable hash would fail at once, which would reveal that the address is unknown.
        for kind in [argon2("1"), argon2("2"), bcrypt_hash(PASSWORD)].map(|hash| HashKind::of(&hash).expect("a kind")) {
            let hash = kind.of_nobody().expect("a hash");
            match kind {
                HashKind::Bcrypt(_) => assert!(bcrypt::verify(PASSWORD, &hash).is_ok_and(|right| !right), "{hash}"),
                HashKind::Argon2(_) => {
                    let parsed = PasswordHash::new(&hash).expect("readable");
                    let error = hasher("1").0.argon2.verify_password(PASSWORD.as_bytes(), &parsed).expect_err("wrong");
                    assert_eq!(error, argon2::password_hash::Error::PasswordInvalid, "{hash}");
                }
            }
        }
    }
}
