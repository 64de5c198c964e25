//! The description of categories.

use serde_json::{Value, json};

use super::model::{Category, CategoryEdit, CategoryQuery, CategoryValues, NewCategory, TreeKey};
use super::{default_store, store, tree};
use crate::db::error::breaks;
use crate::features::history::Tx;
use crate::features::history::recorded::{Incidental, PLAIN, RecordedTable, RowLimit, UndoRules};
use crate::features::resource::{Arguments, Mergeable, Resource, Verb, not_found};
use crate::features::transactions::references_store::{self, ReferenceColumn};
use crate::features::transactions::weight_store::{WeighedRows, weight};
use crate::http::error::ApiError;
use crate::http::scope::Scope;

/// The table.
pub(super) const TABLE: RecordedTable = RecordedTable {
    name: "categories",
    noun: "category",
    columns: &["kind", "name", "created_at", "updated_at", "parent_id", "icon", "color", "position", "archived"],
    dependents: &[("transactions", "category_id"), ("categories", "parent_id")],
    constraints: &[
        ("categories_name_key", "another category has the name now"),
        ("categories_parent_fkey", "the category above another is not there any more, or has others below it"),
        ("categories_kind_key", "a category is there again"),
    ],
    incidental: Incidental::WithTransactions,
    limit: RowLimit::Quota(|quotas| quotas.categories),
    ..RecordedTable::EMPTY
};

/// The table of default categories.
pub(super) const DEFAULTS: RecordedTable = RecordedTable {
    name: "default_categories",
    noun: "default category",
    columns: &["kind", "origin", "category_id"],
    // It follows the categories, and never stands in the way.
    derived: &["category_id"],
    part_of: Some("categories"),
    incidental: Incidental::Always,
    constraints: &[
        ("default_categories_origin_key", "another category stands for a default one now"),
        ("default_categories_category_fkey", "the category that stands for a default one is not there any more"),
    ],
    undo: UndoRules {
        // Another row may have been created since.
        on_conflict: "on conflict do nothing",
        restored_if: STILL_EXISTS,
        reverted_if: STILL_EXISTS,
        ..PLAIN
    },
    ..RecordedTable::EMPTY
};

/// A default category only refers to a category that still exists.
const STILL_EXISTS: &str = "and (c.before ->> 'category_id' is null or exists (select from categories k \
    where k.user_id = $1 and k.user_id = c.user_id and k.id = (c.before ->> 'category_id')::bigint))";

/// Categories.
pub struct Categories;

impl Resource for Categories {
    type Row = Category;
    type New = NewCategory;
    type Edit = CategoryEdit;
    type Values = CategoryValues;
    type Query = CategoryQuery;
    type Key = TreeKey;

    const TABLE: &'static RecordedTable = &TABLE;
    const READ: &'static [&'static str] =
        &["id", "name", "kind", "parent_id", "icon", "color", "position", "archived", "created_at", "updated_at"];
    const WRITTEN: &'static [&'static str] = &["kind", "name", "parent_id", "icon", "color", "position", "archived"];
    const COUNTED: Option<(&'static str, &'static str)> = Some(("transactions", "category_id"));
    const NOTES: [&'static str; 4] = [
        "Income before expenses, then by position and name. Without `limit` and `cursor` all of them, otherwise a page.",
        "On the top level, or below a category of the same kind.",
        "The kind cannot change. With `If-Match`, only if nobody changed the category meanwhile.",
        "Only a category without transactions and without categories below it. Others can be merged, or archived.",
    ];
    const ANSWERS: &'static [(Verb, &'static str, &'static str)] = &[
        (Verb::Create, "403", "`QUOTA_EXCEEDED`: there would be too many, or one too deep in the tree"),
        (Verb::Create, "404", "`CATEGORY_NOT_FOUND`: the one above it"),
        (Verb::Update, "403", "`QUOTA_EXCEEDED`: it, or one below it, would stand too deep in the tree"),
        (Verb::Update, "409", "`CATEGORY_ALREADY_EXISTS`, or `CONFLICT`: it would stand below itself"),
        (Verb::Delete, "409", "`CATEGORY_IN_USE`: merge it into another one, or archive it"),
        (Verb::Merge, "403", "`QUOTA_EXCEEDED`: one below it would stand too deep in the tree"),
        (
            Verb::Merge,
            "409",
            "`CONFLICT`: they are not of the same kind, or the one that stays is below the one that goes; \
             `CATEGORY_ALREADY_EXISTS`: both have one of the same name below them",
        ),
    ];

    fn created(new: NewCategory) -> CategoryValues {
        CategoryValues {
            kind: new.kind,
            name: new.name,
            parent_id: new.parent_id,
            icon: new.icon,
            color: new.color,
            position: new.position.unwrap_or(0),
            archived: false,
        }
    }

    fn values(row: &Category) -> CategoryValues {
        CategoryValues {
            kind: row.kind,
            name: row.name.clone(),
            parent_id: row.parent_id,
            icon: row.icon.clone(),
            color: row.color.clone(),
            position: row.position,
            archived: row.archived,
        }
    }

    fn edited(values: CategoryValues, edit: CategoryEdit) -> CategoryValues {
        CategoryValues {
            kind: values.kind,
            name: edit.name.unwrap_or(values.name),
            parent_id: edit.parent_id.applied_to(values.parent_id),
            icon: edit.icon.applied_to(values.icon),
            color: edit.color.applied_to(values.color),
            position: edit.position.unwrap_or(values.position),
            archived: edit.archived.unwrap_or(values.archived),
        }
    }

    fn bind(values: &CategoryValues, arguments: &mut Arguments) {
        arguments.add(values.kind);
        arguments.add(&values.name);
        arguments.add(values.parent_id);
        arguments.add(&values.icon);
        arguments.add(&values.color);
        arguments.add(values.position);
        arguments.add(values.archived);
    }

    fn id(row: &Category) -> i64 {
        row.id
    }

    fn name(values: &CategoryValues) -> &str {
        &values.name
    }

    fn key(row: &Category) -> TreeKey {
        TreeKey::from(row)
    }

    fn examples() -> (Value, Value) {
        (
            json!({"name": "Coffee", "kind": "EXPENSE", "icon": "☕", "color": "#6f4e37"}),
            json!({"name": "Eating out", "icon": "🍜"}),
        )
    }

    fn refusal(error: &sqlx::Error, values: &CategoryValues) -> Option<ApiError> {
        if breaks(error, "categories_parent_fkey") {
            return Some(not_found::<Self>(values.parent_id.unwrap_or_default()));
        }
        breaks(error, "categories_name_key").then(|| already_exists(&values.name))
    }

    async fn check_new(tx: &mut Tx<'_>, new: &CategoryValues) -> Result<(), ApiError> {
        match new.parent_id {
            Some(parent_id) => tree::check_new(tx, parent_id).await,
            None => Ok(()),
        }
    }

    async fn check_update(tx: &mut Tx<'_>, current: &Category, edited: &CategoryValues) -> Result<(), ApiError> {
        match edited.parent_id.filter(|_| edited.parent_id != current.parent_id) {
            Some(parent_id) => tree::check_move(tx, current.id, parent_id).await,
            None => Ok(()),
        }
    }

    async fn check_delete(tx: &mut Tx<'_>, category: &Category) -> Result<(), ApiError> {
        let uses = store::uses(tx, category.id).await?;
        let by = match (uses.by_transactions, uses.by_categories) {
            (true, _) => "transactions are in it",
            (false, true) => "categories are below it",
            (false, false) => return Ok(()),
        };
        let message = format!("Category {} is in use: {by}. Merge it into another one, or archive it", category.id);
        Err(ApiError::Conflict { code: "CATEGORY_IN_USE", message })
    }

    async fn weight(scope: &mut Scope<'_>, id: i64, limit: Option<i64>) -> Result<i64, sqlx::Error> {
        weight(scope, WeighedRows::InCategory(id), limit).await
    }
}

impl Mergeable for Categories {
    const MERGE_NOTES: [&'static str; 2] = [
        "Merges a category into another one of its kind, which gets its transactions and the categories below it.",
        "This is one operation, and can be undone as one.",
    ];

    async fn check_merge(tx: &mut Tx<'_>, source: &Category, target: &Category) -> Result<(), ApiError> {
        if source.kind != target.kind {
            let message = "Only categories of the same kind can be merged; nothing was changed".to_owned();
            return Err(ApiError::Conflict { code: "CONFLICT", message });
        }
        tree::check_merge(tx, source.id, target.id).await
    }

    async fn move_references(tx: &mut Tx<'_>, from: i64, into: i64) -> Result<(), ApiError> {
        references_store::move_all(tx, ReferenceColumn::Category, from, into).await?;
        store::move_children(tx, from, into).await.map_err(|error| {
            if breaks(&error, "categories_name_key") {
                return already_exists("both have one of the same name below them; merge these first");
            }
            if breaks(&error, "categories_parent_fkey") { not_found::<Self>(into) } else { error.into() }
        })?;
        Ok(default_store::merge(tx, from, into).await?)
    }
}

fn already_exists(name: &str) -> ApiError {
    ApiError::Conflict {
        code: "CATEGORY_ALREADY_EXISTS",
        message: format!("There is a category of this name on this level: {name}"),
    }
}
