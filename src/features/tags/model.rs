//! The types of a tag.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::presence::{Clearable, Optional, Required, Settable};
use crate::http::rules::{Color, Name};
use crate::new_and_edit;

/// The rule of a tag's name.
pub type TagName = Name<100>;

/// A tag.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// The id.
    #[schema(example = 5)]
    pub id: i64,
    /// The name, which is unique.
    #[schema(example = "holiday")]
    pub name: String,
    /// The colour, as `#rrggbb`.
    #[schema(required = true, example = "#1f77b4")]
    pub color: Option<String>,
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
    /// A tag to create.
    #[derive(Debug, Clone, PartialEq)]
    pub struct NewTag as "CreateTag"

    /// An update of a tag: fields that are left out stay as they are.
    #[derive(Debug, Clone)]
    pub struct TagEdit as "UpdateTag"

    {
        /// The name. A new one appears on all transactions.
        name: TagName as Required | Settable = "holiday" => "holiday 2026",
        /// The colour, as `#rrggbb`.
        color: Color as Optional | Clearable = "#1f77b4",
    }
}
