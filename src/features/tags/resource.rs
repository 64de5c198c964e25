//! The description of tags.

use utoipa_axum::router::OpenApiRouter;

use super::model::{NewTag, Tag, TagEdit};
use super::store;
use crate::features::feature::Feature;
use crate::features::history::Tx;
use crate::features::history::recorded::{Incidental, PLAIN, RecordedTable, RowLimit, UndoRules};
use crate::features::resource::{Arguments, CountingQuery, Mergeable, NameKey, Resource, codes, merge_router, router};
use crate::http::error::ApiError;
use crate::http::scope::Scope;
use crate::state::AppState;

pub const FEATURE: Feature = Feature {
    tag: "tags",
    about: "Words that are put on transactions, any number on each.",
    router: routes,
    recorded: &[&TABLE, &ON_TRANSACTIONS],
    codes: codes::<Tags>,
    ..Feature::EMPTY
};

fn routes() -> OpenApiRouter<AppState> {
    router::<Tags>().merge(merge_router::<Tags>())
}

const TABLE: RecordedTable = RecordedTable {
    name: "tags",
    noun: "tag",
    columns: &["name", "color", "created_at", "updated_at"],
    dependents: &[("transaction_tags", "tag_id")],
    constraints: &[("tags_name_key", "another tag has the name now")],
    incidental: Incidental::WithTransactions,
    limit: RowLimit::Quota(|quotas| quotas.tags),
    ..RecordedTable::EMPTY
};

const ON_TRANSACTIONS: RecordedTable = RecordedTable {
    name: "transaction_tags",
    noun: "tag of transaction",
    columns: &["date", "amount"],
    // They are those of the transaction.
    derived: &["date", "amount"],
    part_of: Some("transactions"),
    constraints: &[
        ("transaction_tags_tag_fkey", "a tag of a transaction is not there any more"),
        ("transaction_tags_transaction_fkey", "a transaction is not there any more"),
        ("transaction_tags_pkey", "a transaction is there again"),
    ],
    id: "transaction_id",
    undo: UndoRules {
        row_of_change: "t.user_id = c.user_id and t.transaction_id = c.entity_id and t.tag_id = c.tag_id",
        // The database sets the day and the amount, from the transaction as it is now.
        restored: "(c.before - '{date,amount}'::text[]) || jsonb_build_object('tag_id', \
            case when $6::jsonb ? c.tag_id::text then $6::jsonb -> c.tag_id::text else to_jsonb(c.tag_id) end)",
        restored_if: "and not coalesce($6::jsonb -> c.tag_id::text = 'null', false)",
        on_conflict: "on conflict do nothing",
        ..PLAIN
    },
    ..RecordedTable::EMPTY
};

pub struct Tags;

impl Resource for Tags {
    type Row = Tag;
    type New = NewTag;
    type Edit = TagEdit;
    type Values = NewTag;
    type Query = CountingQuery;
    type Key = NameKey;

    const TABLE: &'static RecordedTable = &TABLE;
    const READ: &'static [&'static str] = &["id", "name", "color", "created_at", "updated_at"];
    const WRITTEN: &'static [&'static str] = &["name", "color"];
    const COUNTED: Option<(&'static str, &'static str)> = Some(("transaction_tags", "tag_id"));
    const DELETION_IS_WEIGHED: bool = true;
    const NOTES: [&'static str; 4] = [
        "Sorted by name. Without `limit` and `cursor` all of them, otherwise a page.",
        "A new transaction also creates the tags that it names.",
        "A new name appears on all transactions at once. With `If-Match`, only if nobody changed the tag meanwhile.",
        "The tag is removed from its transactions. This is one operation, and can be undone as one.",
    ];

    fn created(new: NewTag) -> NewTag {
        new
    }

    fn values(row: &Tag) -> NewTag {
        NewTag { name: row.name.clone(), color: row.color.clone() }
    }

    fn edited(values: NewTag, edit: TagEdit) -> NewTag {
        NewTag { name: edit.name.unwrap_or(values.name), color: edit.color.applied_to(values.color) }
    }

    fn bind(values: &NewTag, arguments: &mut Arguments) {
        arguments.add(&values.name);
        arguments.add(&values.color);
    }

    fn id(row: &Tag) -> i64 {
        row.id
    }

    fn name(values: &NewTag) -> &str {
        &values.name
    }

    fn key(row: &Tag) -> NameKey {
        NameKey(row.name.clone(), row.id)
    }

    async fn weight(scope: &mut Scope<'_>, id: i64, limit: Option<i64>) -> Result<i64, sqlx::Error> {
        store::weight(scope, id, limit).await
    }
}

impl Mergeable for Tags {
    const MERGE_NOTES: [&'static str; 2] = [
        "Merges a tag into another one, which its transactions get instead.",
        "This is one operation, and can be undone as one.",
    ];

    async fn move_references(tx: &mut Tx<'_>, from: i64, into: i64) -> Result<(), ApiError> {
        Ok(store::copy_to(tx, from, into).await?)
    }
}
