//! Lock files. The kernel gives a lock up when the last process that has it open ends, however it ends: so a lock says
//! for certain who is alive, which a process id in a file does not.
//!
//! A lock belongs to the *open file*: a child that gets the file as its standard input holds the lock too, and goes on
//! holding it when its parent is gone. That is how `initdb`, the keeper and `postgres` come to hold theirs.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::error::{Doing, EmbeddedError};

/// How often something is looked at that is expected within a moment.
pub(super) const POLL: Duration = Duration::from_millis(10);

/// The two ways of holding a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Together with other sharers.
    Shared,
    /// Alone.
    Exclusive,
}

/// Takes the lock if it can be had at once.
pub(super) fn try_take(path: &Path, mode: Mode) -> Result<Option<File>, EmbeddedError> {
    let file = open(path).doing("open the lock file", path)?;
    if !try_lock(&file, mode).doing("lock", path)? {
        return Ok(None);
    }
    // A throwaway database is removed with its lock files: a lock on a removed file excludes nobody.
    Ok(is_current(&file, path).then_some(file))
}

/// Takes the lock, waiting for it until `deadline`.
pub(super) fn take(path: &Path, mode: Mode, deadline: Instant) -> Result<Option<File>, EmbeddedError> {
    loop {
        let taken = try_take(path, mode)?;
        if taken.is_some() || Instant::now() >= deadline {
            return Ok(taken);
        }
        thread::sleep(POLL);
    }
}

/// Changes a lock that is held, if the other mode can be had at once. If not, it may be lost.
pub(super) fn try_lock(file: &File, mode: Mode) -> io::Result<bool> {
    let outcome = match mode {
        Mode::Shared => file.try_lock_shared(),
        Mode::Exclusive => file.try_lock(),
    };
    match outcome {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether some process holds the lock exclusively.
pub(super) fn is_held(path: &Path) -> Result<bool, EmbeddedError> {
    match File::open(path) {
        Ok(file) => Ok(!try_lock(&file, Mode::Shared).doing("lock", path)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).doing("open the lock file", path),
    }
}

/// Whether the path still leads to this file.
pub(super) fn is_current(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(named)) => held.dev() == named.dev() && held.ino() == named.ino(),
        _ => false,
    }
}

/// Reading is enough to lock, so that a file that root made serves its owner's folder too.
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
        let one = try_take(&path, Mode::Shared).unwrap();
        let two = try_take(&path, Mode::Shared).unwrap();
        assert!(one.is_some() && two.is_some());
        assert!(try_take(&path, Mode::Exclusive).unwrap().is_none());
        assert!(!is_held(&path).unwrap());
        drop((one, two));
        let alone = try_take(&path, Mode::Exclusive).unwrap();
        assert!(alone.is_some() && is_held(&path).unwrap());
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_lock_on_a_removed_file_is_seen_to_be_worthless() {
        let path = scratch("removed");
        let file = try_take(&path, Mode::Shared).unwrap().unwrap();
        assert!(is_current(&file, &path));
        fs::remove_file(&path).unwrap();
        assert!(!is_current(&file, &path));
    }
}
