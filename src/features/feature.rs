//! The description of a feature, for the one list of features.

use utoipa_axum::router::OpenApiRouter;

use super::history::recorded::RecordedTable;
use crate::state::AppState;

/// A feature: its routes, its tables, and its group in the document.
#[derive(Debug, Clone, Copy)]
pub struct Feature {
    /// The group of its routes in the document.
    pub tag: &'static str,
    /// The description of that group.
    pub about: &'static str,
    /// Makes its routes.
    pub router: fn() -> OpenApiRouter<AppState>,
    /// The tables whose changes are recorded, so that they can be undone.
    pub recorded: &'static [&'static RecordedTable],
    /// The other tables.
    pub tables: &'static [&'static str],
    /// Returns the codes of failures that it adds to [`CODES`](crate::http::error::CODES).
    pub codes: fn() -> Vec<&'static str>,
}

impl Feature {
    /// A feature without routes and tables, to begin a description with.
    pub const EMPTY: Self =
        Self { tag: "", about: "", router: OpenApiRouter::new, recorded: &[], tables: &[], codes: Vec::new };
}
