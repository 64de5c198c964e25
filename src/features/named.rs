//! What tags, payees and categories have in common: they go by a name, are listed with their use, and can be merged.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::error::breaks;
use crate::http::input::{FromInput, Input};
use crate::http::page::PageRequest;
use crate::http::rules::{Flag, IdNumber};

/// What is asked of a list by name.
#[derive(Debug, Clone)]
pub struct Listing {
    /// With their use.
    pub counts: bool,
    /// A page; all of them without.
    pub page: Option<PageRequest>,
}

impl FromInput for Listing {
    fn from_input(input: &mut Input) -> Option<Self> {
        let counts = input.optional("counts", Flag);
        let page = PageRequest::from_input(input);
        Some(Self { counts: counts?.unwrap_or(false), page: page? })
    }
}

/// What a list by name is sorted by: the name, then the id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place(pub String, pub i64);

/// Where something is merged into.
#[derive(Debug, Clone, Copy, ToSchema)]
pub struct Merge {
    /// The id of what stays.
    #[schema(example = 7)]
    pub into: i64,
}

impl FromInput for Merge {
    fn from_input(input: &mut Input) -> Option<Self> {
        let into = input.required("into", IdNumber);
        Some(Self { into: into? })
    }
}

/// Another one has the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameTaken;

/// Tells that the name is taken from what else can go wrong; `key` is the constraint that says so.
///
/// # Errors
/// Everything else.
pub fn unless_taken<T>(result: Result<T, sqlx::Error>, key: &str) -> Result<Result<T, NameTaken>, sqlx::Error> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) if breaks(&error, key) => Ok(Err(NameTaken)),
        Err(error) => Err(error),
    }
}
