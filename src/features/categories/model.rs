//! The types of a category.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::transaction_type::TransactionType;
use crate::features::resource::{Arguments, ListQuery, SortKey};
use crate::fields;
use crate::http::page::PageRequest;
use crate::http::presence::{Clearable, Defaulted, Included, Optional, Required, Settable};
use crate::http::rules::{Color, Flag, Id, Name, OneOf, Text, Whole};
use crate::new_and_edit;

/// The most characters of a category's name.
pub const MAX_NAME: usize = 100;

/// The rule of a category's name.
pub type CategoryName = Name<MAX_NAME>;
/// The rule of a category's icon.
type Icon = Text<50>;
/// The rule of a category's position.
type CategoryPosition = Whole<0, 1_000_000>;

/// A category.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    /// The id.
    #[schema(example = 7)]
    pub id: i64,
    /// The name, which is unique on its level.
    #[schema(example = "Food & Dining")]
    pub name: String,
    /// The kind of its transactions: income or expenses.
    pub kind: TransactionType,
    /// The category above it.
    #[schema(required = true, example = json!(null))]
    pub parent_id: Option<i64>,
    /// The name of an icon, or an emoji.
    #[schema(required = true, example = "🍽️")]
    pub icon: Option<String>,
    /// The colour, as `#rrggbb`.
    #[schema(required = true, example = "#e4572e")]
    pub color: Option<String>,
    /// The position among its siblings, the smallest first.
    #[schema(example = 0)]
    pub position: i64,
    /// True if it is no longer offered for new transactions.
    #[schema(example = false)]
    pub archived: bool,
    /// The time of its creation.
    #[serde(serialize_with = "crate::http::meta::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub created_at: DateTime<Utc>,
    /// The time of its last change.
    #[serde(serialize_with = "crate::http::meta::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub updated_at: DateTime<Utc>,
    /// The number of transactions in it, without those in the categories below it; only in lists with `counts=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 42)]
    pub transaction_count: Option<i64>,
}

new_and_edit! {
    /// A category to create.
    #[derive(Debug, Clone)]
    pub struct NewCategory as "CreateCategory"

    /// An update of a category: fields that are left out stay as they are. The kind cannot change, because of the transactions.
    #[derive(Debug, Clone)]
    pub struct CategoryEdit as "UpdateCategory"

    {
        /// The name.
        name: CategoryName as Required | Settable = "Coffee" => "Eating out",
        /// The kind of its transactions: income or expenses.
        kind: OneOf<TransactionType> as Required | -,
        /// The category above it, of the same kind. Without one, it is on the top level.
        parent_id "parentId": Id as Optional | Clearable = 7,
        /// The name of an icon, or an emoji.
        icon: Icon as Optional | Clearable = "☕" => "🍜",
        /// The colour, as `#rrggbb`.
        color: Color as Optional | Clearable = "#6f4e37" => "#e4572e",
        /// The position among its siblings, the smallest first; of a new category 0 if it is left out.
        position: CategoryPosition as Optional | Settable = 0 => 3,
        /// True if it is no longer offered for new transactions.
        archived: Flag as - | Settable = true,
    }
}

/// The columns of a category that are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryValues {
    /// The kind, which never changes.
    pub kind: TransactionType,
    /// The name.
    pub name: String,
    /// The category above it.
    pub parent_id: Option<i64>,
    /// The icon.
    pub icon: Option<String>,
    /// The colour.
    pub color: Option<String>,
    /// The position among its siblings.
    pub position: i64,
    /// True if it is archived.
    pub archived: bool,
}

fields! {
    /// The query string of the list of categories.
    #[derive(Debug)]
    pub struct CategoryQuery {
        /// Only categories of this kind: `INCOME` or `EXPENSE`.
        kind: Optional<OneOf<TransactionType>>,
        /// Only archived categories, or only those that are not.
        archived: Optional<Flag>,
        /// Adds `transactionCount` to each category.
        counts: Defaulted<Flag>,
        page: Included<Option<PageRequest>>,
    }
}

impl ListQuery for CategoryQuery {
    const CONDITIONS: &'static [&'static str] =
        &["(?::transaction_type is null or n.kind = ?)", "(?::boolean is null or n.archived = ?)"];

    fn bind(&self, arguments: &mut Arguments) {
        arguments.add(self.kind);
        arguments.add(self.archived);
    }

    fn page(&self) -> Option<&PageRequest> {
        self.page.as_ref()
    }

    fn counts(&self) -> bool {
        self.counts
    }

    fn filters(&self) -> String {
        format!(" {:?} {:?}", self.kind, self.archived)
    }
}

/// The sort key of categories: income before expenses, then by position and name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TreeKey(bool, i64, String, i64);

impl From<&Category> for TreeKey {
    fn from(category: &Category) -> Self {
        let is_expense = category.kind == TransactionType::Expense;
        Self(is_expense, category.position, category.name.clone(), category.id)
    }
}

impl SortKey for TreeKey {
    const COLUMNS: &'static [&'static str] =
        &["n.kind = 'EXPENSE'", "n.position", "n.name collate \"und-x-icu\"", "n.id"];

    fn bind(&self, arguments: &mut Arguments) {
        arguments.add(self.0);
        arguments.add(self.1);
        arguments.add(self.2.as_str());
        arguments.add(self.3);
    }
}
