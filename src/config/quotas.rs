//! `[quotas]`: the most that one user may have.

use super::reader::Reader;

/// The most that one user may have. What would exceed it is answered 403 `QUOTA_EXCEEDED`; of the history, the oldest
/// operations go instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotasConfig {
    /// Transactions that are not deleted.
    pub transactions: i64,
    /// Bytes of UTF-8 in titles, notes and names.
    pub text_bytes: i64,
    /// Tags.
    pub tags: i64,
    /// Payees.
    pub payees: i64,
    /// Categories.
    pub categories: i64,
    /// Levels of the tree of categories.
    pub category_depth: i64,
    /// Tags of one transaction.
    pub tags_per_transaction: i64,
    /// Operations that are kept. The oldest go first.
    pub operations: i64,
    /// Bytes of what the operations changed, as JSON. The oldest operations go first.
    pub history_bytes: i64,
    /// Answers kept for an `Idempotency-Key`.
    pub idempotency_keys: i64,
}

/// Walks through the tree are bounded by this, so that it must not be any number.
const MOST_LEVELS: i64 = 100;

/// One request may bring so many.
const TAGS_OF_REQUEST: i64 = 50;

impl QuotasConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut read = |key, least, most| read(reader, key, least, most);
        let transactions = read("quotas.transactions", 1, i64::MAX);
        let text_bytes = read("quotas.text_bytes", 1, i64::MAX);
        let tags = read("quotas.tags", 1, i64::MAX);
        let payees = read("quotas.payees", 1, i64::MAX);
        let categories = read("quotas.categories", 1, i64::MAX);
        let category_depth = read("quotas.category_depth", 1, MOST_LEVELS);
        let tags_per_transaction = read("quotas.tags_per_transaction", TAGS_OF_REQUEST, i64::MAX);
        let operations = read("quotas.operations", 1, i64::MAX);
        let history_bytes = read("quotas.history_bytes", 1, i64::MAX);
        let idempotency_keys = read("quotas.idempotency_keys", 1, i64::MAX);
        Some(Self {
            transactions: transactions?,
            text_bytes: text_bytes?,
            tags: tags?,
            payees: payees?,
            categories: categories?,
            category_depth: category_depth?,
            tags_per_transaction: tags_per_transaction?,
            operations: operations?,
            history_bytes: history_bytes?,
            idempotency_keys: idempotency_keys?,
        })
    }
}

fn read(reader: &mut Reader<'_>, key: &'static str, least: i64, most: i64) -> Option<i64> {
    let allowed = match (least, most) {
        (least, i64::MAX) => format!("a whole number from {least} on"),
        (least, most) => format!("a whole number from {least} to {most}"),
    };
    let number = reader.required::<u64>(key, &allowed)?;
    let number = i64::try_from(number).ok().filter(|number| (least..=most).contains(number));
    if number.is_none() {
        reader.refuse(key, "out of range", &allowed);
    }
    number
}
