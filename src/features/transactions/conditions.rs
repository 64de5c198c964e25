//! The criteria of a list as conditions in SQL.

use std::slice::from_ref;

use super::criteria::{Criteria, WordWithPayees};
use super::filter::TransactionOrder;
use super::statement::Statement;
use crate::domain::search::index_query;

/// The subject of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Criterion {
    Days,
    Amounts,
    Type,
    Categories,
    Payee,
    Currency,
    Ids,
    Tag,
    Word,
}

/// A criterion as a condition on rows `t`.
pub(super) struct Condition {
    pub(super) on: Criterion,
    /// The condition for rows that are looked at one by one.
    pub(super) plain: String,
    /// The same, in the form that the index of the criterion supports.
    pub(super) indexed: String,
    /// The name of the value.
    pub(super) value: String,
}

impl Criteria {
    /// The criteria as conditions, but for the bounds of the column that the list is sorted by.
    pub(super) fn conditions(&self, statement: &mut Statement, order: Option<TransactionOrder>) -> Vec<Condition> {
        let mut found = Vec::new();
        let mut add = |on, value, plain: &str, indexed: &str| found.push(Condition::new(on, value, plain, indexed));
        let sorted_by = order.map(TransactionOrder::column);
        if sorted_by != Some("date") && (self.start.is_some() || self.end.is_some()) {
            let (from, to) = self.days();
            let within = format!("t.date between {} and ?", statement.value(from));
            add(Criterion::Days, statement.value(to), &within, &within);
        }
        if sorted_by != Some("amount") && (self.min.is_some() || self.max.is_some()) {
            let (from, to) = self.amounts();
            let within = format!("t.amount between {} and ?", statement.value(from));
            add(Criterion::Amounts, statement.value(to), &within, &within);
        }
        if let Some(kind) = self.r#type {
            // A category is of one kind, and the index of categories finds a rare kind.
            let indexed = format!("t.type = ? and t.category_id = any ({})", categories_of("?"));
            add(Criterion::Type, statement.value(kind), "t.type = ?", &indexed);
        }
        if let Some(ids) = &self.categories {
            let among = "t.category_id = any (?)";
            add(Criterion::Categories, statement.value(ids), among, among);
        }
        if let Some(payee) = self.payee {
            add(Criterion::Payee, statement.value(payee), "t.payee_id = ?", "t.payee_id = ?");
        }
        if let Some(currency) = self.currency {
            // A plan for any currency expects a share of all rows, and reads them all; of a range it expects few.
            add(Criterion::Currency, statement.value(currency), "t.currency = ?", "t.currency between ? and ?");
        }
        if let Some(ids) = &self.ids {
            add(Criterion::Ids, statement.value(ids), "t.id = any (?)", "t.id = any (?)");
        }
        if let Some(tag) = self.tag {
            let link = "from transaction_tags l where l.user_id = $1 and l.transaction_id = t.id and l.tag_id = ?";
            // Not `exists`, which would become a join with all rows of the tag.
            let (plain, indexed) = (format!("(select l.tag_id {link}) is not null"), format!("exists (select {link})"));
            add(Criterion::Tag, statement.value(tag), &plain, &indexed);
        }
        for WordWithPayees { word, payees } in &self.words {
            let like: Vec<String> =
                word.patterns().map(|pattern| format!("t.search like {}", statement.value(pattern))).collect();
            let like = like.join(" or ");
            let indexed = format!("({like}) and search_grams(t.user_id, t.search) @@ ?::text::tsquery");
            let grams = statement.value(index_query(statement.user_id, from_ref(word)));
            if payees.is_empty() {
                add(Criterion::Word, grams, &format!("({like})"), &indexed);
            } else {
                let of_payees = format!("t.user_id = $1 and t.payee_id = any ({})", statement.value(payees));
                add(
                    Criterion::Word,
                    grams,
                    &format!("({like} or {of_payees})"),
                    &format!("({indexed} or {of_payees})"),
                );
            }
        }
        found
    }
}

impl Condition {
    /// A condition in both forms, in which `?` is the value.
    fn new(on: Criterion, value: String, plain: &str, indexed: &str) -> Self {
        Self { on, plain: plain.replace('?', &value), indexed: indexed.replace('?', &value), value }
    }
}

/// The categories of a kind, as an array.
pub(super) fn categories_of(kind: &str) -> String {
    format!("array(select c.id from categories c where c.user_id = $1 and c.kind = {kind})")
}

/// A select of the rows `t` that meet all conditions, by their indexes.
pub(super) fn by_indexes<'c>(conditions: impl IntoIterator<Item = &'c Condition>, columns: &str) -> String {
    let (words, others): (Vec<&Condition>, Vec<&Condition>) =
        conditions.into_iter().partition(|condition| condition.on == Criterion::Word);
    let all = |conditions: &[&Condition]| -> String {
        conditions.iter().map(|condition| format!(" and {}", condition.indexed)).collect()
    };
    let from = if words.is_empty() || others.is_empty() {
        format!("transactions t where t.user_id = $1{}", all(&words))
    } else {
        // By words first: the index of words takes no other condition, and would be combined with one of all rows.
        let found = format!("select t.* from transactions t where t.user_id = $1{} offset 0", all(&words));
        format!("({found}) t where t.user_id = $1")
    };
    format!("select {columns} from {from}{}", all(&others))
}
