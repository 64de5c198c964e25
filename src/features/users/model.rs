//! What a user is.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::currency::Currency;

/// A user, as the API shows one.
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
    /// When the account was made.
    #[serde(serialize_with = "crate::http::meta::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(serialize_with = "crate::http::meta::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub updated_at: DateTime<Utc>,
}

/// What a user's money and days are counted in.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// What an amount is in when nothing else is said.
    pub currency: Currency,
    /// Where "today" and "this month" are worked out.
    pub time_zone: Tz,
}
