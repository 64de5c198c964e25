//! The texts that follow from the description of a resource: statements, codes, kinds of operations. They are made once.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::definition::{ListQuery, Resource, SortKey};
use crate::http::error::ApiError;
use crate::http::extract::shown_id;

/// The texts of a resource.
pub(super) struct ResourceTexts {
    pub(super) find: String,
    pub(super) insert: String,
    pub(super) update: String,
    pub(super) delete: String,
    /// The list from its beginning, and after a row forwards and backwards.
    pub(super) lists: [String; 3],
    /// The unique index of names.
    pub(super) name_key: String,
    pub(super) not_found: &'static str,
    pub(super) already_exists: &'static str,
    /// The word for one row in the kinds of operations, such as `tag` in `tag.create`.
    pub(super) kind: String,
    /// The word for one row, with a capital letter.
    pub(super) capitalized: String,
}

/// The texts of a resource.
pub(super) fn texts<R: Resource + ?Sized>() -> &'static ResourceTexts {
    static ALL: RwLock<Option<HashMap<TypeId, &'static ResourceTexts>>> = RwLock::new(None);
    let id = TypeId::of::<R>();
    let known = ALL.read().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|all| all.get(&id).copied());
    known.unwrap_or_else(|| {
        let mut all = ALL.write().unwrap_or_else(PoisonError::into_inner);
        all.get_or_insert_default().entry(id).or_insert_with(|| Box::leak(Box::new(ResourceTexts::of::<R>())))
    })
}

impl ResourceTexts {
    fn of<R: Resource + ?Sized>() -> Self {
        let (table, noun) = (R::TABLE.name, R::TABLE.noun);
        let columns = R::READ.join(", ");
        let no_count = if R::COUNTED.is_some() { ", null::bigint as transaction_count" } else { "" };
        let written = R::WRITTEN.join(", ");
        let placeholders: Vec<String> = (2..R::WRITTEN.len() + 2).map(|number| format!("${number}")).collect();
        let set = R::WRITTEN.iter().zip(3..).map(|(column, number)| format!("{column} = ${number}"));
        let mut capitalized = noun.to_owned();
        capitalized[..1].make_ascii_uppercase();
        let code = |ending: &str| -> &'static str {
            Box::leak(format!("{}_{ending}", noun.to_uppercase().replace(' ', "_")).into_boxed_str())
        };
        Self {
            find: format!("select {columns}{no_count} from {table} where user_id = $1 and id = $2"),
            insert: format!(
                "insert into {table} (user_id, {written}) values ($1, {}) returning id",
                placeholders.join(", ")
            ),
            update: format!(
                "update {table} set {}, updated_at = now() where user_id = $1 and id = $2",
                set.collect::<Vec<_>>().join(", ")
            ),
            delete: format!("delete from {table} where user_id = $1 and id = $2"),
            lists: [list::<R>(None, "asc"), list::<R>(Some(">"), "asc"), list::<R>(Some("<"), "desc")],
            name_key: format!("{table}_name_key"),
            not_found: code("NOT_FOUND"),
            already_exists: code("ALREADY_EXISTS"),
            kind: noun.replace(' ', "_"),
            capitalized,
        }
    }
}

/// The statement of a list: `$1` is the user, `$2` the most rows, `$3` says if references are counted; then the values of
/// the filters and of the key that rows are compared with, if there is one. The first page has a statement of its own: one for both
/// would pass over all rows before the key.
fn list<R: Resource + ?Sized>(compare: Option<&str>, order: &str) -> String {
    let columns: Vec<String> = R::READ.iter().map(|column| format!("n.{column}")).collect();
    let count = R::COUNTED.map_or_else(String::new, |(table, column)| {
        format!(
            ", case when $3 then (select count(*) from {table} u where u.user_id = $1 and u.{column} = n.id) end \
             as transaction_count"
        )
    });
    let mut next = if R::COUNTED.is_some() { 4 } else { 3 };
    let mut placeholder = || {
        next += 1;
        format!("${}", next - 1)
    };
    let filters: String = R::Query::CONDITIONS
        .iter()
        .map(|condition| format!(" and {}", condition.replace('?', &placeholder())))
        .collect();
    let sorted = R::Key::COLUMNS;
    let from = compare.map_or_else(String::new, |compare| {
        let edge: Vec<String> = R::Key::COLUMNS.iter().map(|_| placeholder()).collect();
        format!(" and ({}) {compare} ({})", sorted.join(", "), edge.join(", "))
    });
    let ordered: Vec<String> = sorted.iter().map(|column| format!("{column} {order}")).collect();
    format!(
        "select {columns}{count} from {table} n where n.user_id = $1{filters}{from} order by {ordered} limit $2",
        columns = columns.join(", "),
        table = R::TABLE.name,
        ordered = ordered.join(", "),
    )
}

/// The error for a row that does not exist.
#[must_use]
pub fn not_found<R: Resource>(id: i64) -> ApiError {
    let texts = texts::<R>();
    ApiError::NotFound { code: texts.not_found, message: format!("{} not found: {}", texts.capitalized, shown_id(id)) }
}

/// The codes of the failures of a resource.
#[must_use]
pub fn codes<R: Resource>() -> Vec<&'static str> {
    let texts = texts::<R>();
    vec![texts.already_exists, texts.not_found]
}
