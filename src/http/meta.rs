//! The `meta` of every answer.

use serde::Serialize;
use utoipa::ToSchema;

use super::context::RequestContext;
use crate::domain::clock::rfc3339_millis;

/// Facts about the request: when it was answered, its path, its id.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// The time of the answer, RFC 3339 in UTC with milliseconds.
    #[schema(format = DateTime, example = "2026-02-16T09:30:00.000Z")]
    pub timestamp: String,
    /// The request's path with its query string.
    #[schema(example = "/api/transactions")]
    pub path: String,
    /// The request's id: the client's own `X-Request-Id`, or a made one.
    #[schema(example = "5f1d7e0a93bc4d22")]
    pub request_id: String,
    /// The page, where the answer is a page of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub page: Option<Page>,
    /// The operation that made the change, for `POST /api/operations/{id}/undo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 17)]
    pub operation_id: Option<i64>,
}

impl Meta {
    /// The `meta` of the request under way.
    #[must_use]
    pub fn current() -> Self {
        RequestContext::current().map_or_else(
            // Only code that runs outside of every request gets here.
            Self::default,
            |context| Self {
                timestamp: rfc3339_millis(context.now()),
                path: context.path().to_owned(),
                request_id: context.request_id().to_owned(),
                ..Self::default()
            },
        )
    }
}

/// The page of a list, as `meta` describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The most rows of the page.
    #[schema(example = 50)]
    pub limit: u16,
    /// The `cursor` of the next page; `null` on the last one.
    #[schema(required = true, example = "eyJkIjoibiIsImsiOlsiMTIwLjAwMDAiLDJdfYCvJ3bVSxnbhGZvC0WdZrs")]
    pub next_cursor: Option<String>,
    /// The `cursor` of the previous page; `null` on the first one.
    #[schema(required = true, example = json!(null))]
    pub prev_cursor: Option<String>,
}

/// Serializes an instant as the API writes it; for `serialize_with`.
///
/// # Errors
/// The serializer's.
pub fn instant<S: serde::Serializer>(
    instant: &chrono::DateTime<chrono::Utc>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339_millis(*instant))
}
