//! Pages of lists, each with a limit and a cursor.
//!
//! A cursor is the sort key of a row, so that a page takes the same time wherever it begins, and rows that were added or deleted
//! meanwhile do not shift it. It is signed together with the user, the list and its filters; a cursor that was changed, or
//! that was made for another list, is refused.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use super::error::ApiError;
use super::input::{FieldRule, FromInput, Input};
use super::json::Json;
use super::meta::Page;
use super::presence::{Included, Optional};
use super::rules::Text;
use crate::fields;

/// Rows of a page when only a cursor is given.
const DEFAULT_LIMIT: u16 = 50;

/// The most rows of a page.
const MAX_LIMIT: u16 = 500;

/// Bytes of the signature.
const MAC_BYTES: usize = 16;

/// A request for a page.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// Rows of the page, from 1 to 500.
    pub limit: u16,
    cursor: Option<String>,
}

/// The direction in which a page is read from its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// The next page.
    #[serde(rename = "n")]
    Next,
    /// The previous page.
    #[serde(rename = "p")]
    Previous,
}

/// The beginning of a page: after, or before, the row with this key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Position<K> {
    /// The direction of reading.
    #[serde(rename = "d")]
    pub direction: Direction,
    /// The sort key of the row next to the page.
    #[serde(rename = "k")]
    pub key: K,
}

/// A part of a list: the row after which it begins, the direction of reading, and the most rows of it.
#[derive(Debug, Clone)]
pub struct Segment<K> {
    from: Option<Position<K>>,
    /// The most rows that are read.
    pub limit: i64,
}

impl<K> Segment<K> {
    /// The rows after the row with this key, in the order of the list; without a key, the first rows.
    #[must_use]
    pub fn behind(key: Option<K>, limit: i64) -> Self {
        Self { from: key.map(|key| Position { direction: Direction::Next, key }), limit }
    }

    /// The key of the row after which it begins, in the direction of reading; `None` for the first rows.
    #[must_use]
    pub fn key(&self) -> Option<&K> {
        self.from.as_ref().map(|from| &from.key)
    }

    /// Tells if it is read against the order of the list.
    #[must_use]
    pub fn is_backwards(&self) -> bool {
        self.from.as_ref().is_some_and(|from| from.direction == Direction::Previous)
    }

    /// The comparison with the key and the order, in SQL, of a list whose smallest row is the first.
    #[must_use]
    pub fn smallest_first(&self) -> (&'static str, &'static str) {
        if self.is_backwards() { ("<", "desc") } else { (">", "asc") }
    }

    /// Like [`Self::smallest_first`], of a list whose largest row is the first.
    #[must_use]
    pub fn largest_first(&self) -> (&'static str, &'static str) {
        if self.is_backwards() { (">", "asc") } else { ("<", "desc") }
    }
}

/// A page that is being read.
#[derive(Clone)]
pub struct Paging<'a, K> {
    cursors: &'a Cursors,
    limit: u16,
    scope: String,
    segment: Segment<K>,
}

impl<K> Paging<'_, K> {
    /// The rows to ask the database for: one more than the page has shows whether there is another page.
    #[must_use]
    pub const fn segment(&self) -> &Segment<K> {
        &self.segment
    }

    /// Makes the page of the rows that were fetched, in the direction of reading.
    ///
    /// # Errors
    /// Only if a key cannot be written as JSON.
    pub fn finish<T>(self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> Result<(Vec<T>, Page), ApiError>
    where
        K: Serialize,
    {
        let Self { cursors, limit, scope, segment } = self;
        let more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        if segment.is_backwards() {
            rows.reverse();
        }
        let (has_previous, has_next) = match segment.from.as_ref().map(|from| from.direction) {
            None => (false, more),
            Some(Direction::Next) => (true, more),
            Some(Direction::Previous) => (more, true),
        };
        let cursor = |row: Option<&T>, direction, there| match row.filter(|_| there) {
            Some(row) => cursors.seal(&scope, &Position { direction, key: key(row) }).map(Some),
            None => Ok(None),
        };
        let next_cursor = cursor(rows.last(), Direction::Next, has_next)?;
        let prev_cursor = cursor(rows.first(), Direction::Previous, has_previous)?;
        Ok((rows, Page { limit, next_cursor, prev_cursor }))
    }
}

fields! {
    /// The page of a list, as a query string asks for it.
    #[derive(Debug)]
    struct PageFields {
        /// The most rows of a page, 1 to 500.
        limit: Optional<PageLimit>,
        /// `nextCursor` or `prevCursor` of the `meta.page` of an answer with the same filters and order.
        cursor: Optional<Text<2000>>,
    }
}

/// `None` if neither `limit` nor `cursor` is given.
impl FromInput for Option<PageRequest> {
    fn from_input(input: &mut Input) -> Option<Self> {
        let PageFields { limit, cursor } = PageFields::from_input(input)?;
        if limit.is_none() && cursor.is_none() {
            return Some(None);
        }
        Some(Some(PageRequest { limit: limit.unwrap_or(DEFAULT_LIMIT), cursor }))
    }
}

fields! {
    /// The query string of a list without filters.
    #[derive(Debug)]
    pub struct PageQuery {
        /// The page; without one, the whole list.
        pub page: Included<Option<PageRequest>>,
    }
}

/// A whole number from 1 to 500.
struct PageLimit;

impl FieldRule for PageLimit {
    type Output = u16;

    fn read(value: Json) -> Result<u16, Vec<String>> {
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

    fn schema() -> Value {
        json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT})
    }
}

/// Signs and checks cursors.
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

    /// Begins to read a page of a list. A cursor is good only for the `list` that it was made for: the user, the list and its filters.
    ///
    /// # Errors
    /// [`ApiError::Validation`] if the cursor was not made for this.
    pub fn begin<K: DeserializeOwned>(&self, request: &PageRequest, scope: String) -> Result<Paging<'_, K>, ApiError> {
        let cursor = request.cursor.as_deref();
        let from = cursor.map(|cursor| self.open(cursor, &scope)).transpose()?;
        let segment = Segment { from, limit: i64::from(request.limit) + 1 };
        Ok(Paging { cursors: self, limit: request.limit, scope, segment })
    }

    fn open<K: DeserializeOwned>(&self, cursor: &str, scope: &str) -> Result<Position<K>, ApiError> {
        let position = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| {
            let (payload, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
            self.signing(payload, scope).verify_truncated_left(mac).ok()?;
            serde_json::from_slice(payload).ok()
        });
        position.ok_or_else(|| {
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
        let first = request(2, None);
        let paging = cursors.begin(&first, "1 list".to_owned()).expect("a list");
        let (rows, page) = paging.finish(vec![3, 2, 1], |row| *row).expect("a page");
        assert_eq!(rows, [3, 2]);
        assert_eq!(page.prev_cursor, None);
        let cursor = page.next_cursor.expect("more");
        let next = request(2, Some(cursor.clone()));
        let paging = cursors.begin::<i32>(&next, "1 list".to_owned()).expect("ours");
        assert_eq!((paging.segment().is_backwards(), paging.segment().key()), (false, Some(&2)));
        for (cursors, cursor, scope) in [
            (&cursors, cursor.clone(), "2 list"),
            (&Cursors::new("other"), cursor.clone(), "1 list"),
            (&cursors, format!("{cursor}AAAA"), "1 list"),
            (&cursors, cursor[1..].to_owned(), "1 list"),
            (&cursors, String::new(), "1 list"),
            (&cursors, "§".to_owned(), "1 list"),
        ] {
            assert!(cursors.begin::<i32>(&request(2, Some(cursor)), scope.to_owned()).is_err());
        }
    }

    #[test]
    fn a_page_before_another_is_turned_round() {
        let cursors = Cursors::new("secret");
        let from = Some(Position { direction: Direction::Previous, key: 3 });
        let segment = Segment { from, limit: 3 };
        let paging = Paging { cursors: &cursors, limit: 2, scope: String::new(), segment };
        let (rows, page) = paging.clone().finish(vec![4, 5, 6], |row| *row).expect("a page");
        assert_eq!(rows, [5, 4]);
        assert!(page.next_cursor.is_some() && page.prev_cursor.is_some());
        let (rows, page) = paging.finish(vec![6], |row| *row).expect("a page");
        assert_eq!((rows, page.prev_cursor), (vec![6], None));
    }
}
