//! `[migrations]`: what the server does with pending ones when it starts.

use std::time::Duration;

use super::reader::{Reader, Setting};

/// The migrations.
#[derive(Debug, Clone)]
pub struct MigrationsConfig {
    /// What the server does with pending migrations when it starts.
    pub on_boot: OnBoot,
    /// How long to wait for another process that is migrating.
    pub lock_timeout: Duration,
}

/// What the server does with pending migrations when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBoot {
    /// It applies them, then serves.
    Apply,
    /// It applies nothing, and answers 503 until another process has.
    Check,
}

impl Setting for OnBoot {
    fn read(text: &str) -> Option<Self> {
        match text {
            "apply" => Some(Self::Apply),
            "check" => Some(Self::Check),
            _ => None,
        }
    }
}

impl MigrationsConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let on_boot = reader.required("migrations.on_boot", "`apply` or `check`");
        let lock_timeout = reader.required("migrations.lock_timeout", "a duration such as 10s");
        Some(Self { on_boot: on_boot?, lock_timeout: lock_timeout? })
    }
}
