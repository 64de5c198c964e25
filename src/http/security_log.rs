//! Security events in the log: target `app::security`, a line an event. docs/security-log.md tells administrators of each;
//! a test holds the page against this list. No line has an e-mail address, a password or a token.

use std::net::IpAddr;

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityEvent {
    /// Somebody signed in.
    SignInSucceeded,
    /// A sign-in failed.
    SignInFailed {
        /// The address has no account, so that it was not the password.
        unknown_account: bool,
    },
    /// A sign-in was refused because of earlier failures; told once a minute for each address.
    SignInLimited,
    /// Somebody registered.
    Registered,
    /// Registration is closed, or the invitation was not valid.
    RegistrationRefused,
    /// An address or an account asked for more than it may; told once a minute for each.
    RequestLimited,
    /// An invitation was made by a command.
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

    /// True for the ordinary case, which is told as INFO; everything else is told as WARN.
    const fn is_ordinary(self) -> bool {
        matches!(self, Self::SignInSucceeded | Self::Registered | Self::InviteMade | Self::InviteRevoked)
    }

    /// Writes the line, with the client's address and the account's id where they are known.
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
