//! Attaching to the server, or starting it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::account::{self, Account};
use super::error::{Doing, EmbeddedError};
use super::home::Home;
use super::keeper::Orders;
use super::lock::{self, Mode, POLL};
use super::programs::Programs;
use super::{Connection, KEEPER_COMMAND, Outcome, Settings, cluster, server};

/// The lock that says "somebody uses this database", and what came with it.
pub(super) struct Attached {
    pub(super) home: Home,
    pub(super) lock: File,
    /// Whether nobody else was attached at that moment.
    pub(super) alone: bool,
}

/// What a start has come to.
pub(super) struct Running {
    pub(super) outcome: Outcome,
    pub(super) connection: Connection,
    /// The keeper, if it is a child of ours: it is reaped by us.
    pub(super) keeper: Option<Child>,
}

/// Attaches: from now on the keeper does not stop the server. Waits for a keeper that is just stopping it.
pub(super) fn attach(settings: &Settings) -> Result<Attached, EmbeddedError> {
    let deadline = Instant::now() + settings.start_timeout;
    loop {
        let home = Home::open(&settings.directory)?;
        match try_attach(&home) {
            Ok(Some((lock, alone))) => {
                // For the keeper, who may not have looked before we are gone again.
                let _ = lock.set_modified(SystemTime::now());
                return Ok(Attached { home, lock, alone });
            }
            // A throwaway database is being removed by its keeper: the directory vanished since it was opened.
            Err(EmbeddedError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(None) if Instant::now() < deadline => {}
            Ok(None) => return Err(slow(&home, settings.start_timeout, "the server is still being stopped", 0)),
        }
        thread::sleep(POLL);
    }
}

fn try_attach(home: &Home) -> Result<Option<(File, bool)>, EmbeddedError> {
    let path = home.attached_lock();
    if let Some(lock) = lock::try_take(&path, Mode::Exclusive)?
        && lock::try_lock(&lock, Mode::Shared).doing("lock", &path)?
    {
        return Ok(Some((lock, true)));
    }
    Ok(lock::try_take(&path, Mode::Shared)?.map(|lock| (lock, false)))
}

/// The server, if it runs and answers. Costs a few system calls.
pub(super) fn running(home: &Home) -> Result<Option<Connection>, EmbeddedError> {
    if !lock::is_held(&home.keeper_lock())? {
        return Ok(None);
    }
    let Some((socket_directory, port)) = server::reachable(home) else { return Ok(None) };
    Ok(Some(Connection {
        socket_directory,
        port,
        user: cluster::ROLE.to_owned(),
        password: password(home)?,
        database: cluster::DATABASE.to_owned(),
    }))
}

/// Has the server running. To be called attached; `fresh` removes what a former throwaway database has left.
pub(super) fn bring_up(home: &Home, settings: &Settings, fresh: bool) -> Result<Running, EmbeddedError> {
    if let Some(connection) = running(home)? {
        return Ok(Running { outcome: Outcome::Attached, connection, keeper: None });
    }
    let deadline = Instant::now() + settings.start_timeout;
    let slow = |doing: &str| slow(home, settings.start_timeout, doing, 0);
    let Some(start_lock) = lock::take(&home.start_lock(), Mode::Exclusive, deadline)? else {
        return Err(slow("another process has been starting it all the time"));
    };
    loop {
        // Whoever has the keeper's lock is the keeper, or is about to make one.
        if let Some(keeper_lock) = lock::try_take(&home.keeper_lock(), Mode::Exclusive)? {
            if !server::end_former(home, deadline)? {
                return Err(slow("processes of the former server have not ended (`ps` shows them as `postgres`)"));
            }
            return start(home, settings, fresh, &start_lock, keeper_lock);
        }
        if let Some(connection) = running(home)? {
            return Ok(Running { outcome: Outcome::Attached, connection, keeper: None });
        }
        if Instant::now() >= deadline {
            return Err(slow(&server::describe(home)));
        }
        thread::sleep(POLL);
    }
}

/// Starts the server: no process of it is alive, and nobody else is starting it.
fn start(
    home: &Home,
    settings: &Settings,
    fresh: bool,
    start_lock: &File,
    keeper_lock: File,
) -> Result<Running, EmbeddedError> {
    let crashed = server::crashed(home)?;
    cluster::clear(&home.unfinished())?;
    if fresh {
        cluster::clear(&home.data())?;
    }
    let major = cluster::major(home)?;
    let account = Account::choose(home)?;
    let programs = Programs::find(settings.programs.as_deref(), major, home)?;
    account.check_reach(home, &programs.postgres())?;
    let outcome = if major.is_none() {
        cluster::create(home, &programs, &account, !settings.throwaway, start_lock)?;
        Outcome::Created
    } else {
        password(home)?;
        if account::is_root() {
            give_to(home, &account)?;
        }
        if crashed { Outcome::Recovered } else { Outcome::Started }
    };
    let orders = Orders {
        directory: home.path().to_owned(),
        sockets: server::socket_directory(home, &account)?,
        postgres: programs.postgres(),
        account,
        throwaway: settings.throwaway,
        linger: settings.linger,
    };
    let (connection, keeper) = spawn_keeper(home, settings, &orders, keeper_lock)?;
    Ok(Running { outcome, connection, keeper: Some(keeper) })
}

/// A directory that root has copied is root's, and PostgreSQL takes only one that is its own.
fn give_to(home: &Home, account: &Account) -> Result<(), EmbeddedError> {
    let data = home.data();
    let owner = fs::metadata(&data).doing("examine", &data)?.uid();
    if owner == account.uid() { Ok(()) } else { account.give(&data) }
}

/// Starts the keeper, and waits until its server answers. The keeper gets its lock as its standard input.
fn spawn_keeper(
    home: &Home,
    settings: &Settings,
    orders: &Orders,
    keeper_lock: File,
) -> Result<(Connection, Child), EmbeddedError> {
    let log = home.open_log()?;
    let since = home.log_length();
    let mut command = account::clean_command(&settings.keeper);
    command.arg(OsString::from(KEEPER_COMMAND)).args(orders.to_arguments());
    command.stdin(keeper_lock).stdout(Stdio::null()).stderr(log);
    let mut keeper = command.spawn().doing("run", &settings.keeper)?;
    // With the command goes our copy of the keeper's lock.
    drop(command);
    let deadline = Instant::now() + settings.start_timeout;
    loop {
        if let Some(connection) = running(home)? {
            return Ok((connection, keeper));
        }
        if keeper.try_wait().doing("wait for", &settings.keeper)?.is_some() {
            return Err(EmbeddedError::Start { directory: home.path().to_owned(), tail: home.log_tail(since) });
        }
        if Instant::now() >= deadline {
            // The keeper stops the server, if it comes up yet, as soon as we are no longer attached.
            return Err(slow(home, settings.start_timeout, &server::describe(home), since));
        }
        thread::sleep(POLL);
    }
}

fn password(home: &Home) -> Result<String, EmbeddedError> {
    home.password()?
        .ok_or_else(|| EmbeddedError::NoPassword { path: home.password_file(), directory: home.path().to_owned() })
}

fn slow(home: &Home, waited: Duration, doing: &str, since: u64) -> EmbeddedError {
    EmbeddedError::Slow {
        waited,
        doing: doing.to_owned(),
        directory: home.path().to_owned(),
        tail: home.log_tail(since),
    }
}
