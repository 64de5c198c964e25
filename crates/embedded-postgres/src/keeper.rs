//! The keeper: a small process that is the parent of the server, so that the server belongs to none of its users.
//!
//! It waits until no process is attached any more, then stops the server. It holds its locks until the end: a process that comes
//! meanwhile waits for that and starts the server again.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

use crate::account::ServerAccount;
use crate::cluster;
use crate::data_dir::DataDir;
use crate::error::{EmbeddedError, EmbeddedProblem, IoContext};
use crate::lock::{self, LockMode};
use crate::names::EmbeddedNames;
use crate::server;

/// The interval at which the keeper checks whether a process is attached.
const BEAT: Duration = Duration::from_millis(50);
/// The interval at which it checks the size of the log.
const LOG_BEAT: Duration = Duration::from_mins(1);
/// The time that a server gets to write everything to disk.
const CLEAN_END: Duration = Duration::from_mins(1);

/// The arguments of a keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeeperArgs {
    pub(crate) directory: PathBuf,
    pub(crate) postgres: PathBuf,
    pub(crate) sockets: PathBuf,
    pub(crate) account: ServerAccount,
    pub(crate) throwaway: bool,
    pub(crate) linger: Duration,
}

impl KeeperArgs {
    pub(crate) fn to_arguments(&self) -> Vec<OsString> {
        let mut arguments = vec![
            "--directory".into(),
            self.directory.clone().into(),
            "--postgres".into(),
            self.postgres.clone().into(),
            "--sockets".into(),
            self.sockets.clone().into(),
            "--linger-ms".into(),
            self.linger.as_millis().to_string().into(),
        ];
        if let ServerAccount::Other { name, uid, gid } = &self.account {
            arguments.extend(["--account".into(), format!("{uid}:{gid}:{name}").into()]);
        }
        if self.throwaway {
            arguments.push("--throwaway".into());
        }
        arguments
    }

    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, EmbeddedProblem> {
        let wrong = |what: &str| EmbeddedProblem::KeeperArguments(what.to_owned());
        let (mut directory, mut postgres, mut sockets) = (None, None, None);
        let (mut account, mut throwaway, mut linger) = (ServerAccount::Own, false, Duration::ZERO);
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| wrong("a value is missing"));
            match name.to_str() {
                Some("--directory") => directory = Some(PathBuf::from(value()?)),
                Some("--postgres") => postgres = Some(PathBuf::from(value()?)),
                Some("--sockets") => sockets = Some(PathBuf::from(value()?)),
                Some("--linger-ms") => {
                    let number = value()?.to_str().and_then(|text| text.parse().ok());
                    linger = Duration::from_millis(number.ok_or_else(|| wrong("--linger-ms takes a number"))?);
                }
                Some("--account") => {
                    account =
                        value()?.to_str().and_then(parse_account).ok_or_else(|| wrong("--account uid:gid:name"))?;
                }
                Some("--throwaway") => throwaway = true,
                _ => return Err(wrong(&format!("{} is not known", name.display()))),
            }
        }
        Ok(Self {
            directory: directory.ok_or_else(|| wrong("--directory is missing"))?,
            postgres: postgres.ok_or_else(|| wrong("--postgres is missing"))?,
            sockets: sockets.ok_or_else(|| wrong("--sockets is missing"))?,
            account,
            throwaway,
            linger,
        })
    }
}

fn parse_account(text: &str) -> Option<ServerAccount> {
    let mut parts = text.splitn(3, ':');
    let uid = parts.next()?.parse().ok()?;
    let gid = parts.next()?.parse().ok()?;
    Some(ServerAccount::Other { name: parts.next()?.to_owned(), uid, gid })
}

/// Runs the keeper until no process uses the server any more. A program calls it when it is started with
/// [`crate::KEEPER_COMMAND`], with the arguments after that.
///
/// Call it on the main thread, before another one is created: the server ends with the thread that started it. Standard input
/// must be the inherited lock.
///
/// ```no_run
/// # use embedded_postgres::EmbeddedNames;
/// # static NAMES: EmbeddedNames = EmbeddedNames {
/// #     program: "notes", data_dir: "", programs: "", database_url: "", container: None,
/// # };
/// let mut arguments = std::env::args_os().skip(1);
/// if arguments.next().is_some_and(|first| first == embedded_postgres::KEEPER_COMMAND) {
///     return embedded_postgres::keep(arguments, &NAMES);
/// }
/// # Ok::<(), embedded_postgres::EmbeddedError>(())
/// ```
///
/// # Errors
///
/// Wrong arguments, or a server that could not be started or has failed.
pub fn keep(arguments: impl IntoIterator<Item = OsString>, names: &'static EmbeddedNames) -> Result<(), EmbeddedError> {
    run_keeper(arguments, names.program).map_err(EmbeddedError::with(names))
}

fn run_keeper(arguments: impl IntoIterator<Item = OsString>, name: &str) -> Result<(), EmbeddedProblem> {
    let args = KeeperArgs::parse(arguments)?;
    // A session of its own: neither Ctrl-C nor the end of a terminal reaches the keeper and the server.
    let _ = rustix::process::setsid();
    let home = DataDir::at(args.directory.clone());
    let attached_path = home.attached_lock();
    let attached = File::open(&attached_path).during("open the lock file", &attached_path)?;
    let mut server = spawn(&home, &args, name)?;
    let mut looked_at_log = Instant::now();
    loop {
        if let Some(status) = server.try_wait().during("wait for", &args.postgres)? {
            say(&format!("PostgreSQL has ended unexpectedly ({status})"));
            return Ok(());
        }
        if !lock::is_current(&attached, &attached_path) {
            say("the directory was removed: PostgreSQL is stopped");
            end(&mut server, Signal::QUIT);
            return Ok(());
        }
        if lock::try_lock(&attached, LockMode::Exclusive).during("lock", &attached_path)? {
            if idle_for(&attached) >= args.linger {
                break;
            }
            attached.unlock().during("unlock", &attached_path)?;
        }
        if looked_at_log.elapsed() > LOG_BEAT {
            home.bound_log();
            looked_at_log = Instant::now();
        }
        thread::sleep(BEAT);
    }
    // From here on `attached` is locked: no process can attach any more.
    let status = end(&mut server, Signal::INT);
    if args.throwaway {
        remove(&home, &args)?;
    } else if status.is_none_or(|status| !status.success()) {
        say("PostgreSQL did not end cleanly: the next start recovers what was not written to disk");
    }
    Ok(())
}

/// Starts the server. Its processes inherit the lock on `server.lock` as their standard input; the keeper does not hold it.
fn spawn(home: &DataDir, args: &KeeperArgs, name: &str) -> Result<Child, EmbeddedProblem> {
    let deadline = Instant::now() + Duration::from_secs(10);
    let Some(server_lock) = lock::take(&home.server_lock(), LockMode::Exclusive, deadline)? else {
        return Err(io::Error::from(io::ErrorKind::ResourceBusy)).during("lock", &home.server_lock());
    };
    server::remove_stale(home, &args.sockets)?;
    let mut command = server::command(home, &args.postgres, &args.account, &args.sockets, (name, args.throwaway));
    command.stdin(server_lock).stdout(Stdio::null());
    command.spawn().during("run", &args.postgres)
}

/// The time since the last process attached. (A process that came and went between two checks left its time on the file.)
fn idle_for(attached: &File) -> Duration {
    let modified = attached.metadata().and_then(|file| file.modified());
    modified.ok().and_then(|time| SystemTime::now().duration_since(time).ok()).unwrap_or_default()
}

/// Stops the server: cleanly, else at once, else by force.
fn end(server: &mut Child, first: Signal) -> Option<ExitStatus> {
    for (signal, patience) in [(first, CLEAN_END), (Signal::QUIT, CLEAN_END / 6), (Signal::KILL, CLEAN_END / 6)] {
        // It may have ended since.
        let _ = kill_process(Pid::from_child(server), signal);
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = server.try_wait() {
                return Some(status);
            }
            thread::sleep(lock::POLL);
        }
    }
    None
}

/// Removes a throwaway database. The lock that the next one waits for comes last: then it may begin in the same place.
fn remove(home: &DataDir, args: &KeeperArgs) -> Result<(), EmbeddedProblem> {
    if args.sockets != home.data() {
        cluster::clear(&args.sockets)?;
    }
    let attached = home.attached_lock();
    for entry in fs::read_dir(home.path()).during("list", home.path())? {
        let path = entry.during("list", home.path())?.path();
        if path != attached {
            cluster::clear(&path)?;
        }
    }
    cluster::clear(&attached)?;
    // If another process has begun in it already, it stays.
    let _ = fs::remove_dir(home.path());
    Ok(())
}

/// Writes to the log of the server, which is the standard error of the keeper.
fn say(what: &str) {
    let _ = writeln!(io::stderr(), "keeper: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_arrive_as_they_were_given() {
        let given = KeeperArgs {
            directory: "/srv/a b,c".into(),
            postgres: "/usr/lib/postgresql/15/bin/postgres".into(),
            sockets: "/srv/a b,c/data".into(),
            account: ServerAccount::Other { name: "postgres".to_owned(), uid: 101, gid: 104 },
            throwaway: true,
            linger: Duration::from_millis(2500),
        };
        assert_eq!(KeeperArgs::parse(given.to_arguments()).unwrap(), given);
        let plain = KeeperArgs { account: ServerAccount::Own, throwaway: false, linger: Duration::ZERO, ..given };
        assert_eq!(KeeperArgs::parse(plain.to_arguments()).unwrap(), plain);
    }

    #[test]
    fn other_arguments_are_refused() {
        for wrong in [&["--directory"][..], &[], &["--help"], &["--linger-ms", "soon"]] {
            assert!(KeeperArgs::parse(wrong.iter().map(OsString::from)).is_err(), "{wrong:?}");
        }
    }
}
