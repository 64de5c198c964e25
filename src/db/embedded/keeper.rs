//! The keeper: a small process that is the server's parent, so that the server belongs to nobody who uses it.
//!
//! It waits until no process is attached any more, then stops the server. It holds its locks to the very end: who comes
//! meanwhile waits for that and starts anew.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

use super::account::Account;
use super::cluster;
use super::error::{Doing, EmbeddedError};
use super::home::Home;
use super::lock::{self, Mode};
use super::server;

/// How often the keeper looks whether anybody is attached.
const BEAT: Duration = Duration::from_millis(50);
/// How often it looks at the size of the log.
const LOG_BEAT: Duration = Duration::from_mins(1);
/// How long a server may take to write everything down.
const CLEAN_END: Duration = Duration::from_mins(1);

/// What a keeper is told on its command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Orders {
    pub(super) directory: PathBuf,
    pub(super) postgres: PathBuf,
    pub(super) sockets: PathBuf,
    pub(super) account: Account,
    pub(super) throwaway: bool,
    pub(super) linger: Duration,
}

impl Orders {
    pub(super) fn to_arguments(&self) -> Vec<OsString> {
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
        if let Account::Other { name, uid, gid } = &self.account {
            arguments.extend(["--account".into(), format!("{uid}:{gid}:{name}").into()]);
        }
        if self.throwaway {
            arguments.push("--throwaway".into());
        }
        arguments
    }

    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, EmbeddedError> {
        let wrong = |what: &str| EmbeddedError::Orders(what.to_owned());
        let (mut directory, mut postgres, mut sockets) = (None, None, None);
        let (mut account, mut throwaway, mut linger) = (Account::Own, false, Duration::ZERO);
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

fn parse_account(text: &str) -> Option<Account> {
    let mut parts = text.splitn(3, ':');
    let uid = parts.next()?.parse().ok()?;
    let gid = parts.next()?.parse().ok()?;
    Some(Account::Other { name: parts.next()?.to_owned(), uid, gid })
}

/// The whole of a keeper's life: what the program does when it is called with [`super::KEEPER_COMMAND`].
///
/// Must be called on the main thread, before any other one is made: the server ends with the thread that started it.
/// Standard input must be the lock that the caller has handed over.
///
/// # Errors
///
/// When the arguments are not its own, or when the server could not be started or has failed.
pub fn keep(arguments: impl IntoIterator<Item = OsString>) -> Result<(), EmbeddedError> {
    let orders = Orders::parse(arguments)?;
    // A session of its own: neither a terminal's Ctrl-C nor its hanging up reaches the keeper and the server.
    let _ = rustix::process::setsid();
    let home = Home::at(orders.directory.clone());
    let attached_path = home.attached_lock();
    let attached = File::open(&attached_path).doing("open the lock file", &attached_path)?;
    let mut server = spawn(&home, &orders)?;
    let mut looked_at_log = Instant::now();
    loop {
        if let Some(status) = server.try_wait().doing("wait for", &orders.postgres)? {
            say(&format!("PostgreSQL has ended by itself ({status})"));
            return Ok(());
        }
        if !lock::is_current(&attached, &attached_path) {
            say("the directory was removed: PostgreSQL is stopped");
            end(&mut server, Signal::QUIT);
            return Ok(());
        }
        if lock::try_lock(&attached, Mode::Exclusive).doing("lock", &attached_path)? {
            if idle_for(&attached) >= orders.linger {
                break;
            }
            attached.unlock().doing("unlock", &attached_path)?;
        }
        if looked_at_log.elapsed() > LOG_BEAT {
            home.bound_log();
            looked_at_log = Instant::now();
        }
        thread::sleep(BEAT);
    }
    // From here to the end `attached` is locked: nobody gets in any more.
    let status = end(&mut server, Signal::INT);
    if orders.throwaway {
        remove(&home, &orders)?;
    } else if status.is_none_or(|status| !status.success()) {
        say("PostgreSQL did not end cleanly: the next start recovers what it has not written down");
    }
    Ok(())
}

/// Starts the server. Its processes get the lock on `server.lock` as their standard input, and the keeper keeps none.
fn spawn(home: &Home, orders: &Orders) -> Result<Child, EmbeddedError> {
    let deadline = Instant::now() + Duration::from_secs(10);
    let Some(server_lock) = lock::take(&home.server_lock(), Mode::Exclusive, deadline)? else {
        return Err(io::Error::from(io::ErrorKind::ResourceBusy)).doing("lock", &home.server_lock());
    };
    server::remove_stale(home, &orders.sockets)?;
    let mut command = server::command(home, &orders.postgres, &orders.account, &orders.sockets, orders.throwaway);
    command.stdin(server_lock).stdout(Stdio::null());
    command.spawn().doing("run", &orders.postgres)
}

/// How long ago the last process came. (One that came and went between two looks has left its time on the file.)
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

/// Removes a throwaway database, last the lock that the next one waits for: after that it may begin in the same place.
fn remove(home: &Home, orders: &Orders) -> Result<(), EmbeddedError> {
    if orders.sockets != home.data() {
        cluster::clear(&orders.sockets)?;
    }
    let attached = home.attached_lock();
    for entry in fs::read_dir(home.path()).doing("list", home.path())? {
        let path = entry.doing("list", home.path())?.path();
        if path != attached {
            cluster::clear(&path)?;
        }
    }
    cluster::clear(&attached)?;
    // If somebody is beginning in it already, it stays.
    let _ = fs::remove_dir(home.path());
    Ok(())
}

/// Into the server's log, which is the keeper's standard error.
fn say(what: &str) {
    let _ = writeln!(io::stderr(), "keeper: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_arrive_as_they_were_given() {
        let given = Orders {
            directory: "/srv/a b,c".into(),
            postgres: "/usr/lib/postgresql/15/bin/postgres".into(),
            sockets: "/srv/a b,c/data".into(),
            account: Account::Other { name: "postgres".to_owned(), uid: 101, gid: 104 },
            throwaway: true,
            linger: Duration::from_millis(2500),
        };
        assert_eq!(Orders::parse(given.to_arguments()).unwrap(), given);
        let plain = Orders { account: Account::Own, throwaway: false, linger: Duration::ZERO, ..given };
        assert_eq!(Orders::parse(plain.to_arguments()).unwrap(), plain);
    }

    #[test]
    fn other_orders_are_refused() {
        for wrong in [&["--directory"][..], &[], &["--help"], &["--linger-ms", "soon"]] {
            assert!(Orders::parse(wrong.iter().map(OsString::from)).is_err(), "{wrong:?}");
        }
    }
}
