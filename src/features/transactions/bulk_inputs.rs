//! The bodies of changes of many transactions.

use serde::Serialize;
use utoipa::ToSchema;

use super::filter::TransactionFilter;
use super::rules::{CATEGORY, EntryDay, NamedCategory, NamedPayee, NoteText, PAYEE, TagNames, Title, either};
use crate::domain::name::key;
use crate::fields;
use crate::http::input::FieldUpdate;
use crate::http::presence::{Clearable, Defaulted, Included, Optional, Required, Settable};
use crate::http::rules::{Flag, Id, List, Nested};
use crate::http::weight::of_text;

fields! {
    /// The transactions of a bulk change: by their ids, or by a filter.
    #[derive(Debug, Clone)]
    pub(super) struct SelectionFields {
        /// Transactions by their ids; ids that do not exist are ignored.
        ids: Optional<List<Id, 1, 10_000>> = [42, 43],
        /// All transactions that meet a filter, instead of ids.
        filter: Optional<Nested<TransactionFilter>>,
    }
    check(input) {
        let given = [matches!(ids, Some(Some(_))), matches!(filter, Some(Some(_)))];
        if ids.is_some() && filter.is_some() {
            input.not_both(["ids", "filter"], given);
            input.not_neither(["ids", "filter"], given);
            // An empty filter, which is easily a mistake, would mean all transactions.
            if let (Some(None), Some(Some(filter))) = (&ids, &filter)
                && filter.is_empty()
            {
                input.refuse("filter must not be empty");
            }
        }
    }
}

fields! {
    /// A change of many transactions.
    #[derive(Debug, Clone)]
    pub(super) struct BulkEdit as "UpdateTransactions" {
        /// The transactions.
        pub selection: Included<SelectionFields>,
        /// The fields to change.
        pub set: Required<Nested<BulkSet>>,
        /// Counts the transactions that would change, and changes none.
        pub dry_run "dryRun": Defaulted<Flag> = false,
    }
}

fields! {
    /// A deletion of many transactions.
    #[derive(Debug, Clone)]
    pub(super) struct BulkDelete as "DeleteTransactions" {
        /// The transactions.
        pub selection: Included<SelectionFields>,
        /// Counts the transactions that would be deleted, and deletes none.
        pub dry_run "dryRun": Defaulted<Flag> = false,
    }
}

fields! {
    /// The new values of many transactions; fields that are left out stay as they are.
    #[derive(Debug, Clone)]
    pub(super) struct BulkSet as "BulkSet" {
        /// The title.
        pub title: Settable<Title> = "Grab",
        /// The name of a category, which is created if there is none; for each transaction of its own type.
        pub category: Settable<NamedCategory> = "Transportation",
        /// The id of a category, instead of its name: all transactions have to be of its type.
        pub category_id "categoryId": Settable<Id> = 7,
        /// The day.
        pub date: Settable<EntryDay> = "2026-02-16",
        /// Any further notes.
        pub note: Clearable<NoteText> = "business",
        /// The name of a payee, who is created if there is none.
        pub payee: Clearable<NamedPayee> = "Grab",
        /// The id of a payee, instead of the name.
        pub payee_id "payeeId": Clearable<Id> = 5,
        /// The names of all tags.
        pub tags: Settable<TagNames> = ["travel"],
        /// The names of tags to add.
        pub add_tags "addTags": Defaulted<TagNames> = ["travel"],
        /// The names of tags to remove.
        pub remove_tags "removeTags": Defaulted<TagNames> = [],
    }
    check(input) {
        input.describe(|description| description.not_empty = true);
        either(input, CATEGORY, matches!(category, Some(Some(_))), matches!(category_id, Some(Some(_))));
        let by_payee = payee.as_ref().is_some_and(FieldUpdate::is_set);
        either(input, PAYEE, by_payee, payee_id.as_ref().is_some_and(FieldUpdate::is_set));
        if let (Some(add), Some(remove)) = (&add_tags, &remove_tags)
            && let Some(both) = add.iter().find(|name| remove.iter().any(|other| key(other) == key(name)))
        {
            input.refuse(format!("addTags and removeTags must not have the same tag: {both}"));
        }
        if input.was_empty() {
            input.refuse("nothing would be set");
        }
    }
}

impl BulkSet {
    /// The weight that its texts add to each row.
    pub(super) fn weight_of_text(&self) -> i64 {
        let note = if let FieldUpdate::Set(note) = &self.note { note.len() } else { 0 };
        of_text(self.title.as_ref().map_or(0, String::len) + note)
    }
}

/// The transactions of a bulk change.
#[derive(Debug, Clone)]
pub(super) enum Selection {
    /// By their ids.
    Ids(Vec<i64>),
    /// All that meet a filter.
    Filter(Box<TransactionFilter>),
}

impl From<SelectionFields> for Selection {
    fn from(fields: SelectionFields) -> Self {
        match fields.filter {
            Some(filter) => Self::Filter(Box::new(filter)),
            None => Self::Ids(fields.ids.unwrap_or_default()),
        }
    }
}

/// The result of a bulk change.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkResult)]
pub(super) struct BulkAnswer {
    /// The number of transactions that were selected.
    #[schema(example = 120)]
    pub(super) matched: usize,
    /// The number of transactions that were changed or deleted. Those that already had these values are not counted.
    #[schema(example = 118)]
    pub(super) changed: usize,
    /// True if transactions were only counted.
    #[schema(example = false)]
    pub(super) dry_run: bool,
}

impl BulkAnswer {
    /// The result for so many selected and changed transactions.
    pub(super) const fn new(matched: usize, changed: usize, dry_run: bool) -> Self {
        Self { matched, changed, dry_run }
    }
}
