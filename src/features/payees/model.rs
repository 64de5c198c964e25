//! What a payee is, and what is asked of one that comes in.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::features::named::Place;
use crate::http::input::{FromInput, Input, Name, keeps};

/// The most characters of a payee's name.
pub const MAX_NAME: usize = 200;

/// A payee, as the API shows one.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Payee {
    /// The id.
    #[schema(example = 5)]
    pub id: i64,
    /// The name, which no other has.
    #[schema(example = "7-Eleven")]
    pub name: String,
    /// When it was made.
    #[serde(serialize_with = "crate::http::envelope::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(serialize_with = "crate::http::envelope::instant")]
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub updated_at: DateTime<Utc>,
    /// The transactions that have it; only in a list that was asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 42)]
    pub transaction_count: Option<i64>,
}

/// A payee to make.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = CreatePayee)]
pub struct NewPayee {
    /// The name.
    #[schema(example = "7-Eleven")]
    pub name: String,
}

impl FromInput for NewPayee {
    fn from_input(input: &mut Input) -> Option<Self> {
        let name = input.required("name", Name { max: MAX_NAME });
        Some(Self { name: name? })
    }
}

/// A change of a payee: what is left out stays as it is.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = UpdatePayee)]
pub struct PayeeEdit {
    /// The name, which changes everywhere.
    #[schema(example = "7-Eleven Asok")]
    pub name: Option<String>,
}

impl PayeeEdit {
    /// Tells if the payee is so already.
    #[must_use]
    pub fn changes_nothing(&self, current: &Payee) -> bool {
        keeps(self.name.as_ref(), &current.name)
    }
}

impl FromInput for PayeeEdit {
    fn from_input(input: &mut Input) -> Option<Self> {
        let name = input.if_present("name", Name { max: MAX_NAME });
        Some(Self { name: name? })
    }
}

impl From<&Payee> for Place {
    fn from(payee: &Payee) -> Self {
        Self(payee.name.clone(), payee.id)
    }
}
