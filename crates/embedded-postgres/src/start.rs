//! Attaches to the server, or starts it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::account::{ServerAccount, clean_command};
use crate::cluster;
use crate::data_dir::DataDir;
use crate::error::{EmbeddedProblem, IoContext};
use crate::keeper::KeeperArgs;
use crate::lock::{self, LockMode, POLL};
use crate::programs::ServerPrograms;
use crate::server;
use crate::settings::{EmbeddedConnection, EmbeddedSettings, KEEPER_COMMAND, StartOutcome};
use crate::uid::is_root;

/// The lock of a process that uses the database.
pub(crate) struct Attachment {
    pub(crate) home: DataDir,
    pub(crate) lock: File,
    /// True if no other process was attached at that moment.
    pub(crate) alone: bool,
}

/// A running server.
pub(crate) struct RunningServer {
    pub(crate) outcome: StartOutcome,
    pub(crate) connection: EmbeddedConnection,
    /// The keeper, if it is a child of this process, which has to reap it.
    pub(crate) keeper: Option<Child>,
}

/// Attaches: from now on the keeper does not stop the server. Waits while a keeper is stopping it.
pub(crate) fn attach(settings: &EmbeddedSettings) -> Result<Attachment, EmbeddedProblem> {
    let deadline = Instant::now() + settings.start_timeout;
    loop {
        let home = DataDir::open(&settings.directory)?;
        match try_attach(&home) {
            Ok(Some((lock, alone))) => {
                // For the keeper, which may check only after this process has ended.
                let _ = lock.set_modified(SystemTime::now());
                return Ok(Attachment { home, lock, alone });
            }
            // A keeper is removing a throwaway database: the directory was removed after it was opened.
            Err(EmbeddedProblem::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(None) if Instant::now() < deadline => {}
            Ok(None) => return Err(slow(&home, settings.start_timeout, "the server is still being stopped", 0)),
        }
        thread::sleep(POLL);
    }
}

fn try_attach(home: &DataDir) -> Result<Option<(File, bool)>, EmbeddedProblem> {
    let path = home.attached_lock();
    if let Some(lock) = lock::try_take(&path, LockMode::Exclusive)?
        && lock::try_lock(&lock, LockMode::Shared).during("lock", &path)?
    {
        return Ok(Some((lock, true)));
    }
    Ok(lock::try_take(&path, LockMode::Shared)?.map(|lock| (lock, false)))
}

/// The connection, if the server runs and answers. Costs a few system calls.
pub(crate) fn running(home: &DataDir, program: &str) -> Result<Option<EmbeddedConnection>, EmbeddedProblem> {
    if !lock::is_held(&home.keeper_lock())? {
        return Ok(None);
    }
    let Some((socket_directory, port)) = server::reachable(home) else { return Ok(None) };
    Ok(Some(EmbeddedConnection {
        socket_directory,
        port,
        user: program.to_owned(),
        password: password(home)?,
        database: program.to_owned(),
    }))
}

/// Makes sure that the server runs. Call it attached. `fresh` removes what a former throwaway database left.
pub(crate) fn bring_up(
    home: &DataDir,
    settings: &EmbeddedSettings,
    fresh: bool,
) -> Result<RunningServer, EmbeddedProblem> {
    if let Some(connection) = running(home, settings.names.program)? {
        return Ok(RunningServer { outcome: StartOutcome::Attached, connection, keeper: None });
    }
    let deadline = Instant::now() + settings.start_timeout;
    let slow = |reason: &str| slow(home, settings.start_timeout, reason, 0);
    let Some(start_lock) = lock::take(&home.start_lock(), LockMode::Exclusive, deadline)? else {
        return Err(slow("another process is still starting it"));
    };
    loop {
        // The holder of the keeper's lock is the keeper, or is about to start one.
        if let Some(keeper_lock) = lock::try_take(&home.keeper_lock(), LockMode::Exclusive)? {
            if !server::end_former(home, deadline)? {
                return Err(slow("processes of the former server have not ended (`ps` shows them as `postgres`)"));
            }
            return start(home, settings, fresh, &start_lock, keeper_lock);
        }
        if let Some(connection) = running(home, settings.names.program)? {
            return Ok(RunningServer { outcome: StartOutcome::Attached, connection, keeper: None });
        }
        if Instant::now() >= deadline {
            return Err(slow(&server::describe(home)));
        }
        thread::sleep(POLL);
    }
}

/// Starts the server. No process of it is alive, and no other process is starting it.
fn start(
    home: &DataDir,
    settings: &EmbeddedSettings,
    fresh: bool,
    start_lock: &File,
    keeper_lock: File,
) -> Result<RunningServer, EmbeddedProblem> {
    let crashed = server::crashed(home)?;
    cluster::clear(&home.unfinished())?;
    if fresh {
        cluster::clear(&home.data())?;
    }
    let major = cluster::major(home)?;
    let account = ServerAccount::choose(home)?;
    let programs = ServerPrograms::find(settings.programs.as_deref(), major, home)?;
    account.check_reach(home, &programs.postgres())?;
    let outcome = if major.is_none() {
        cluster::create(home, &programs, &account, (settings.names.program, !settings.throwaway), start_lock)?;
        StartOutcome::Created
    } else {
        password(home)?;
        if is_root() {
            give_to(home, &account)?;
        }
        if crashed { StartOutcome::Recovered } else { StartOutcome::Started }
    };
    let args = KeeperArgs {
        directory: home.path().to_owned(),
        sockets: server::socket_directory(home, &account, settings.names.program)?,
        postgres: programs.postgres(),
        account,
        throwaway: settings.throwaway,
        linger: settings.linger,
    };
    let (connection, keeper) = spawn_keeper(home, settings, &args, keeper_lock)?;
    Ok(RunningServer { outcome, connection, keeper: Some(keeper) })
}

/// Makes the account the owner of the data, if root has copied it: PostgreSQL accepts only its own.
fn give_to(home: &DataDir, account: &ServerAccount) -> Result<(), EmbeddedProblem> {
    let data = home.data();
    let owner = fs::metadata(&data).during("examine", &data)?.uid();
    if owner == account.uid() { Ok(()) } else { account.give(&data) }
}

/// Starts the keeper, and waits until its server answers. The keeper inherits its lock as its standard input.
fn spawn_keeper(
    home: &DataDir,
    settings: &EmbeddedSettings,
    args: &KeeperArgs,
    keeper_lock: File,
) -> Result<(EmbeddedConnection, Child), EmbeddedProblem> {
    let log = home.open_log()?;
    let since = home.log_length();
    let mut command = clean_command(&settings.keeper);
    command.arg(OsString::from(KEEPER_COMMAND)).args(args.to_arguments());
    command.stdin(keeper_lock).stdout(Stdio::null()).stderr(log);
    let mut keeper = command.spawn().during("run", &settings.keeper)?;
    // This drops the copy of the keeper's lock.
    drop(command);
    let deadline = Instant::now() + settings.start_timeout;
    loop {
        if let Some(connection) = running(home, settings.names.program)? {
            return Ok((connection, keeper));
        }
        if keeper.try_wait().during("wait for", &settings.keeper)?.is_some() {
            return Err(EmbeddedProblem::Start { directory: home.path().to_owned(), tail: home.log_tail(since) });
        }
        if Instant::now() >= deadline {
            // The keeper stops the server as soon as this process is no longer attached.
            return Err(slow(home, settings.start_timeout, &server::describe(home), since));
        }
        thread::sleep(POLL);
    }
}

fn password(home: &DataDir) -> Result<String, EmbeddedProblem> {
    home.password()?
        .ok_or_else(|| EmbeddedProblem::NoPassword { path: home.password_file(), directory: home.path().to_owned() })
}

fn slow(home: &DataDir, waited: Duration, reason: &str, since: u64) -> EmbeddedProblem {
    EmbeddedProblem::Slow {
        waited,
        reason: reason.to_owned(),
        directory: home.path().to_owned(),
        tail: home.log_tail(since),
    }
}
