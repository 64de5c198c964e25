//! `[quotas]`: limits per user.

use super::reader::SettingsReader;

/// Limits per user. A request that would exceed one is answered 403 `QUOTA_EXCEEDED`. The limits of the history
/// delete the oldest operations instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotasConfig {
    /// Transactions, without deleted ones.
    pub transactions: i64,
    /// Bytes of UTF-8 in titles, notes and names.
    pub text_bytes: i64,
    /// Tags.
    pub tags: i64,
    /// Payees.
    pub payees: i64,
    /// Categories.
    pub categories: i64,
    /// Levels of the category tree.
    pub category_depth: i64,
    /// Tags per transaction.
    pub tags_per_transaction: i64,
    /// Operations in the history. The oldest are deleted first.
    pub operations: i64,
    /// Bytes of recorded changes, as JSON. The oldest operations are deleted first.
    pub history_bytes: i64,
    /// Answers stored for an `Idempotency-Key`.
    pub idempotency_keys: i64,
}

/// The upper limit of `category_depth`, because it bounds recursive queries.
const MAX_LEVELS: i64 = 100;

/// The maximum number of tags in one request.
const MAX_TAGS_PER_REQUEST: i64 = 50;

impl QuotasConfig {
    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Option<Self> {
        let mut read = |key, least, most| read(reader, key, least, most);
        let transactions = read("quotas.transactions", 1, i64::MAX);
        let text_bytes = read("quotas.text_bytes", 1, i64::MAX);
        let tags = read("quotas.tags", 1, i64::MAX);
        let payees = read("quotas.payees", 1, i64::MAX);
        let categories = read("quotas.categories", 1, i64::MAX);
        let category_depth = read("quotas.category_depth", 1, MAX_LEVELS);
        let tags_per_transaction = read("quotas.tags_per_transaction", MAX_TAGS_PER_REQUEST, i64::MAX);
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

fn read(reader: &mut SettingsReader<'_>, key: &'static str, least: i64, most: i64) -> Option<i64> {
    let allowed = match (least, most) {
        (least, i64::MAX) => format!("a whole number of at least {least}"),
        (least, most) => format!("a whole number from {least} to {most}"),
    };
    let number = reader.required::<u64>(key, &allowed)?;
    let number = i64::try_from(number).ok().filter(|number| (least..=most).contains(number));
    if number.is_none() {
        reader.refuse(key, "out of range", &allowed);
    }
    number
}
