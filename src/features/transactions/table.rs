//! The table `transactions`, for undo.

use crate::features::history::recorded::{PLAIN, RecordedTable, RowLimit, UndoRules};

/// The table.
pub(super) const TABLE: RecordedTable = RecordedTable {
    name: "transactions",
    noun: "transaction",
    columns: &[
        "title",
        "title_en",
        "amount",
        "currency",
        "type",
        "category_id",
        "date",
        "created_at",
        "updated_at",
        "note",
        "payee_id",
        "category_source",
        "category_reason",
        "search",
    ],
    derived: &["updated_at", "search"],
    limit: RowLimit::Quota(|quotas| quotas.transactions),
    constraints: &[
        ("transactions_category_fkey", "the category of a transaction is not there any more"),
        ("transactions_payee_fkey", "the payee of a transaction is not there any more"),
    ],
    undo: UndoRules {
        // A tag that was put on since.
        changed_since: "or exists (select from transaction_tags l \
            where l.user_id = $1 and l.user_id = c.user_id and l.transaction_id = c.entity_id \
            and not exists (select from changes i where i.user_id = $1 and i.user_id = c.user_id and i.operation_id = c.operation_id \
            and i.entity = 'transaction_tags' and i.entity_id = c.entity_id and i.tag_id = l.tag_id))",
        restored: "c.before || jsonb_build_object('category_id', coalesce($4::jsonb -> (c.before ->> 'category_id'), \
            c.before -> 'category_id'), 'payee_id', case when $5::jsonb ? (c.before ->> 'payee_id') \
            then $5::jsonb -> (c.before ->> 'payee_id') else c.before -> 'payee_id' end)",
        // The search text is made of several columns, of which only some are put back; a job fills it again.
        recomputed: "'null'::jsonb",
        ..PLAIN
    },
    ..RecordedTable::EMPTY
};
