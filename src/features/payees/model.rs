//! The types of a payee.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::presence::{Required, Settable};
use crate::http::rules::Name;
use crate::new_and_edit;

/// The rule of a payee's name.
pub type PayeeName = Name<200>;

/// A payee.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Payee {
    /// The id.
    #[schema(example = 5)]
    pub id: i64,
    /// The name, which is unique.
    #[schema(example = "7-Eleven")]
    pub name: String,
    /// The time of its creation.
    #[serde(serialize_with = "crate::http::meta::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub created_at: DateTime<Utc>,
    /// The time of its last change.
    #[serde(serialize_with = "crate::http::meta::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub updated_at: DateTime<Utc>,
    /// The number of transactions that have it; only in lists with `counts=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 42)]
    pub transaction_count: Option<i64>,
}

new_and_edit! {
    /// A payee to create.
    #[derive(Debug, Clone, PartialEq)]
    pub struct NewPayee as "CreatePayee"

    /// An update of a payee: fields that are left out stay as they are.
    #[derive(Debug, Clone)]
    pub struct PayeeEdit as "UpdatePayee"

    {
        /// The name. A new one appears on all transactions.
        name: PayeeName as Required | Settable = "7-Eleven" => "7-Eleven Asok",
    }
}
