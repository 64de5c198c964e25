//! Security events in the log, with the target `app::security`. docs/security-log.md describes each event; a test
//! compares it with this list. No event contains an e-mail address, a password or a token.

use std::net::IpAddr;

/// A security event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityEvent {
    /// A user signed in.
    SignInSucceeded,
    /// A sign-in failed.
    SignInFailed {
        /// The e-mail address has no account, so that the password was not the problem.
        unknown_account: bool,
    },
    /// A sign-in was refused because of earlier failures. Logged at most once a minute per address.
    SignInLimited,
    /// A user registered.
    Registered,
    /// Registration was refused: it is closed, or the invitation was not valid.
    RegistrationRefused,
    /// A client exceeded its rate limit. Logged at most once a minute per client.
    RequestLimited,
    /// An invitation was created by a command.
    InviteMade,
    /// An invitation was revoked by a command.
    InviteRevoked,
}

impl SecurityEvent {
    /// The names of all events.
    pub const NAMES: &[&str] = &[
        "sign_in_succeeded",
        "sign_in_failed",
        "sign_in_limited",
        "registered",
        "registration_refused",
        "request_limited",
        "invite_made",
        "invite_revoked",
    ];

    /// The name in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignInSucceeded => "sign_in_succeeded",
            Self::SignInFailed { .. } => "sign_in_failed",
            Self::SignInLimited => "sign_in_limited",
            Self::Registered => "registered",
            Self::RegistrationRefused => "registration_refused",
            Self::RequestLimited => "request_limited",
            Self::InviteMade => "invite_made",
            Self::InviteRevoked => "invite_revoked",
        }
    }

    const fn reason(self) -> Option<&'static str> {
        match self {
            Self::SignInFailed { unknown_account: true } => Some("unknown_account"),
            Self::SignInFailed { unknown_account: false } => Some("wrong_password"),
            _ => None,
        }
    }

    /// True for ordinary events, which are logged as INFO; all others are logged as WARN.
    const fn is_ordinary(self) -> bool {
        matches!(self, Self::SignInSucceeded | Self::Registered | Self::InviteMade | Self::InviteRevoked)
    }

    /// Logs the event, with the client address and the account id if they are known.
    pub fn log(self, client: Option<IpAddr>, user: Option<i64>) {
        let (event, reason) = (self.name(), self.reason());
        let client = client.map(tracing::field::display);
        if self.is_ordinary() {
            tracing::info!(target: "app::security", event, client, user, reason, "security event");
        } else {
            tracing::warn!(target: "app::security", event, client, user, reason, "security event");
        }
    }
}
