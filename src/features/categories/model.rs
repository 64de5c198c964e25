//! What a category is, and what is asked of one that comes in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::name::key;
use crate::domain::transaction_type::{TRANSACTION_TYPES, TransactionType};
use crate::http::input::{Change, FromInput, Input, Name, OneOf, Text, keeps};
use crate::http::page::PageRequest;
use crate::http::rules::{Color, Flag, IdNumber, List, Set, Whole};

/// The most characters of a category's name.
pub const MAX_NAME: usize = 100;
const MAX_ICON: usize = 50;
const MAX_POSITION: i64 = 1_000_000;

/// A category, as the API shows one.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    /// The id.
    #[schema(example = 7)]
    pub id: i64,
    /// The name, which no other on its level has.
    #[schema(example = "Food & Dining")]
    pub name: String,
    /// What it sorts: income or expenses.
    pub kind: TransactionType,
    /// The category above it.
    #[schema(required = true, example = json!(null))]
    pub parent_id: Option<i64>,
    /// A name of an icon, or an emoji.
    #[schema(required = true, example = "🍽️")]
    pub icon: Option<String>,
    /// `#rrggbb`.
    #[schema(required = true, example = "#e4572e")]
    pub color: Option<String>,
    /// Among its siblings, the smallest first.
    #[schema(example = 0)]
    pub position: i64,
    /// Whether it is no longer offered to be chosen.
    #[schema(example = false)]
    pub archived: bool,
    /// When it was made.
    #[serde(serialize_with = "crate::http::envelope::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(serialize_with = "crate::http::envelope::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub updated_at: DateTime<Utc>,
    /// The transactions in it, without those of the categories below it; only in a list that was asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 42)]
    pub transaction_count: Option<i64>,
}

/// A category to make.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = CreateCategory)]
pub struct NewCategory {
    /// The name.
    #[schema(example = "Coffee")]
    pub name: String,
    /// What it sorts.
    pub kind: TransactionType,
    /// The category above it, of the same kind.
    #[schema(rename = "parentId", example = 7)]
    pub parent_id: Option<i64>,
    /// A name of an icon, or an emoji.
    #[schema(example = "☕")]
    pub icon: Option<String>,
    /// `#rrggbb`.
    #[schema(example = "#6f4e37")]
    pub color: Option<String>,
    /// Among its siblings, the smallest first; left out, 0.
    #[schema(example = 0)]
    pub position: Option<i64>,
}

impl FromInput for NewCategory {
    fn from_input(input: &mut Input) -> Option<Self> {
        let name = input.required("name", Name { max: MAX_NAME });
        let kind = input.required("kind", OneOf(TRANSACTION_TYPES));
        let parent_id = input.optional("parentId", IdNumber);
        let icon = input.optional("icon", Text { max: MAX_ICON });
        let color = input.optional("color", Color);
        let position = input.optional("position", Whole { min: 0, max: MAX_POSITION });
        Some(Self { name: name?, kind: kind?, parent_id: parent_id?, icon: icon?, color: color?, position: position? })
    }
}

/// A change of a category: what is left out stays as it is. Its kind never changes, because its transactions are of it.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = UpdateCategory)]
pub struct CategoryEdit {
    /// The name.
    #[schema(example = "Eating out")]
    pub name: Option<String>,
    /// The category above it; `null` puts it on the top level.
    #[schema(rename = "parentId", value_type = Option<i64>, example = 7)]
    pub parent_id: Change<i64>,
    /// A name of an icon, or an emoji; `null` takes it away.
    #[schema(value_type = Option<String>, example = "🍜")]
    pub icon: Change<String>,
    /// `#rrggbb`; `null` takes it away.
    #[schema(value_type = Option<String>, example = "#e4572e")]
    pub color: Change<String>,
    /// Among its siblings, the smallest first.
    #[schema(example = 3)]
    pub position: Option<i64>,
    /// Whether it is no longer offered to be chosen.
    #[schema(example = true)]
    pub archived: Option<bool>,
}

impl CategoryEdit {
    /// Tells if the category is so already.
    #[must_use]
    pub fn changes_nothing(&self, current: &Category) -> bool {
        keeps(self.name.as_ref(), &current.name)
            && self.parent_id.keeps(current.parent_id.as_ref())
            && self.icon.keeps(current.icon.as_ref())
            && self.color.keeps(current.color.as_ref())
            && keeps(self.position.as_ref(), &current.position)
            && keeps(self.archived.as_ref(), &current.archived)
    }
}

impl FromInput for CategoryEdit {
    fn from_input(input: &mut Input) -> Option<Self> {
        let name = input.if_present("name", Name { max: MAX_NAME });
        let parent_id = input.clearable("parentId", IdNumber);
        let icon = input.clearable("icon", Text { max: MAX_ICON });
        let color = input.clearable("color", Color);
        let position = input.if_present("position", Whole { min: 0, max: MAX_POSITION });
        let archived = input.if_present("archived", Flag);
        Some(Self {
            name: name?,
            parent_id: parent_id?,
            icon: icon?,
            color: color?,
            position: position?,
            archived: archived?,
        })
    }
}

/// An order of categories.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = ReorderCategories)]
pub struct Order {
    /// The ids, in their new order.
    #[schema(example = json!([3, 1, 2]))]
    pub ids: Vec<i64>,
}

impl FromInput for Order {
    fn from_input(input: &mut Input) -> Option<Self> {
        let ids = input.required("ids", Set(List { each: IdNumber, min: 0, max: 1000 }));
        Some(Self { ids: ids? })
    }
}

/// What is asked of a list of categories.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Of this kind only.
    pub kind: Option<TransactionType>,
    /// Archived ones only, or none.
    pub archived: Option<bool>,
    /// With their use.
    pub counts: bool,
    /// A page; all of them without.
    pub page: Option<PageRequest>,
}

impl FromInput for Listing {
    fn from_input(input: &mut Input) -> Option<Self> {
        let kind = input.optional("kind", OneOf(TRANSACTION_TYPES));
        let archived = input.optional("archived", Flag);
        let counts = input.optional("counts", Flag);
        let page = PageRequest::from_input(input);
        Some(Self { kind: kind?, archived: archived?, counts: counts?.unwrap_or(false), page: page? })
    }
}

/// What a list of categories is sorted by.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place(pub bool, pub i64, pub String, pub i64);

impl From<&Category> for Place {
    fn from(category: &Category) -> Self {
        let expense = category.kind == TransactionType::Expense;
        Self(expense, category.position, category.name.clone(), category.id)
    }
}

/// What a new user begins with.
pub const DEFAULTS: &[(TransactionType, &str, &str, &str)] = &[
    (TransactionType::Expense, "Food & Dining", "🍽️", "#e4572e"),
    (TransactionType::Expense, "Transportation", "🚌", "#2e86ab"),
    (TransactionType::Expense, "Shopping", "🛍️", "#a23b72"),
    (TransactionType::Expense, "Entertainment", "🎬", "#7b2cbf"),
    (TransactionType::Expense, "Bills & Utilities", "💡", "#f4a261"),
    (TransactionType::Expense, "Healthcare", "🩺", "#d62839"),
    (TransactionType::Expense, "Education", "📚", "#3d5a80"),
    (TransactionType::Expense, "Rent", "🏠", "#6b705c"),
    (TransactionType::Expense, OTHER, "📦", "#8d99ae"),
    (TransactionType::Income, "Salary", "💼", "#2a9d8f"),
    (TransactionType::Income, "Freelance", "🧑‍💻", "#52b788"),
    (TransactionType::Income, "Investment", "📈", "#1b4332"),
    (TransactionType::Income, "Gift", "🎁", "#e9c46a"),
    (TransactionType::Income, OTHER, "📦", "#8d99ae"),
];

/// The category of what belongs nowhere else.
pub const OTHER: &str = "Other";

/// Whether a name asks for [`OTHER`].
#[must_use]
pub fn is_other(name: &str) -> bool {
    key(name) == key(OTHER)
}
