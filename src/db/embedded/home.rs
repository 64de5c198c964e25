//! The directory of one embedded database, and what is where in it.
//!
//! ```text
//! postgres/            ours
//!   data/              PostgreSQL's own directory, 0700, the server account's; the socket is in it
//!   data.new/          the same while the first start makes it
//!   password           the role's password, 0600
//!   server.log         what the server and its keeper say
//!   attached.lock      shared by every process that uses the database
//!   start.lock         held by the one that looks after the start
//!   keeper.lock        held by the keeper
//!   server.lock        held by the server's processes
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use super::account;
use super::error::{Doing, EmbeddedError};

/// Above this size the server's log is begun anew; one former log is kept.
const LOG_LIMIT: u64 = 4 << 20;
/// How much of the log's end a message shows.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 15;

/// The directory of one embedded database.
#[derive(Debug, Clone)]
pub(super) struct Home(PathBuf);

impl Home {
    /// Makes the directory if it is not there, and checks that it is ours.
    pub(super) fn open(directory: &Path) -> Result<Self, EmbeddedError> {
        if let Some(parent) = directory.parent() {
            fs::create_dir_all(parent).doing("create", parent)?;
        }
        // Root's is open to be passed through, because the server runs as another account.
        let mode = if account::is_root() { 0o711 } else { 0o700 };
        match DirBuilder::new().mode(mode).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error).doing("create", directory),
            _ => {}
        }
        let path = directory.canonicalize().doing("resolve", directory)?;
        let owner = fs::metadata(&path).doing("examine", &path)?.uid();
        if !account::is_root() && owner != account::own_uid() {
            return Err(EmbeddedError::NotOurs { path, owner });
        }
        Ok(Self(path))
    }

    /// A directory that [`Home::open`] has made.
    pub(super) fn at(directory: PathBuf) -> Self {
        Self(directory)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    pub(super) fn unfinished(&self) -> PathBuf {
        self.0.join("data.new")
    }

    pub(super) fn pid_file(&self) -> PathBuf {
        self.0.join("data/postmaster.pid")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.0.join("server.log")
    }

    pub(super) fn attached_lock(&self) -> PathBuf {
        self.0.join("attached.lock")
    }

    pub(super) fn start_lock(&self) -> PathBuf {
        self.0.join("start.lock")
    }

    pub(super) fn keeper_lock(&self) -> PathBuf {
        self.0.join("keeper.lock")
    }

    pub(super) fn server_lock(&self) -> PathBuf {
        self.0.join("server.lock")
    }

    pub(super) fn password_file(&self) -> PathBuf {
        self.0.join("password")
    }

    /// The password, if it was made.
    pub(super) fn password(&self) -> Result<Option<String>, EmbeddedError> {
        let path = self.password_file();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).doing("read", &path),
        }
    }

    /// Writes a file that only its owner reads.
    pub(super) fn write_private(&self, path: &Path, text: &str) -> Result<(), EmbeddedError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(path).doing("create", path)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).doing("write", path)?;
        self.give_to_owner(path)
    }

    /// The log, opened for appending; begun anew if it has grown large.
    pub(super) fn open_log(&self) -> Result<File, EmbeddedError> {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|log| log.len() > LOG_LIMIT) {
            fs::rename(&path, self.0.join("server.log.1")).doing("rename", &path)?;
        }
        let log = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).doing("open", &path)?;
        self.give_to_owner(&path)?;
        Ok(log)
    }

    /// Keeps the log of a running server from filling the disk. What is appended afterwards begins at the front.
    pub(super) fn bound_log(&self) {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|log| log.len() > 4 * LOG_LIMIT)
            && let Ok(log) = OpenOptions::new().write(true).open(&path)
        {
            let _ = log.set_len(0);
        }
    }

    /// How long the log is now, so that [`Home::log_tail`] can leave out what was said before.
    pub(super) fn log_length(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |log| log.len())
    }

    /// The log's last lines, for a message; none from before `since`.
    pub(super) fn log_tail(&self, since: u64) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut log = File::open(self.log())?;
            let from = log.metadata()?.len().saturating_sub(TAIL_BYTES).max(since);
            log.seek(SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            log.take(TAIL_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
        if tail.is_empty() { "  (nothing)".to_owned() } else { format!("  {}", tail.join("\n  ")) }
    }

    /// What root makes in a user's directory is the user's, who may come without `sudo` the next time.
    fn give_to_owner(&self, path: &Path) -> Result<(), EmbeddedError> {
        if account::is_root() {
            let owner = fs::metadata(&self.0).doing("examine", &self.0)?;
            chown(path, Some(owner.uid()), Some(owner.gid())).doing("change the owner of", path)?;
        }
        Ok(())
    }
}
