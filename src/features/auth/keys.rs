//! Names for networks and accounts in tables that hold neither: keyed hashes, which tell nothing without the key.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::http::client_address::block_of;

/// A keyed hash of a limit and whom it counts.
pub type LimitKey = [u8; 16];

/// Makes the names. Their key comes from the secret that tokens are signed with; with another secret, what was counted and
/// which devices are known is forgotten.
#[derive(Clone)]
pub struct SignInKeys(Hmac<Sha256>);

impl SignInKeys {
    /// Names by a key that is made from `secret` and serves nothing else.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub fn new(secret: &str) -> Self {
        let mut derived = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
        derived.update(b"names of networks and accounts");
        Self(Hmac::new_from_slice(&derived.finalize().into_bytes()).expect("a key"))
    }

    /// An account, by its address in lower case, whether there is one or not.
    pub(super) fn account(&self, email: &str) -> LimitKey {
        self.name("account", &[email.as_bytes()])
    }

    pub(super) fn network(&self, network: IpAddr) -> LimitKey {
        self.name("network", &[network.to_string().as_bytes()])
    }

    /// The block of networks that one is in.
    pub(super) fn block(&self, network: IpAddr) -> LimitKey {
        self.name("block", &[block_of(network).to_string().as_bytes()])
    }

    /// A network that tries an account.
    pub(super) fn pair(&self, network: IpAddr, email: &str) -> LimitKey {
        self.name("pair", &[network.to_string().as_bytes(), email.as_bytes()])
    }

    /// A network that has failed on an account within the period.
    pub(super) fn lately(&self, network: IpAddr, email: &str) -> LimitKey {
        self.name("lately", &[network.to_string().as_bytes(), email.as_bytes()])
    }

    /// A network that a user signed in from; another name for each user, so that the table does not show who lives together.
    pub(super) fn device(&self, user_id: i64, network: IpAddr) -> LimitKey {
        self.name("device", &[&user_id.to_be_bytes(), network.to_string().as_bytes()])
    }

    fn name(&self, kind: &str, parts: &[&[u8]]) -> LimitKey {
        let mut mac = self.0.clone();
        mac.update(kind.as_bytes());
        for part in parts {
            // With its length before it, no two lists of parts are the same bytes.
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        let mut key = LimitKey::default();
        key.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_by_what_they_name_and_by_the_secret() {
        let (keys, other) = (SignInKeys::new("one secret"), SignInKeys::new("another secret"));
        let network = IpAddr::from([203, 0, 113, 1]);
        let mut names = vec![
            keys.account("a@example.com"),
            keys.account("b@example.com"),
            keys.network(network),
            keys.block(network),
            keys.pair(network, "a@example.com"),
            keys.pair(network, "b@example.com"),
            keys.lately(network, "a@example.com"),
            keys.device(1, network),
            keys.device(2, network),
            other.account("a@example.com"),
            other.network(network),
        ];
        assert_eq!(names[0], keys.account("a@example.com"));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 11);
    }
}
