//! The types of a user.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::currency::Currency;

/// A user.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The id.
    #[schema(example = 1)]
    pub id: i64,
    /// The address, in lower case.
    #[schema(example = "test@example.com")]
    pub email: String,
    /// The name, if one was given.
    #[schema(required = true, example = "Test User")]
    pub name: Option<String>,
    /// The time of the registration.
    #[serde(serialize_with = "crate::http::meta::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub created_at: DateTime<Utc>,
    /// The time of the last change.
    #[serde(serialize_with = "crate::http::meta::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub updated_at: DateTime<Utc>,
}

/// The currency and the time zone of a user.
#[derive(Debug, Clone, Copy)]
pub struct UserSettings {
    /// The currency of amounts without one.
    pub currency: Currency,
    /// The time zone of "today" and "this month".
    pub time_zone: Tz,
}
