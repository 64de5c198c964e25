//! `[history]`: how long what was deleted can be restored, and what was done be undone.

use std::time::Duration;

use super::reader::Reader;

/// The times that deleted transactions can be restored, and operations be undone.
#[derive(Debug, Clone, Copy)]
pub struct HistoryConfig {
    /// The time that a deleted transaction stays in the trash.
    pub trash_retention: Duration,
    /// The time that an operation is kept, with all that it changed. No shorter than the trash's, which is made of it.
    pub retention: Duration,
}

/// So much is certainly a mistake: everything that is deleted would be gone before it could be restored.
const LEAST: Duration = Duration::from_mins(1);

impl HistoryConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        const KEY: &str = "history.trash_retention";
        const RETENTION: &str = "history.retention";
        let trash_retention = reader.required::<Duration>(KEY, "a duration such as 30days");
        let retention = reader.required::<Duration>(RETENTION, "a duration such as 365days");
        let (trash_retention, retention) = (trash_retention?, retention?);
        if trash_retention < LEAST {
            reader.refuse(KEY, "less than a minute would restore nothing", "set for example 30days");
            return None;
        }
        if retention < trash_retention {
            let told =
                format!("less than {KEY}, and what is in the trash is restored from the operation that deleted it");
            reader.refuse(RETENTION, &told, "set at least as much, for example 365days");
            return None;
        }
        Some(Self { trash_retention, retention })
    }
}
