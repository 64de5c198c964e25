//! Lock files. The kernel releases a lock when the last process that has it open ends, however it ends. So a lock shows for
//! certain which process is alive, which a process id in a file does not.
//!
//! A lock belongs to the *open file*: a child that inherits the file as its standard input holds the lock too, also after its
//! parent has ended. `initdb`, the keeper and `postgres` hold theirs in this way.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{EmbeddedProblem, IoContext};

/// The interval at which something is checked that is expected soon.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// The mode of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockMode {
    /// Shared with others.
    Shared,
    /// Exclusive.
    Exclusive,
}

/// Takes the lock, if that is possible at once.
pub(crate) fn try_take(path: &Path, mode: LockMode) -> Result<Option<File>, EmbeddedProblem> {
    let file = open(path).during("open the lock file", path)?;
    if !try_lock(&file, mode).during("lock", path)? {
        return Ok(None);
    }
    // A throwaway database is removed with its lock files: a lock on a removed file excludes nobody.
    Ok(is_current(&file, path).then_some(file))
}

/// Takes the lock, waiting for it until `deadline`.
pub(crate) fn take(path: &Path, mode: LockMode, deadline: Instant) -> Result<Option<File>, EmbeddedProblem> {
    loop {
        let taken = try_take(path, mode)?;
        if taken.is_some() || Instant::now() >= deadline {
            return Ok(taken);
        }
        thread::sleep(POLL);
    }
}

/// Changes the mode of a held lock, if that is possible at once. If not, the lock may be lost.
pub(crate) fn try_lock(file: &File, mode: LockMode) -> io::Result<bool> {
    let outcome = match mode {
        LockMode::Shared => file.try_lock_shared(),
        LockMode::Exclusive => file.try_lock(),
    };
    match outcome {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// True if a process holds the lock exclusively.
pub(crate) fn is_held(path: &Path) -> Result<bool, EmbeddedProblem> {
    match File::open(path) {
        Ok(file) => Ok(!try_lock(&file, LockMode::Shared).during("lock", path)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).during("open the lock file", path),
    }
}

/// True if the path still leads to this file.
pub(crate) fn is_current(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(named)) => held.dev() == named.dev() && held.ino() == named.ino(),
        _ => false,
    }
}

/// Opens a lock file. Reading is enough to lock it, so a file of root works in the folder of another user too.
fn open(path: &Path) -> io::Result<File> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(path)
        }
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("embedded-lock-{name}-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        path
    }

    #[test]
    fn sharers_share_and_keep_an_exclusive_one_out() {
        let path = scratch("share");
        let one = try_take(&path, LockMode::Shared).unwrap();
        let two = try_take(&path, LockMode::Shared).unwrap();
        assert!(one.is_some() && two.is_some());
        assert!(try_take(&path, LockMode::Exclusive).unwrap().is_none());
        assert!(!is_held(&path).unwrap());
        drop((one, two));
        let alone = try_take(&path, LockMode::Exclusive).unwrap();
        assert!(alone.is_some() && is_held(&path).unwrap());
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_lock_on_a_removed_file_is_seen_to_be_worthless() {
        let path = scratch("removed");
        let file = try_take(&path, LockMode::Shared).unwrap().unwrap();
        assert!(is_current(&file, &path));
        fs::remove_file(&path).unwrap();
        assert!(!is_current(&file, &path));
    }
}
