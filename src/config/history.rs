//! `[history]`: how long what was deleted can be restored.

use std::time::Duration;

use super::reader::Reader;

/// How long what was deleted can be restored.
#[derive(Debug, Clone, Copy)]
pub struct HistoryConfig {
    /// The time that a deleted transaction stays in the trash.
    pub trash_retention: Duration,
}

/// So much is certainly a mistake: everything that is deleted would be gone before it could be restored.
const LEAST: Duration = Duration::from_mins(1);

impl HistoryConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        const KEY: &str = "history.trash_retention";
        let trash_retention = reader.required::<Duration>(KEY, "a duration such as 30days")?;
        if trash_retention < LEAST {
            reader.refuse(KEY, "less than a minute would restore nothing", "set for example 30days");
            return None;
        }
        Some(Self { trash_retention })
    }
}
