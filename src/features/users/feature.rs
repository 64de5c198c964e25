//! The description of users.

use crate::features::feature::Feature;

/// The feature, which has no routes.
pub const FEATURE: Feature = Feature { tag: "users", tables: &["users"], ..Feature::EMPTY };
