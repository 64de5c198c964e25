//! `ETag`: a hash of the answered data, so that equal tags mean equal answers, from every replica.

use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};

/// The tag of an answer with this `data`.
#[must_use]
pub fn of(data: &[u8]) -> String {
    let digest = Sha256::digest(data);
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// Tells if a header names this tag, or `*`; `None` without the header.
#[must_use]
pub fn matches(headers: &HeaderMap, name: HeaderName, tag: &str) -> Option<bool> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    Some(values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).any(|given| {
        let given = given.trim();
        given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag
    }))
}
