//! Changing and deleting many transactions at once: all of them or none, and undone at once.

use std::collections::HashSet;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::bulk_store::{self, Columns, Matched};
use super::criteria::{self, Criteria};
use super::filter::Filter;
use super::model::{CATEGORY, EntryDay, MAX_CATEGORY, MAX_NOTE, MAX_TITLE, PAYEE, TAG_NAMES, emptied, not_both};
use super::weight_store::{Those, weight};
use crate::app::AppState;
use crate::domain::name::key;
use crate::domain::transaction_type::TransactionType;
use crate::features::history::Work;
use crate::features::{categories, payees, quotas, tags};
use crate::http::envelope::{FailureBody, Success, SuccessBody};
use crate::http::error::ApiError;
use crate::http::etag::NoPrecondition;
use crate::http::extract::Body;
use crate::http::input::{Change, FromInput, Input, Name, OptionalText, Rule, Text};
use crate::http::json::Json;
use crate::http::rules::{Flag, IdNumber, List};
use crate::http::weight::of_text;

/// The most ids of one request.
const MAX_IDS: usize = 10_000;

/// Many transactions to change.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = UpdateTransactions)]
pub(super) struct BulkEdit {
    /// These, by their ids; those that are not there are left out.
    #[schema(example = json!([42, 43]))]
    ids: Option<Vec<i64>>,
    /// Or all that meet a filter.
    filter: Option<Filter>,
    /// What changes, and nothing else does.
    set: BulkSet,
    /// Counts, and changes nothing.
    #[schema(rename = "dryRun", example = false)]
    dry_run: Option<bool>,
}

/// Many transactions to delete.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = DeleteTransactions)]
pub(super) struct BulkDelete {
    /// These, by their ids; those that are not there are left out.
    #[schema(example = json!([42, 43]))]
    ids: Option<Vec<i64>>,
    /// Or all that meet a filter.
    filter: Option<Filter>,
    /// Counts, and deletes nothing.
    #[schema(rename = "dryRun", example = false)]
    dry_run: Option<bool>,
}

/// What many transactions get; what is left out stays as it is.
#[derive(Debug, Clone, ToSchema)]
pub(super) struct BulkSet {
    /// What it was.
    #[schema(example = "Grab")]
    title: Option<String>,
    /// The name of a category, which is made if there is none; of each transaction's own type.
    #[schema(example = "Transportation")]
    category: Option<String>,
    /// The id of a category, instead of its name: all transactions have to be of its type.
    #[schema(rename = "categoryId", example = 7)]
    category_id: Option<i64>,
    /// The day.
    #[schema(example = "2026-02-16")]
    date: Option<NaiveDate>,
    /// Whatever else there is to say; `null` clears it.
    #[schema(value_type = Option<String>, example = "business")]
    note: Change<String>,
    /// The name of a payee, who is made if there is none; `null` takes the payee away.
    #[schema(value_type = Option<String>, example = "Grab")]
    payee: Change<String>,
    /// The id of a payee, instead of the name.
    #[schema(value_type = Option<i64>, rename = "payeeId", example = 5)]
    payee_id: Change<i64>,
    /// The names of all tags.
    #[schema(example = json!(["travel"]))]
    tags: Option<Vec<String>>,
    /// The names of tags to put on.
    #[schema(value_type = Option<Vec<String>>, rename = "addTags", example = json!(["travel"]))]
    add_tags: Vec<String>,
    /// The names of tags to take off.
    #[schema(value_type = Option<Vec<String>>, rename = "removeTags", example = json!([]))]
    remove_tags: Vec<String>,
}

impl FromInput for BulkSet {
    fn from_input(input: &mut Input) -> Option<Self> {
        let empty = input.is_empty();
        input.some();
        let title = input.if_present("title", Text { max: MAX_TITLE });
        let category = input.if_present("category", Name { max: MAX_CATEGORY });
        let category_id = input.if_present("categoryId", IdNumber);
        let date = input.if_present("date", EntryDay);
        let note = input.clearable("note", OptionalText { max: MAX_NOTE });
        let payee = input.clearable("payee", Name { max: payees::model::MAX_NAME });
        let payee_id = input.clearable("payeeId", IdNumber);
        let tags = input.if_present("tags", TAG_NAMES);
        let add_tags = input.optional("addTags", TAG_NAMES);
        let remove_tags = input.optional("removeTags", TAG_NAMES);
        not_both(input, CATEGORY, matches!(category, Some(Some(_))), matches!(category_id, Some(Some(_))));
        not_both(input, PAYEE, matches!(payee, Some(Change::Set(_))), matches!(payee_id, Some(Change::Set(_))));
        if let (Some(Some(add)), Some(Some(remove))) = (&add_tags, &remove_tags)
            && let Some(both) = add.iter().find(|name| remove.iter().any(|other| key(other) == key(name)))
        {
            input.refuse(format!("addTags and removeTags must not have the same tag: {both}"));
        }
        if empty {
            input.refuse("nothing would be set");
        }
        Some(Self {
            title: title?,
            category: category?,
            category_id: category_id?,
            date: date?,
            note: emptied(note?),
            payee: payee?,
            payee_id: payee_id?,
            tags: tags?,
            add_tags: add_tags?.unwrap_or_default(),
            remove_tags: remove_tags?.unwrap_or_default(),
        })
    }
}

/// A part of a body that is an object with rules of its own.
struct Nested<T>(std::marker::PhantomData<T>);

impl<T> Nested<T> {
    const fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<T: FromInput> Rule for Nested<T> {
    type Output = T;

    fn read(&self, value: Json) -> Result<T, Vec<String>> {
        let Json::Object(fields) = value else { return Err(vec!["must be an object".to_owned()]) };
        Input::parse(fields).map_err(|error| match error {
            ApiError::Validation(problems) => {
                problems.iter().map(|problem| format!("is not right: {problem}")).collect()
            }
            _ => vec!["is not right".to_owned()],
        })
    }

    fn schema(&self) -> Value {
        // It has a name in the document, and what is asked of it stands there.
        json!({"type": "object"})
    }
}

/// Which transactions: by their ids or by a filter. Everything there is must not be one slip away.
fn which(input: &mut Input) -> Option<(Option<Vec<i64>>, Option<Filter>)> {
    let ids = input.optional("ids", List { each: IdNumber, min: 1, max: MAX_IDS });
    let filter = input.optional("filter", Nested::<Filter>::new());
    input.exclusive(["ids", "filter"]);
    input.alternative(["ids", "filter"]);
    let (ids, filter) = (ids?, filter?);
    match (&ids, &filter) {
        (Some(_), Some(_)) => input.refuse("ids and filter must not be given together"),
        (None, None) => input.refuse("ids or filter must be given"),
        (None, Some(filter)) if filter.is_empty() => input.refuse("filter must not be empty"),
        _ => {}
    }
    Some((ids, filter))
}

impl FromInput for BulkEdit {
    fn from_input(input: &mut Input) -> Option<Self> {
        let which = which(input);
        let set = input.required("set", Nested::<BulkSet>::new());
        let dry_run = input.optional("dryRun", Flag);
        let (ids, filter) = which?;
        Some(Self { ids, filter, set: set?, dry_run: dry_run? })
    }
}

impl FromInput for BulkDelete {
    fn from_input(input: &mut Input) -> Option<Self> {
        let which = which(input);
        let dry_run = input.optional("dryRun", Flag);
        let (ids, filter) = which?;
        Some(Self { ids, filter, dry_run: dry_run? })
    }
}

/// What a change of many transactions did, or would do.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkResult)]
pub(super) struct BulkAnswer {
    /// The transactions that it was about.
    #[schema(example = 120)]
    pub(super) matched: usize,
    /// Those of them that are changed, or deleted; the others are so already.
    #[schema(example = 118)]
    pub(super) changed: usize,
    /// Whether nothing was done but counting.
    #[schema(example = false)]
    pub(super) dry_run: bool,
}

/// The transactions that it is about.
async fn matched(
    connection: &mut PgConnection,
    user_id: i64,
    ids: Option<Vec<i64>>,
    filter: Option<&Filter>,
) -> Result<Matched, sqlx::Error> {
    let criteria = match filter {
        Some(filter) => criteria::look_up(connection, user_id, filter).await?,
        None => Some(Criteria::of_ids(ids.unwrap_or_default())),
    };
    match criteria {
        Some(criteria) => bulk_store::matched(connection, user_id, &criteria).await,
        None => Ok(Matched::default()),
    }
}

/// An id that no row has, for what is not there yet.
const NEW: i64 = -1;

/// What the names in a set stand for. In a dry run what is not there yet stays so: no transaction has it.
async fn columns(
    connection: &mut PgConnection,
    user_id: i64,
    set: BulkSet,
    matched: &Matched,
    dry_run: bool,
) -> Result<Columns, ApiError> {
    let categories = match (set.category_id, &set.category) {
        (Some(id), _) => Some(category_by_id(connection, user_id, id, matched).await?),
        (None, Some(name)) => Some(categories_by_name(connection, user_id, name, matched, dry_run).await?),
        (None, None) => None,
    };
    let payee = match (set.payee_id, set.payee) {
        (Change::Set(id), _) => {
            let payee = payees::store::find(connection, user_id, id).await?;
            Change::Set(payee.ok_or_else(|| payees::not_found(id))?.id)
        }
        (_, Change::Set(name)) if dry_run => {
            Change::Set(payees::store::look_up(connection, user_id, None, Some(&name)).await?.unwrap_or(NEW))
        }
        (_, Change::Set(name)) => Change::Set(payees::store::find_or_create(connection, user_id, &name).await?),
        (Change::Clear, _) | (_, Change::Clear) => Change::Clear,
        (Change::Keep, Change::Keep) => Change::Keep,
    };
    let tags = match set.tags {
        Some(names) => Some(tags_by_name(connection, user_id, &names, dry_run).await?),
        None => None,
    };
    let add_tags = tags_by_name(connection, user_id, &set.add_tags, dry_run).await?;
    let remove_tags = tags::store::ids(connection, user_id, &set.remove_tags).await?;
    Ok(Columns { title: set.title, categories, date: set.date, note: set.note, payee, tags, add_tags, remove_tags })
}

async fn category_by_id(
    connection: &mut PgConnection,
    user_id: i64,
    id: i64,
    matched: &Matched,
) -> Result<(i64, i64), ApiError> {
    let category = categories::store::find(connection, user_id, id).await?;
    let category = category.ok_or_else(|| categories::not_found(id))?;
    if matched.types.iter().any(|of| *of != category.kind) {
        return Err(ApiError::Validation(vec!["categoryId must be of the type of all these transactions".to_owned()]));
    }
    Ok((id, id))
}

/// The categories of a name, for incomes and for expenses; of those types that there are transactions of.
async fn categories_by_name(
    connection: &mut PgConnection,
    user_id: i64,
    name: &str,
    matched: &Matched,
    dry_run: bool,
) -> Result<(i64, i64), ApiError> {
    let mut ids = [NEW, NEW];
    for (id, kind) in ids.iter_mut().zip([TransactionType::Income, TransactionType::Expense]) {
        if !matched.types.contains(&kind) {
            continue;
        }
        *id = if dry_run {
            categories::store::find_by_name(connection, user_id, kind, name).await?.unwrap_or(NEW)
        } else {
            categories::store::find_or_create(connection, user_id, kind, name).await?
        };
    }
    Ok((ids[0], ids[1]))
}

async fn tags_by_name(
    connection: &mut PgConnection,
    user_id: i64,
    names: &[String],
    dry_run: bool,
) -> Result<Vec<i64>, sqlx::Error> {
    if !dry_run {
        return tags::store::find_or_create(connection, user_id, names).await;
    }
    let mut ids = tags::store::ids(connection, user_id, names).await?;
    let different: HashSet<String> = names.iter().map(|name| key(name)).collect();
    if different.len() > ids.len() {
        ids.push(NEW);
    }
    Ok(ids)
}

/// Changes many transactions at once: all of them, or none.
///
/// By a filter or by ids. With `dryRun` it only counts. It is one operation, and undone as one.
#[utoipa::path(
    patch,
    path = "/api/transactions",
    tag = "transactions",
    security(("bearer" = [])),
    request_body(content = BulkEdit, example = json!({
        "filter": {"startDate": "2026-02-01", "endDate": "2026-02-28"}, "set": {"addTags": ["february"]}, "dryRun": true
    })),
    responses(
        (status = 200, description = "What was changed, or would be", body = SuccessBody<BulkAnswer>),
        (status = 403, description = "`QUOTA_EXCEEDED`: there would be too many, or too much text", body = FailureBody),
        (status = 404, description = "`CATEGORY_NOT_FOUND`, `PAYEE_NOT_FOUND`: what they would get", body = FailureBody),
        (status = 422, description = "`TOO_MUCH_WORK`: more than an account may change at once", body = FailureBody),
    )
)]
pub(super) async fn bulk_update(
    State(state): State<AppState>,
    work: Work,
    _: NoPrecondition,
    Body(edit): Body<BulkEdit>,
) -> Result<Response, ApiError> {
    let BulkEdit { ids, filter, set, dry_run } = edit;
    if dry_run == Some(true) {
        let user_id = work.user_id();
        let (_turn, mut connection) = state.lanes.read(user_id).await?;
        let matched = matched(&mut connection, user_id, ids, filter.as_ref()).await?;
        let columns = columns(&mut connection, user_id, set, &matched, true).await?;
        let changed = bulk_store::differing(&mut connection, user_id, &matched.ids, &columns).await?.len();
        connection.release();
        return Ok(Success::ok(BulkAnswer::new(matched.ids.len(), changed, true)).into_response());
    }
    let (user_id, text) = (work.user_id(), set.weight_of_text());
    let few = ids.clone();
    let weigh = async |database: &mut PgConnection, rows| {
        let Some(ids) = few else { return Ok(i64::MAX) };
        Ok(weight(database, user_id, Those::Ids(&ids), rows).await?.saturating_add(rows_of(&ids) * text))
    };
    work.run_weighed("transactions.update", weigh, async |unit| {
        let matched = matched(unit, user_id, ids, filter.as_ref()).await?;
        if matched.ids.is_empty() {
            // What it names is not made for nothing.
            unit.note_nothing_changed();
            return Ok(Success::ok(BulkAnswer::new(0, 0, false)));
        }
        let columns = columns(unit, user_id, set, &matched, false).await?;
        let differing = bulk_store::differing(unit, user_id, &matched.ids, &columns).await?;
        if differing.is_empty() {
            // What was new would make each of them differ, so nothing was made either.
            unit.note_nothing_changed();
            return Ok(Success::ok(BulkAnswer::new(matched.ids.len(), 0, false)));
        }
        let weight = weight(unit, user_id, Those::Ids(&differing), None).await?;
        unit.charge(weight.saturating_add(rows_of(&differing) * text))?;
        // Before it is written: it may be gigabytes.
        let growth = bulk_store::text_growth(unit, user_id, &differing, &columns).await?;
        if growth > 0 {
            let (operation_id, limits) = (unit.operation_id, unit.quotas);
            quotas::check_text(unit, user_id, operation_id, &limits, growth).await?;
        }
        bulk_store::update(unit, user_id, &differing, &columns).await?;
        if let Some(tags) = &columns.tags {
            tags::store::take_off_but(unit, user_id, &differing, tags).await?;
            tags::store::put_on(unit, user_id, &differing, tags).await?;
        }
        tags::store::take_off(unit, user_id, &differing, &columns.remove_tags).await?;
        tags::store::put_on(unit, user_id, &differing, &columns.add_tags).await?;
        Ok(Success::ok(BulkAnswer::new(matched.ids.len(), differing.len(), false)))
    })
    .await
}

/// Deletes many transactions at once: all of them, or none. They go to the trash.
///
/// By a filter or by ids. With `dryRun` it only counts. It is one operation, and undone as one.
#[utoipa::path(
    delete,
    path = "/api/transactions",
    tag = "transactions",
    security(("bearer" = [])),
    request_body(content = BulkDelete, example = json!({"filter": {"endDate": "2025-12-31"}, "dryRun": true})),
    responses(
        (status = 200, description = "What was deleted, or would be", body = SuccessBody<BulkAnswer>),
        (status = 422, description = "`TOO_MUCH_WORK`: more than an account may change at once", body = FailureBody),
    )
)]
pub(super) async fn bulk_delete(
    State(state): State<AppState>,
    work: Work,
    _: NoPrecondition,
    Body(BulkDelete { ids, filter, dry_run }): Body<BulkDelete>,
) -> Result<Response, ApiError> {
    if dry_run == Some(true) {
        let (_turn, mut connection) = state.lanes.read(work.user_id()).await?;
        let matched = matched(&mut connection, work.user_id(), ids, filter.as_ref()).await?.ids.len();
        connection.release();
        return Ok(Success::ok(BulkAnswer::new(matched, matched, true)).into_response());
    }
    let user_id = work.user_id();
    let few = ids.clone();
    let weigh = async |database: &mut PgConnection, rows| {
        let Some(ids) = few else { return Ok(i64::MAX) };
        weight(database, user_id, Those::Ids(&ids), rows).await
    };
    work.run_weighed("transactions.delete", weigh, async |unit| {
        let matched = matched(unit, user_id, ids, filter.as_ref()).await?.ids;
        if matched.is_empty() {
            unit.note_nothing_changed();
            return Ok(Success::ok(BulkAnswer::new(0, 0, false)));
        }
        let weight = weight(unit, user_id, Those::Ids(&matched), None).await?;
        unit.charge(weight)?;
        bulk_store::delete(unit, user_id, &matched).await?;
        Ok(Success::ok(BulkAnswer::new(matched.len(), matched.len(), false)))
    })
    .await
}

impl BulkSet {
    /// The weight that the texts in it add to each row.
    fn weight_of_text(&self) -> i64 {
        let note = if let Change::Set(note) = &self.note { note.len() } else { 0 };
        of_text(self.title.as_ref().map_or(0, String::len) + note)
    }
}

fn rows_of(ids: &[i64]) -> i64 {
    i64::try_from(ids.len()).unwrap_or(i64::MAX)
}

impl BulkAnswer {
    fn new(matched: usize, changed: usize, dry_run: bool) -> Self {
        Self { matched, changed, dry_run }
    }
}
