//! `[history]`: how long deleted transactions can be restored and operations undone.

use std::time::Duration;

use super::reader::SettingsReader;

/// The settings of the trash and of undo.
#[derive(Debug, Clone, Copy)]
pub struct HistoryConfig {
    /// The time that a deleted transaction stays in the trash.
    pub trash_retention: Duration,
    /// The time that an operation stays undoable. Never shorter than the trash's, because transactions are restored
    /// from the operation that deleted them.
    pub retention: Duration,
}

/// A shorter time is certainly a mistake: deleted transactions would be gone before anybody could restore them.
const MIN_RETENTION: Duration = Duration::from_mins(1);

impl HistoryConfig {
    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Option<Self> {
        const TRASH: &str = "history.trash_retention";
        const RETENTION: &str = "history.retention";
        let trash_retention = reader.required::<Duration>(TRASH, "a duration such as 30days");
        let retention = reader.required::<Duration>(RETENTION, "a duration such as 365days");
        let (trash_retention, retention) = (trash_retention?, retention?);
        if trash_retention < MIN_RETENTION {
            reader.refuse(TRASH, "less than a minute would restore nothing", "set for example 30days");
            return None;
        }
        if retention < trash_retention {
            let problem =
                format!("less than {TRASH}, but a deleted transaction is restored from the operation that deleted it");
            reader.refuse(RETENTION, &problem, "set at least as much, for example 365days");
            return None;
        }
        Some(Self { trash_retention, retention })
    }
}
