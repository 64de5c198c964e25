//! Pages of lists: a limit, and a cursor that says where the page before it ended.
//!
//! A cursor is the key of a row, so that the next page begins behind that row however many rows there are before it and
//! whatever has come and gone since. It is signed together with what was asked for: one that was changed, or that belongs to
//! another list, another filter or another user, is refused.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;
use utoipa::ToSchema;

use super::error::ApiError;
use super::input::{Input, Rule, Text};

/// Rows of a page when only a cursor is given.
const DEFAULT_LIMIT: u16 = 50;

/// The most rows of a page.
const MAX_LIMIT: u16 = 500;

/// Bytes of the signature.
const MAC_BYTES: usize = 16;

/// The page that is asked for.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// Rows of the page, from 1 to 500.
    pub limit: u16,
    cursor: Option<String>,
}

/// Which way a page is read from its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// To the page behind it.
    #[serde(rename = "n")]
    Next,
    /// To the page before it.
    #[serde(rename = "p")]
    Previous,
}

/// Where a page begins: behind, or before, the row with this key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Position<K> {
    /// Which way it is read.
    #[serde(rename = "d")]
    pub direction: Direction,
    /// What the rows are sorted by, of the row beside the page.
    #[serde(rename = "k")]
    pub key: K,
}

/// What `meta` says of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The most rows it may have.
    #[schema(example = 50)]
    pub limit: u16,
    /// The `cursor` of the page behind it; `null` where there is none.
    pub next_cursor: Option<String>,
    /// The `cursor` of the page before it; `null` where there is none.
    pub prev_cursor: Option<String>,
}

impl PageRequest {
    /// Takes `limit` and `cursor` from a query; the inner `None` if neither is there.
    pub fn from_input(input: &mut Input) -> Option<Option<Self>> {
        let limit = input.optional("limit", Limit);
        let cursor = input.optional("cursor", Text { max: 2000 });
        let (limit, cursor) = (limit?, cursor?);
        if limit.is_none() && cursor.is_none() {
            return Some(None);
        }
        Some(Some(Self { limit: limit.unwrap_or(DEFAULT_LIMIT), cursor }))
    }

    /// What the query of a page asks the database for: a row more than it has shows whether there is another page.
    #[must_use]
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

/// A whole number from 1 to 500.
struct Limit;

impl Rule for Limit {
    type Output = u16;

    fn read(&self, value: Value) -> Result<u16, Vec<String>> {
        let number = value.as_str().and_then(|text| text.parse::<u64>().ok());
        match number {
            None => Err(vec!["must be an integer number".to_owned()]),
            Some(0) => Err(vec!["must not be less than 1".to_owned()]),
            Some(number) => u16::try_from(number)
                .ok()
                .filter(|limit| *limit <= MAX_LIMIT)
                .ok_or_else(|| vec![format!("must not be greater than {MAX_LIMIT}")]),
        }
    }
}

/// Makes and reads cursors.
#[derive(Clone)]
pub struct Cursors {
    mac: Hmac<Sha256>,
}

impl Cursors {
    /// Cursors signed with a key that is made from `secret` and serves nothing else.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub fn new(secret: &str) -> Self {
        let mut derived = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
        derived.update(b"cursors of pages");
        Self { mac: Hmac::new_from_slice(&derived.finalize().into_bytes()).expect("a key") }
    }

    /// The position that a page begins at; `None` for the first one. `scope` is everything that was asked for.
    ///
    /// # Errors
    /// [`ApiError::Validation`] if the cursor was not made for this.
    pub fn open<K: DeserializeOwned>(&self, page: &PageRequest, scope: &str) -> Result<Option<Position<K>>, ApiError> {
        let Some(cursor) = &page.cursor else { return Ok(None) };
        let position = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| {
            let (payload, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
            self.signing(payload, scope).verify_truncated_left(mac).ok()?;
            serde_json::from_slice(payload).ok()
        });
        position.map(Some).ok_or_else(|| {
            ApiError::Validation(vec!["cursor must be one that was answered for the same list and filters".to_owned()])
        })
    }

    fn seal<K: Serialize>(&self, scope: &str, position: &Position<K>) -> Result<String, ApiError> {
        let mut bytes = serde_json::to_vec(position).map_err(ApiError::internal)?;
        let mac = self.signing(&bytes, scope).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    fn signing(&self, payload: &[u8], scope: &str) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(payload);
        mac.update(&[0]);
        mac.update(scope.as_bytes());
        mac
    }

    /// Makes a page of rows that were read from a position on, in the direction of reading and one more than the limit if
    /// there are so many.
    ///
    /// # Errors
    /// Only if a key cannot be written as JSON.
    pub fn page<T, K: Serialize>(
        &self,
        page: &PageRequest,
        scope: &str,
        from: Option<Direction>,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> K,
    ) -> Result<(Vec<T>, Page), ApiError> {
        let more = rows.len() > usize::from(page.limit);
        rows.truncate(usize::from(page.limit));
        if from == Some(Direction::Previous) {
            rows.reverse();
        }
        let (has_previous, has_next) = match from {
            None => (false, more),
            Some(Direction::Next) => (true, more),
            Some(Direction::Previous) => (more, true),
        };
        let cursor = |row: Option<&T>, direction, there| match row.filter(|_| there) {
            Some(row) => self.seal(scope, &Position { direction, key: key(row) }).map(Some),
            None => Ok(None),
        };
        let next_cursor = cursor(rows.last(), Direction::Next, has_next)?;
        let prev_cursor = cursor(rows.first(), Direction::Previous, has_previous)?;
        Ok((rows, Page { limit: page.limit, next_cursor, prev_cursor }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(limit: u16, cursor: Option<String>) -> PageRequest {
        PageRequest { limit, cursor }
    }

    #[test]
    fn a_cursor_is_good_for_what_it_was_made_for_and_nothing_else() {
        let cursors = Cursors::new("secret");
        let (rows, page) = cursors.page(&request(2, None), "1 list", None, vec![3, 2, 1], |row| *row).expect("a page");
        assert_eq!(rows, [3, 2]);
        assert_eq!(page.prev_cursor, None);
        let cursor = page.next_cursor.expect("more");
        let position: Position<i32> =
            cursors.open(&request(2, Some(cursor.clone())), "1 list").expect("ours").expect("a position");
        assert_eq!((position.direction, position.key), (Direction::Next, 2));
        for (cursors, cursor, scope) in [
            (&cursors, cursor.clone(), "2 list"),
            (&Cursors::new("other"), cursor.clone(), "1 list"),
            (&cursors, format!("{cursor}AAAA"), "1 list"),
            (&cursors, cursor[1..].to_owned(), "1 list"),
            (&cursors, String::new(), "1 list"),
            (&cursors, "§".to_owned(), "1 list"),
        ] {
            assert!(cursors.open::<i32>(&request(2, Some(cursor)), scope).is_err());
        }
    }

    #[test]
    fn a_page_before_another_is_turned_round() {
        let cursors = Cursors::new("secret");
        let from = Some(Direction::Previous);
        let (rows, page) = cursors.page(&request(2, None), "", from, vec![4, 5, 6], |row| *row).expect("a page");
        assert_eq!(rows, [5, 4]);
        assert!(page.next_cursor.is_some() && page.prev_cursor.is_some());
        let (rows, page) = cursors.page(&request(2, None), "", from, vec![6], |row| *row).expect("a page");
        assert_eq!((rows, page.prev_cursor), (vec![6], None));
    }
}
