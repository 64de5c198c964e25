//! The features of the service, a folder each, and the one list of them.

pub mod auth;
pub mod categories;
pub mod feature;
pub mod history;
pub mod index;
pub mod payees;
pub mod quotas;
pub mod reader;
pub mod reports;
pub mod resource;
pub mod tags;
pub mod transactions;
pub mod users;

use axum::Router;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

use self::feature::Feature;
use self::history::recorded::RecordedTables;
use crate::http::openapi;
use crate::state::AppState;

/// All features, in the order in which the document shows them.
const FEATURES: &[&Feature] = &[
    &auth::FEATURE,
    &transactions::FEATURE,
    &reports::FEATURE,
    &categories::FEATURE,
    &tags::FEATURE,
    &payees::FEATURE,
    &history::FEATURE,
    &index::FEATURE,
    &users::FEATURE,
    &quotas::FEATURE,
];

/// All routes, and a function that makes the document, which takes longer than everything else at the start.
pub fn router() -> (Router<AppState>, impl FnOnce() -> Value) {
    let merged = OpenApiRouter::with_openapi(openapi::base());
    let merged = FEATURES.iter().fold(merged, |merged, feature| merged.merge((feature.router)()));
    let (router, document) = merged.split_for_parts();
    (router, || {
        let groups: Vec<(&str, &str)> = FEATURES
            .iter()
            .filter(|feature| !feature.about.is_empty())
            .map(|feature| (feature.tag, feature.about))
            .collect();
        let codes: Vec<&'static str> = FEATURES.iter().flat_map(|feature| (feature.codes)()).collect();
        openapi::complete(document, &groups, &codes)
    })
}

/// The tables whose changes are recorded, in the order in which rows can be restored.
#[must_use]
pub fn tables() -> RecordedTables {
    RecordedTables::new(FEATURES.iter().flat_map(|feature| feature.recorded.iter().copied()))
}

/// Every table that belongs to a feature, with the name of the feature.
#[must_use]
pub fn owners() -> Vec<(&'static str, &'static str)> {
    let tables = |feature: &'static Feature| {
        let recorded = feature.recorded.iter().map(|table| table.name);
        recorded.chain(feature.tables.iter().copied()).map(|table| (table, feature.tag))
    };
    FEATURES.iter().copied().flat_map(tables).collect()
}
