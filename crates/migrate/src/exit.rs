//! The exit codes of the commands.

use std::process::ExitCode;

/// The exit code of a command. The numbers are a contract that scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or nothing to do.
    Done,
    /// 1: failed.
    Failed,
    /// 2: the command line is wrong, or the command is not applicable in the current state.
    Usage,
    /// 3: migrations are pending.
    Pending,
    /// 4: the history differs: an applied file was edited, is missing, is newer than the program's, or came too late.
    HistoryDiffers,
    /// 5: a failed or interrupted migration blocks the others.
    FailedMigration,
    /// 6: the schema differs from the one that the migrations build.
    Drift,
    /// 7: the migration lock was not acquired in time.
    LockTimeout,
    /// 8: refused in this profile.
    Forbidden,
    /// 130: cancelled by a signal or by a person.
    Cancelled,
    /// A code of the embedding program's own.
    Other(u8),
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Pending => 3,
            Self::HistoryDiffers => 4,
            Self::FailedMigration => 5,
            Self::Drift => 6,
            Self::LockTimeout => 7,
            Self::Forbidden => 8,
            Self::Cancelled => 130,
            Self::Other(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
