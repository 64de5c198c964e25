//! The directory of one embedded database, and the files in it.
//!
//! ```text
//! postgres/            the directory
//!   data/              PostgreSQL's own directory, 0700, owned by the server's account; the socket is in it
//!   data.new/          the same while the first start creates it
//!   password           the role's password, 0600
//!   server.log         the log of the server and its keeper
//!   attached.lock      shared by every process that uses the database
//!   start.lock         held by the process that starts the server
//!   keeper.lock        held by the keeper
//!   server.lock        held by the server's processes
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use crate::error::{EmbeddedProblem, IoContext};
use crate::uid::{is_root, own_uid};

/// The size in bytes above which a new log is begun. One former log is kept.
const LOG_LIMIT: u64 = 4 << 20;
/// The part of the log's end that a message shows.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 15;

/// The directory of one embedded database.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Creates the directory if it does not exist, and checks that it belongs to this user.
    pub(crate) fn open(directory: &Path) -> Result<Self, EmbeddedProblem> {
        if let Some(parent) = directory.parent() {
            fs::create_dir_all(parent).during("create", parent)?;
        }
        // Others may pass through root's, because the server runs as another account.
        let mode = if is_root() { 0o711 } else { 0o700 };
        match DirBuilder::new().mode(mode).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).during("create", directory);
            }
            _ => {}
        }
        let path = directory.canonicalize().during("resolve", directory)?;
        let owner = fs::metadata(&path).during("examine", &path)?.uid();
        if !is_root() && owner != own_uid() {
            return Err(EmbeddedProblem::NotOurs { path, owner });
        }
        Ok(Self(path))
    }

    /// A directory that [`DataDir::open`] has created.
    pub(crate) fn at(directory: PathBuf) -> Self {
        Self(directory)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    pub(crate) fn unfinished(&self) -> PathBuf {
        self.0.join("data.new")
    }

    pub(crate) fn pid_file(&self) -> PathBuf {
        self.0.join("data/postmaster.pid")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("server.log")
    }

    pub(crate) fn attached_lock(&self) -> PathBuf {
        self.0.join("attached.lock")
    }

    pub(crate) fn start_lock(&self) -> PathBuf {
        self.0.join("start.lock")
    }

    pub(crate) fn keeper_lock(&self) -> PathBuf {
        self.0.join("keeper.lock")
    }

    pub(crate) fn server_lock(&self) -> PathBuf {
        self.0.join("server.lock")
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.0.join("password")
    }

    /// The password, if there is one.
    pub(crate) fn password(&self) -> Result<Option<String>, EmbeddedProblem> {
        let path = self.password_file();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).during("read", &path),
        }
    }

    /// Writes a file that only its owner may read.
    pub(crate) fn write_private(&self, path: &Path, text: &str) -> Result<(), EmbeddedProblem> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(path).during("create", path)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).during("write", path)?;
        self.give_to_owner(path)
    }

    /// Opens the log for appending. A large one is renamed first.
    pub(crate) fn open_log(&self) -> Result<File, EmbeddedProblem> {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|log| log.len() > LOG_LIMIT) {
            fs::rename(&path, self.0.join("server.log.1")).during("rename", &path)?;
        }
        let log = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).during("open", &path)?;
        self.give_to_owner(&path)?;
        Ok(log)
    }

    /// Truncates a large log of a running server, so that it does not fill the disk.
    pub(crate) fn bound_log(&self) {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|log| log.len() > 4 * LOG_LIMIT)
            && let Ok(log) = OpenOptions::new().write(true).open(&path)
        {
            let _ = log.set_len(0);
        }
    }

    /// The present length of the log, so that [`DataDir::log_tail`] can skip earlier lines.
    pub(crate) fn log_length(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |log| log.len())
    }

    /// The last lines of the log for a message, none from before `since`.
    pub(crate) fn log_tail(&self, since: u64) -> String {
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

    /// Makes the owner of the directory the owner of a file that root created: the user may come without `sudo` next time.
    fn give_to_owner(&self, path: &Path) -> Result<(), EmbeddedProblem> {
        if is_root() {
            let owner = fs::metadata(&self.0).during("examine", &self.0)?;
            chown(path, Some(owner.uid()), Some(owner.gid())).during("change the owner of", path)?;
        }
        Ok(())
    }
}
