//! The description of payees.

use utoipa_axum::router::OpenApiRouter;

use super::model::{NewPayee, Payee, PayeeEdit};
use super::store::search_text;
use crate::features::feature::Feature;
use crate::features::history::Tx;
use crate::features::history::recorded::{Incidental, RecordedTable, RowLimit};
use crate::features::resource::{Arguments, CountingQuery, Mergeable, NameKey, Resource, codes, merge_router, router};
use crate::features::transactions::references_store::{self, ReferenceColumn};
use crate::features::transactions::weight_store::{WeighedRows, weight};
use crate::http::error::ApiError;
use crate::http::scope::Scope;
use crate::state::AppState;

pub const FEATURE: Feature = Feature {
    tag: "payees",
    about: "Who was paid, or who paid.",
    router: routes,
    recorded: &[&TABLE],
    codes: codes::<Payees>,
    ..Feature::EMPTY
};

fn routes() -> OpenApiRouter<AppState> {
    router::<Payees>().merge(merge_router::<Payees>())
}

const TABLE: RecordedTable = RecordedTable {
    name: "payees",
    noun: "payee",
    columns: &["name", "search", "created_at", "updated_at"],
    derived: &["updated_at", "search"],
    dependents: &[("transactions", "payee_id")],
    constraints: &[("payees_name_key", "another payee has the name now")],
    incidental: Incidental::WithTransactions,
    limit: RowLimit::Quota(|quotas| quotas.payees),
    ..RecordedTable::EMPTY
};

pub struct Payees;

impl Resource for Payees {
    type Row = Payee;
    type New = NewPayee;
    type Edit = PayeeEdit;
    type Values = NewPayee;
    type Query = CountingQuery;
    type Key = NameKey;

    const TABLE: &'static RecordedTable = &TABLE;
    const READ: &'static [&'static str] = &["id", "name", "created_at", "updated_at"];
    const WRITTEN: &'static [&'static str] = &["name", "search"];
    const COUNTED: Option<(&'static str, &'static str)> = Some(("transactions", "payee_id"));
    const DELETION_IS_WEIGHED: bool = true;
    const NOTES: [&'static str; 4] = [
        "Sorted by name. Without `limit` and `cursor` all of them, otherwise a page.",
        "A new transaction also creates the payee that it names.",
        "A new name appears on all transactions at once. With `If-Match`, only if nobody changed the payee meanwhile.",
        "The payee is removed from its transactions. This is one operation, and can be undone as one.",
    ];

    fn created(new: NewPayee) -> NewPayee {
        new
    }

    fn values(row: &Payee) -> NewPayee {
        NewPayee { name: row.name.clone() }
    }

    fn edited(values: NewPayee, edit: PayeeEdit) -> NewPayee {
        NewPayee { name: edit.name.unwrap_or(values.name) }
    }

    fn bind(values: &NewPayee, arguments: &mut Arguments) {
        arguments.add(&values.name);
        arguments.add(search_text(&values.name));
    }

    fn id(row: &Payee) -> i64 {
        row.id
    }

    fn name(values: &NewPayee) -> &str {
        &values.name
    }

    fn key(row: &Payee) -> NameKey {
        NameKey(row.name.clone(), row.id)
    }

    async fn weight(scope: &mut Scope<'_>, id: i64, limit: Option<i64>) -> Result<i64, sqlx::Error> {
        weight(scope, WeighedRows::WithPayee(id), limit).await
    }
}

impl Mergeable for Payees {
    const MERGE_NOTES: [&'static str; 2] = [
        "Merges a payee into another one, which its transactions get instead.",
        "This is one operation, and can be undone as one.",
    ];

    async fn move_references(tx: &mut Tx<'_>, from: i64, into: i64) -> Result<(), ApiError> {
        Ok(references_store::move_all(tx, ReferenceColumn::Payee, from, into).await?)
    }
}
