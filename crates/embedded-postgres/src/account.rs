//! The account of the server. PostgreSQL refuses to run as root, so root runs it as another account.

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::data_dir::DataDir;
use crate::error::{EmbeddedProblem, IoContext};
use crate::uid::{is_root, own_uid};

/// The environment variables that PostgreSQL's programs get: enough to run, and none with secrets.
const INHERITED: [&str; 5] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "TMPDIR"];

/// The account that the server runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServerAccount {
    /// The account of this process.
    Own,
    /// Another account, because this process runs as root.
    Other { name: String, uid: u32, gid: u32 },
}

impl ServerAccount {
    /// Chooses the account for a database: the owner of its data unless that is root; the owner of its directory unless that is
    /// root, so that this user can continue without root; else `postgres` or `nobody`.
    pub(crate) fn choose(home: &DataDir) -> Result<Self, EmbeddedProblem> {
        if !is_root() {
            return Ok(Self::Own);
        }
        let passwd = Path::new("/etc/passwd");
        let passwd = fs::read_to_string(passwd).during("read", passwd)?;
        for path in [home.data(), home.path().to_owned()] {
            if let Ok(owned) = fs::metadata(path)
                && owned.uid() != 0
            {
                let name = name_of(&passwd, owned.uid()).unwrap_or_else(|| format!("uid {}", owned.uid()));
                return Ok(Self::Other { name, uid: owned.uid(), gid: owned.gid() });
            }
        }
        ["postgres", "nobody"].iter().find_map(|name| look_up(&passwd, name)).ok_or(EmbeddedProblem::NoAccount)
    }

    /// The owner of the server's files.
    pub(crate) fn uid(&self) -> u32 {
        match self {
            Self::Own => own_uid(),
            Self::Other { uid, .. } => *uid,
        }
    }

    /// A command that runs one of PostgreSQL's programs as this account. Its messages are in English, and its directory is one
    /// that everybody may enter: it would not start in one that it cannot read.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = clean_command(program);
        if let Self::Other { uid, gid, .. } = self {
            // The standard library drops the supplementary groups with this.
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Makes the account the owner of a path and everything in it.
    pub(crate) fn give(&self, path: &Path) -> Result<(), EmbeddedProblem> {
        let Self::Other { uid, gid, .. } = self else { return Ok(()) };
        lchown(path, Some(*uid), Some(*gid)).during("change the owner of", path)?;
        if fs::symlink_metadata(path).during("examine", path)?.is_dir() {
            for entry in fs::read_dir(path).during("list", path)? {
                self.give(&entry.during("list", path)?.path())?;
            }
        }
        Ok(())
    }

    /// Checks that the account can reach the database and the programs.
    pub(crate) fn check_reach(&self, home: &DataDir, postgres: &Path) -> Result<(), EmbeddedProblem> {
        let Self::Other { name, uid, gid } = self else { return Ok(()) };
        // It is tried, because permissions are more than mode bits (access lists, file systems mapped for containers).
        let mut trial = self.command(postgres);
        trial
            .arg("--version")
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let Err(source) = trial.status() else { return Ok(()) };
        for wanted in [home.path(), postgres] {
            if let Some(closed) = first_closed(wanted, *uid, *gid) {
                return Err(EmbeddedProblem::ClosedDirectory {
                    account: name.clone(),
                    closed,
                    wanted: wanted.to_owned(),
                });
            }
        }
        Err(source).during("run as another account", postgres)
    }
}

/// A command with only the inherited variables.
pub(crate) fn clean_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir("/").env("LC_ALL", "C");
    for name in INHERITED {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// The first directory on the way to `path` that the account may not enter, according to the mode bits.
fn first_closed(path: &Path, uid: u32, gid: u32) -> Option<PathBuf> {
    let mut directories: Vec<_> = path.ancestors().filter(|path| path.is_dir()).collect();
    directories.reverse();
    directories
        .into_iter()
        .find(|directory| {
            fs::metadata(directory).is_ok_and(|found| {
                let bit = if found.uid() == uid {
                    0o100
                } else if found.gid() == gid {
                    0o010
                } else {
                    0o001
                };
                found.mode() & bit == 0
            })
        })
        .map(Path::to_owned)
}

fn look_up(passwd: &str, wanted: &str) -> Option<ServerAccount> {
    entries(passwd).find(|(name, ..)| *name == wanted).map(|(name, uid, gid)| ServerAccount::Other {
        name: name.to_owned(),
        uid,
        gid,
    })
}

fn name_of(passwd: &str, wanted: u32) -> Option<String> {
    entries(passwd).find(|(_, uid, _)| *uid == wanted).map(|(name, ..)| name.to_owned())
}

/// Name, uid and gid of each line. macOS writes `nobody` as -2.
fn entries(passwd: &str) -> impl Iterator<Item = (&str, u32, u32)> {
    let number = |text: &str| text.parse().ok().or_else(|| text.parse().ok().map(i32::cast_unsigned));
    passwd.lines().filter_map(move |line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = number(fields.nth(1)?)?;
        Some((name, uid, number(fields.next()?)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "# a comment\nroot:x:0:0:root:/root:/bin/bash\nnobody:*:-2:-2:Nobody:/:/usr/bin/false\n\
                          postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn accounts_are_found_by_name_and_by_number() {
        let postgres = ServerAccount::Other { name: "postgres".to_owned(), uid: 101, gid: 104 };
        assert_eq!(look_up(PASSWD, "postgres"), Some(postgres));
        assert_eq!(name_of(PASSWD, 101).as_deref(), Some("postgres"));
        assert_eq!(look_up(PASSWD, "postgre"), None);
    }

    #[test]
    fn negative_numbers_wrap_as_the_system_has_them() {
        let nobody = ServerAccount::Other { name: "nobody".to_owned(), uid: u32::MAX - 1, gid: u32::MAX - 1 };
        assert_eq!(look_up(PASSWD, "nobody"), Some(nobody));
    }
}
