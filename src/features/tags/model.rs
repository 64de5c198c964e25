//! What a tag is, and what is asked of one that comes in.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::features::named::Place;
use crate::http::input::{Change, FromInput, Input, Name, keeps};
use crate::http::rules::Color;

/// The most characters of a tag's name.
pub const MAX_NAME: usize = 100;

/// A tag, as the API shows one.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// The id.
    #[schema(example = 5)]
    pub id: i64,
    /// The name, which no other has.
    #[schema(example = "holiday")]
    pub name: String,
    /// `#rrggbb`.
    #[schema(required = true, example = "#1f77b4")]
    pub color: Option<String>,
    /// When it was made.
    #[serde(serialize_with = "crate::http::envelope::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(serialize_with = "crate::http::envelope::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub updated_at: DateTime<Utc>,
    /// The transactions that have it; only in a list that was asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 42)]
    pub transaction_count: Option<i64>,
}

/// A tag to make.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = CreateTag)]
pub struct NewTag {
    /// The name.
    #[schema(example = "holiday")]
    pub name: String,
    /// `#rrggbb`.
    #[schema(example = "#1f77b4")]
    pub color: Option<String>,
}

impl FromInput for NewTag {
    fn from_input(input: &mut Input) -> Option<Self> {
        let name = input.required("name", Name { max: MAX_NAME });
        let color = input.optional("color", Color);
        Some(Self { name: name?, color: color? })
    }
}

/// A change of a tag: what is left out stays as it is.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = UpdateTag)]
pub struct TagEdit {
    /// The name, which changes everywhere.
    #[schema(example = "holiday 2026")]
    pub name: Option<String>,
    /// `#rrggbb`; `null` takes it away.
    #[schema(value_type = Option<String>, example = "#1f77b4")]
    pub color: Change<String>,
}

impl TagEdit {
    /// Tells if the tag is so already.
    #[must_use]
    pub fn changes_nothing(&self, current: &Tag) -> bool {
        keeps(self.name.as_ref(), &current.name) && self.color.keeps(current.color.as_ref())
    }
}

impl FromInput for TagEdit {
    fn from_input(input: &mut Input) -> Option<Self> {
        let name = input.if_present("name", Name { max: MAX_NAME });
        let color = input.clearable("color", Color);
        Some(Self { name: name?, color: color? })
    }
}

impl From<&Tag> for Place {
    fn from(tag: &Tag) -> Self {
        Self(tag.name.clone(), tag.id)
    }
}
