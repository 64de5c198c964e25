//! Operations and their changes, as they are answered.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::money::JsonDecimal;
use crate::features::transactions::Transaction;
use crate::http::openapi::schemas::verbatim;

/// An operation: changes that were made together, and can be undone together.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// The id.
    #[schema(example = 17)]
    pub id: i64,
    /// The kind of change.
    #[schema(example = "transaction.update")]
    pub kind: String,
    /// The time of the operation.
    #[serde(serialize_with = "crate::http::meta::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub created_at: DateTime<Utc>,
    /// The operation that it undid, if that is still kept.
    #[schema(required = true, example = json!(null))]
    pub undoes: Option<i64>,
    /// The operation that undid it.
    #[schema(required = true, example = json!(null))]
    pub undone_by: Option<i64>,
    /// The number of changed rows; not in lists, where counting would take long.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 1)]
    pub change_count: Option<i64>,
}

/// A recorded change of a row.
#[derive(Debug, Clone)]
pub(super) struct RecordedChange {
    /// The id, in the order of the changes.
    pub id: i64,
    /// The operation.
    pub operation_id: i64,
    /// The kind of the operation.
    pub operation: String,
    /// The time of the operation.
    pub created_at: DateTime<Utc>,
    /// The tag that was put on or removed.
    pub tag_id: Option<i64>,
    /// The row before, or its changed columns.
    pub before: Option<Value>,
    /// The row after, or its changed columns.
    pub after: Option<Value>,
}

/// The changes of an entry: the first id and the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChangeRange {
    #[serde(rename = "f")]
    pub(super) first: i64,
    #[serde(rename = "l")]
    pub(super) last: i64,
}

/// The changes of a transaction by one operation: all fields of a creation or a deletion, the changed fields of an update.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryEntry {
    /// The recorded changes.
    #[serde(skip)]
    #[schema(ignore)]
    pub run: ChangeRange,
    /// The operation.
    #[schema(example = 17)]
    pub operation_id: i64,
    /// The kind of change.
    #[schema(example = "transaction.update")]
    pub kind: String,
    /// The time of the operation.
    #[serde(serialize_with = "crate::http::meta::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub at: DateTime<Utc>,
    /// The user who made the changes.
    #[schema(example = 1)]
    pub user_id: i64,
    /// The fields before; `null` if the transaction did not exist.
    #[schema(required = true, value_type = Option<TransactionFields>)]
    pub before: Option<Map<String, Value>>,
    /// The fields after; `null` if the transaction was deleted.
    #[schema(required = true, value_type = Option<TransactionFields>)]
    pub after: Option<Map<String, Value>>,
    /// The tags that were put on.
    #[schema(example = json!(["lunch"]))]
    pub tags_added: Vec<String>,
    /// The tags that were removed.
    #[schema(example = json!([]))]
    pub tags_removed: Vec<String>,
}

impl HistoryEntry {
    /// The approximate size of its texts, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let values = self.before.iter().chain(&self.after).flat_map(Map::values);
        let texts = values.filter_map(Value::as_str).map(str::len);
        texts.chain(self.tags_added.iter().chain(&self.tags_removed).map(String::len)).sum()
    }
}

/// The schema of the recorded fields of a transaction. No value is of this type.
pub(super) struct TransactionFields;

impl PartialSchema for TransactionFields {
    /// The fields of a [`Transaction`], none of which has to be there, but for those that are kept elsewhere or never change.
    fn schema() -> RefOr<Schema> {
        const ELSEWHERE: [&str; 7] = ["id", "userId", "createdAt", "updatedAt", "category", "payee", "tags"];
        let mut schema = serde_json::to_value(Transaction::schema()).unwrap_or_default();
        if let Some(fields) = schema["properties"].as_object_mut() {
            fields.retain(|field, _| !ELSEWHERE.contains(&field.as_str()));
        }
        let description = "The recorded fields of a transaction, or those that changed.";
        let fields = json!({"type": "object", "description": description, "properties": schema["properties"]});
        verbatim(fields).into()
    }
}

impl ToSchema for TransactionFields {
    fn name() -> Cow<'static, str> {
        "TransactionFields".into()
    }
}

/// A transaction in the trash.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trashed {
    /// The change that recorded it.
    #[serde(skip)]
    #[schema(ignore)]
    pub change_id: i64,
    /// The transaction's id.
    #[schema(example = 42)]
    pub id: i64,
    /// The time of its deletion.
    #[serde(serialize_with = "crate::http::meta::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub deleted_at: DateTime<Utc>,
    /// The operation that deleted it.
    #[schema(example = 17)]
    pub operation_id: i64,
    /// The transaction as it was.
    #[schema(value_type = TransactionFields)]
    pub transaction: Map<String, Value>,
    /// The name of its category, if that still exists.
    #[schema(required = true, example = "Food & Dining")]
    pub category: Option<String>,
    /// The name of its payee, if that still exists.
    #[schema(required = true, example = "Kuang Heng")]
    pub payee: Option<String>,
    /// The names of its tags that still exist.
    #[schema(example = json!(["lunch"]))]
    pub tags: Vec<String>,
}

/// A recorded row, or a part of one, as it is answered: without internal columns.
#[must_use]
pub(super) fn shown(row: &Value) -> Map<String, Value> {
    const HIDDEN: [&str; 5] = ["id", "user_id", "search", "created_at", "updated_at"];
    let columns = row.as_object().into_iter().flatten();
    columns
        .filter(|(column, _)| !HIDDEN.contains(&column.as_str()))
        .map(|(column, value)| (camel(column), if column == "amount" { normalized(value) } else { value.clone() }))
        .collect()
}

fn camel(column: &str) -> String {
    let mut name = String::with_capacity(column.len());
    let mut upper = false;
    for character in column.chars() {
        if character == '_' {
            upper = true;
        } else {
            name.push(if upper { character.to_ascii_uppercase() } else { character });
            upper = false;
        }
    }
    name
}

/// An amount without trailing zeros.
fn normalized(value: &Value) -> Value {
    let amount = value.as_number().and_then(|number| number.as_str().parse::<Decimal>().ok());
    amount.and_then(|amount| serde_json::to_value(JsonDecimal(amount)).ok()).unwrap_or_else(|| value.clone())
}

/// The history of a transaction, the last operation first, from its recorded changes in that order.
#[must_use]
pub(super) fn history(
    changes: Vec<RecordedChange>,
    user_id: i64,
    tag_names: &HashMap<i64, String>,
) -> Vec<HistoryEntry> {
    let mut entries: Vec<HistoryEntry> = Vec::new();
    for change in changes {
        if entries.last().is_none_or(|entry| entry.operation_id != change.operation_id) {
            entries.push(HistoryEntry {
                run: ChangeRange { first: change.id, last: change.id },
                operation_id: change.operation_id,
                kind: change.operation,
                at: change.created_at,
                user_id,
                // Where only tags changed, the row itself existed before and after, unchanged.
                before: Some(Map::new()),
                after: Some(Map::new()),
                tags_added: Vec::new(),
                tags_removed: Vec::new(),
            });
        }
        let Some(entry) = entries.last_mut() else { continue };
        entry.run.first = change.id;
        match change.tag_id {
            None => {
                entry.before = change.before.as_ref().map(shown);
                entry.after = change.after.as_ref().map(shown);
            }
            Some(tag) => {
                let name = tag_names.get(&tag).cloned().unwrap_or_else(|| format!("(deleted tag {tag})"));
                if change.after.is_some() { entry.tags_added.push(name) } else { entry.tags_removed.push(name) }
            }
        }
    }
    for entry in &mut entries {
        entry.tags_added.sort_unstable();
        entry.tags_removed.sort_unstable();
    }
    entries
}
