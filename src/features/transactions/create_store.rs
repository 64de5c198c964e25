//! Creating a transaction whose category, payee and tags exist, in two statements.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::choices::CategoryChoice;
use super::create::{columns, currency_of, day_of};
use super::entry::TransactionColumns;
use super::inputs::NewTransaction;
use super::model::Transaction;
use crate::domain::clock::Clock;
use crate::domain::name;
use crate::features::categories::is_other;
use crate::features::history::single_statement_store::{
    self, FIRST_OF_SELECT, ReadyStatement, SingleStatement, first_of_insert,
};
use crate::features::resource::Arguments;
use crate::features::{tags, users};
use crate::http::envelope::{Serialized, Success};
use crate::http::error::ApiError;

/// The names are given as keys, which the program makes faster than the database. A name for which the database has another key
/// is not found, and looked for again in a transaction.
static SELECT: LazyLock<String> = LazyLock::new(|| {
    let [kind, category, category_id, payee, payee_id, tags] =
        [0, 1, 2, 3, 4, 5].map(|place| format!("${}", FIRST_OF_SELECT + place));
    single_statement_store::select(
        "transactions",
        "u.currency, u.time_zone, c.id as category_id, c.name as category, p.id as payee_id, p.name as payee, g.ids as tag_ids, g.names as tags",
        &format!(
            r#"left join lateral (
            (
                select id, name from categories
                where user_id = $1 and kind = {kind} and name_key(name) = {category}
                order by archived, parent_id is not null, id
                limit 1
            )
            union all
            select id, name from categories where user_id = $1 and kind = {kind} and id = {category_id}
        ) c on true
        left join lateral (
            -- With a limit, which makes PostgreSQL use the index of names: it would compute the keys of all otherwise.
            (select id, name from payees where user_id = $1 and name_key(name) = {payee} limit 1)
            union all
            select id, name from payees where user_id = $1 and id = {payee_id}
        ) p on true
        left join lateral (
            select array_agg(t.id order by t.name collate "C") as ids, array_agg(t.name order by t.name collate "C") as names
            from unnest({tags}::text[]) as n (key)
            cross join lateral (
                select id, name from tags where user_id = $1 and name_key(name) = n.key limit 1
            ) t
        ) g on {tags} <> '{{}}'"#
        ),
        &format!(
            "c.id is not null and (p.id is not null or ({payee} is null and {payee_id} is null))
                and cardinality({tags}) = coalesce(cardinality(g.ids), 0)"
        ),
    )
});

/// For a request without a key and with one, each without tags and with tags.
static INSERT: LazyLock<[[String; 2]; 2]> = LazyLock::new(|| {
    [false, true].map(|keyed| {
        let first = first_of_insert(keyed);
        let columns: Vec<String> =
            (first + 2..).take(TransactionColumns::COLUMNS.len()).map(|number| format!("${number}")).collect();
        let transaction = format!(
            "t as (
            insert into transactions (user_id, id, created_at, updated_at, {})
            overriding system value
            select o.user_id, ${first}, ${at}, ${at}, {}
            from o
        )",
            TransactionColumns::COLUMNS.join(", "),
            columns.join(", "),
            at = first + 1,
        );
        let next = first + 2 + columns.len();
        let column = |name| {
            let place = TransactionColumns::COLUMNS.iter().position(|column| *column == name);
            place.and_then(|place| columns.get(place)).map_or("null", String::as_str)
        };
        let tagged = tags::store::put_on_new(&format!("${first}"), column("date"), column("amount"), next);
        [
            single_statement_store::insert(keyed, &transaction),
            single_statement_store::insert(keyed, &format!("{transaction}, {tagged}")),
        ]
    })
});

/// A transaction to create.
pub(super) struct TransactionCreation(pub(super) NewTransaction);

impl TransactionCreation {
    /// The keys of its tags, each once.
    fn tag_keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.0.tags.iter().map(|tag| name::key(tag)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The name of its category, unless one has to be found.
    fn category(&self) -> Option<&str> {
        self.0.category.as_deref().filter(|name| !is_other(name))
    }
}

impl SingleStatement for TransactionCreation {
    type Ready = FoundTransaction;

    fn select(&self) -> &'static str {
        &SELECT
    }

    fn bind_select(&self, arguments: &mut Arguments) {
        let Self(new) = self;
        arguments.add(new.r#type);
        arguments.add(self.category().map(name::key));
        arguments.add(new.category_id);
        arguments.add(new.payee.as_deref().map(name::key));
        arguments.add(new.payee_id);
        arguments.add(self.tag_keys());
    }

    fn prepare(&self, row: &PgRow, at: DateTime<Utc>, clock: &dyn Clock) -> Result<FoundTransaction, ApiError> {
        let Self(new) = self;
        let tag_ids = row.try_get::<Option<_>, _>("tag_ids")?.unwrap_or_default();
        let owner = users::store::settings_from(row.try_get("currency")?, row.try_get("time_zone")?)?;
        let category = CategoryChoice::by_user(row.try_get("category_id")?);
        let (currency, day) = (currency_of(new, &owner)?, day_of(new, &owner, clock));
        let columns = columns(new, currency, category, row.try_get("payee_id")?, day);
        let transaction = Transaction {
            id: row.try_get("id")?,
            category: row.try_get("category")?,
            user_id: row.try_get("user_id")?,
            created_at: at,
            updated_at: at,
            payee: row.try_get("payee")?,
            tags: row.try_get::<Option<_>, _>("tags")?.unwrap_or_default(),
            ..Transaction::default()
        };
        Ok(FoundTransaction { transaction: columns.clone().put_into(transaction), columns, tag_ids })
    }
}

/// A transaction to create whose category, payee and tags exist.
pub(super) struct FoundTransaction {
    columns: TransactionColumns,
    tag_ids: Vec<i64>,
    /// The same as it is answered.
    transaction: Transaction,
}

impl ReadyStatement for FoundTransaction {
    fn insert(&self, keyed: bool) -> &'static str {
        let [untagged, tagged] = &INSERT[usize::from(keyed)];
        if self.tag_ids.is_empty() { untagged } else { tagged }
    }

    fn bind_insert(&self, arguments: &mut Arguments) {
        arguments.add(self.transaction.id);
        arguments.add(self.transaction.created_at);
        self.columns.bind(arguments);
        if !self.tag_ids.is_empty() {
            arguments.add(&self.tag_ids);
        }
    }

    fn answer(&self) -> Result<Serialized, ApiError> {
        Success::created(&self.transaction).with_etag().serialized()
    }
}
