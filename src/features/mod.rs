//! What the service does, a folder a feature. This is the one list of them.

pub mod auth;
pub mod categories;
pub mod history;
pub mod index;
pub mod named;
pub mod payees;
pub mod quotas;
pub mod reports;
pub mod tags;
pub mod transactions;
pub mod users;

use axum::Router;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

use crate::app::AppState;
use crate::http::openapi;

/// What the document says of each group of routes, in the order in which they are shown.
const TAGS: &[(&str, &str)] = &[
    ("auth", "Registering, logging in, and who is signed in. Begin here: everything else asks for a token."),
    ("transactions", "Incomes and expenses: entering, listing, searching, changing one or many."),
    ("reports", "Sums of this month and of the one before."),
    ("categories", "What transactions are sorted by: a tree for incomes, and one for expenses."),
    ("tags", "Words that are put on transactions, any number on each."),
    ("payees", "Who was paid, or who paid."),
    ("history", "What was done, undoing it, and the trash."),
    ("index", "What this is, and that it works."),
];

/// All routes, and what makes the document about them, which takes more than all the rest of starting.
pub fn router() -> (Router<AppState>, impl FnOnce() -> Value) {
    let (router, document) = OpenApiRouter::with_openapi(openapi::base())
        .merge(auth::router())
        .merge(transactions::router())
        .merge(reports::router())
        .merge(categories::router())
        .merge(tags::router())
        .merge(payees::router())
        .merge(history::router())
        .merge(index::router())
        .split_for_parts();
    (router, || openapi::complete(document, TAGS))
}
