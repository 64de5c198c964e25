//! The description of a resource.

use std::future::Future;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, Encode, FromRow, Postgres, Type};
use utoipa::{IntoParams, ToSchema};

use crate::features::history::Tx;
use crate::features::history::recorded::RecordedTable;
use crate::fields;
use crate::http::error::ApiError;
use crate::http::input::{FromInput, Input};
use crate::http::page::PageRequest;
use crate::http::presence::{Defaulted, Included};
use crate::http::rules::Flag;
use crate::http::scope::Scope;

/// A resource of the API: rows of one table that belong to a user, under `/api/TABLE`.
///
/// The hooks (`check_new` and so on) run within the transaction of the change; an error undoes all of it.
pub trait Resource: Send + Sync + 'static {
    /// A row, as it is read from the table and answered.
    type Row: Serialize + ToSchema + for<'r> FromRow<'r, PgRow> + Clone + Send + Sync + Unpin + 'static;
    /// The body of a creation.
    type New: FromInput + ToSchema + Send + 'static;
    /// The body of an update.
    type Edit: FromInput + ToSchema + Send + 'static;
    /// The columns that are written, complete.
    type Values: Clone + PartialEq + Send + Sync + 'static;
    /// The query string of the list.
    type Query: ListQuery;
    /// The sort key of the list.
    type Key: SortKey;

    /// The table, for SQL and for undo.
    const TABLE: &'static RecordedTable;
    /// The columns of [`Self::Row`].
    const READ: &'static [&'static str];
    /// The columns of [`Self::Values`], in the order in which [`Self::bind`] adds them.
    const WRITTEN: &'static [&'static str];
    /// The table and the column that refer to a row, which a list counts as `transaction_count`.
    const COUNTED: Option<(&'static str, &'static str)> = None;
    /// A deletion changes rows of other tables, as many as [`Self::weight`] says.
    const DELETION_IS_WEIGHED: bool = false;
    /// Sentences for the document: of the list, of create, of update, of delete.
    const NOTES: [&'static str; 4];
    /// Answers in the document besides those that all resources have.
    const ANSWERS: &'static [(Verb, &'static str, &'static str)] = &[];

    /// The columns of a new row.
    fn created(new: Self::New) -> Self::Values;
    /// The columns of an existing row.
    fn values(row: &Self::Row) -> Self::Values;
    /// The columns after an update.
    fn edited(values: Self::Values, edit: Self::Edit) -> Self::Values;
    /// Adds the columns to the arguments of a statement.
    fn bind(values: &Self::Values, arguments: &mut Arguments);
    /// The id of a row.
    fn id(row: &Self::Row) -> i64;
    /// The name of a row, which is unique.
    fn name(values: &Self::Values) -> &str;
    /// The sort key of a row.
    fn key(row: &Self::Row) -> Self::Key;

    /// Examples of a creation and of an update: all fields, and the first field, where nothing else is said.
    fn examples() -> (Value, Value) {
        let fields = |described: crate::http::input::Description, most: usize| -> Value {
            let examples =
                described.fields.into_iter().filter_map(|field| Some((field.key.to_owned(), field.example?)));
            Value::Object(examples.take(most).collect())
        };
        (fields(Input::described::<Self::New>(), usize::MAX), fields(Input::described::<Self::Edit>(), 1))
    }

    /// The error for a constraint that these columns break, besides a name that is taken.
    fn refusal(_error: &sqlx::Error, _values: &Self::Values) -> Option<ApiError> {
        None
    }

    /// Checks a new row.
    fn check_new(_tx: &mut Tx<'_>, _new: &Self::Values) -> impl Future<Output = Result<(), ApiError>> + Send {
        async { Ok(()) }
    }

    /// Checks an update.
    fn check_update(
        _tx: &mut Tx<'_>,
        _current: &Self::Row,
        _edited: &Self::Values,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        async { Ok(()) }
    }

    /// Checks a deletion.
    fn check_delete(_tx: &mut Tx<'_>, _row: &Self::Row) -> impl Future<Output = Result<(), ApiError>> + Send {
        async { Ok(()) }
    }

    /// The [weight](crate::http::weight) of a change of all rows that refer to a row; of at most `limit` of them.
    fn weight(
        _scope: &mut Scope<'_>,
        _id: i64,
        _limit: Option<i64>,
    ) -> impl Future<Output = Result<i64, sqlx::Error>> + Send {
        async { Ok(0) }
    }
}

/// A resource of which one row can be merged into another one.
pub trait Mergeable: Resource {
    /// Sentences for the document: what a merge does, and what else there is to say.
    const MERGE_NOTES: [&'static str; 2];

    /// Checks a merge of two rows.
    fn check_merge(
        _tx: &mut Tx<'_>,
        source: &Self::Row,
        target: &Self::Row,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        let same = Self::id(source) == Self::id(target);
        async move {
            if !same {
                return Ok(());
            }
            let message = format!("A {} cannot be merged into itself; nothing was changed", Self::TABLE.noun);
            Err(ApiError::Conflict { code: "CONFLICT", message })
        }
    }

    /// Lets everything that refers to one row refer to the other one.
    fn move_references(tx: &mut Tx<'_>, from: i64, into: i64) -> impl Future<Output = Result<(), ApiError>> + Send;
}

/// The operations of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// POST of the collection.
    Create,
    /// PUT and PATCH of a row.
    Update,
    /// DELETE of a row.
    Delete,
    /// POST of `merge` of a row.
    Merge,
}

/// The query string of a list.
pub trait ListQuery: FromInput + IntoParams + Send + Sync + 'static {
    /// Conditions on the rows `n`. In the first one `?` is the first value that [`Self::bind`] adds, and so on.
    const CONDITIONS: &'static [&'static str] = &[];

    /// Adds the values of the conditions.
    fn bind(&self, _arguments: &mut Arguments) {}

    /// The requested page.
    fn page(&self) -> Option<&PageRequest>;

    /// Tells if the rows that refer to each row are counted.
    fn counts(&self) -> bool {
        false
    }

    /// The filters as text: a cursor is good for the same ones only.
    fn filters(&self) -> String {
        String::new()
    }
}

fields! {
    /// The query string of a list with neither filters nor counts.
    #[derive(Debug)]
    pub struct PlainQuery {
        page: Included<Option<PageRequest>>,
    }
}

impl ListQuery for PlainQuery {
    fn page(&self) -> Option<&PageRequest> {
        self.page.as_ref()
    }
}

fields! {
    /// The query string of a list that can count the transactions of each row.
    #[derive(Debug)]
    pub struct CountingQuery {
        /// Adds `transactionCount` to each row.
        counts: Defaulted<Flag>,
        page: Included<Option<PageRequest>>,
    }
}

impl ListQuery for CountingQuery {
    fn page(&self) -> Option<&PageRequest> {
        self.page.as_ref()
    }

    fn counts(&self) -> bool {
        self.counts
    }
}

/// The sort key of a list, different for each row.
pub trait SortKey: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The expressions that rows are sorted by.
    const COLUMNS: &'static [&'static str];

    /// Adds the values of the key.
    fn bind(&self, arguments: &mut Arguments);
}

/// The name, in the order of a dictionary, then the id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NameKey(pub String, pub i64);

impl SortKey for NameKey {
    const COLUMNS: &'static [&'static str] = &["n.name collate \"und-x-icu\"", "n.id"];

    fn bind(&self, arguments: &mut Arguments) {
        arguments.add(self.0.as_str());
        arguments.add(self.1);
    }
}

/// The arguments of a statement.
#[derive(Default)]
pub struct Arguments(PgArguments, Option<BoxDynError>);

impl Arguments {
    /// Adds a value.
    pub fn add<'t, T: Encode<'t, Postgres> + Type<Postgres>>(&mut self, value: T) {
        if let Err(error) = self.0.add(value) {
            self.1.get_or_insert(error);
        }
    }

    /// The arguments for sqlx.
    ///
    /// # Errors
    /// A value could not be encoded.
    pub fn finish(self) -> Result<PgArguments, sqlx::Error> {
        self.1.map_or(Ok(self.0), |error| Err(sqlx::Error::Encode(error)))
    }
}

/// The example of a merge.
pub(super) fn merge_example() -> Value {
    json!({"into": 7})
}
