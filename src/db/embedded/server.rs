//! The server process: how it is called, whether it is there, how it is ended.

use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::account::{self, Account};
use super::error::{Doing, EmbeddedError};
use super::home::Home;
use super::lock::{self, Mode, POLL};

/// There is no TCP, so this is only a part of the socket's name.
const PORT: u16 = 5432;
/// What a socket's address holds: 104 bytes on macOS, 108 on Linux, with the end mark.
const LONGEST_SOCKET: usize = 100;
/// How long a server that answers nothing is listened to.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a server gets for a clean end before it is ended at once (its data is recovered at the next start).
const CLEAN_END: Duration = Duration::from_secs(30);

/// For every database: local, small, the same everywhere. Errors of statements are left to the client that gets them:
/// in the log they would show people's data.
const ALWAYS: [&str; 11] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "cluster_name=app",
    "timezone=UTC",
    "log_timezone=UTC",
    "lc_messages=C",
    "log_min_messages=log",
    "logging_collector=off",
    "log_destination=stderr",
    "jit=off",
    "restart_after_crash=on",
];
const LASTING: [&str; 3] = ["max_connections=100", "shared_buffers=64MB", "fsync=on"];
/// For tests: many connections and schemas, and nothing to be kept through a power failure.
const THROWAWAY: [&str; 8] = [
    "max_connections=300",
    "shared_buffers=128MB",
    "max_locks_per_transaction=256",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
];

/// What the server says of itself in `postmaster.pid`, as far as it has got.
#[derive(Debug, PartialEq, Eq)]
struct PidFile {
    pid: i32,
    /// Directory and port, once it listens.
    listens: Option<(PathBuf, u16)>,
    /// Whether it takes connections.
    ready: bool,
}

impl PidFile {
    fn read(home: &Home) -> Option<Self> {
        Self::parse(&fs::read_to_string(home.pid_file()).ok()?)
    }

    /// A line each: process id, data directory, start, port, socket directory, address, shared memory, status.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().collect();
        let line = |number: usize| lines.get(number).map(|line| line.trim());
        let port = line(3).and_then(|port| port.parse().ok());
        let directory = lines.get(4).filter(|directory| !directory.is_empty()).map(PathBuf::from);
        Some(Self { pid: line(0)?.parse().ok()?, listens: directory.zip(port), ready: line(7) == Some("ready") })
    }
}

/// Where the server can be reached: the directory of its socket and its port. None while it cannot be.
pub(super) fn reachable(home: &Home) -> Option<(PathBuf, u16)> {
    let file = PidFile::read(home)?;
    let (sockets, port) = file.listens.filter(|_| file.ready)?;
    answers(&sockets, port).then_some((sockets, port))
}

/// Whether a server answers. It is asked whether it speaks TLS: the one question that needs no password, that costs
/// next to nothing, and that leaves no trace in the log.
fn answers(sockets: &Path, port: u16) -> bool {
    const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    let ask = || -> io::Result<()> {
        let mut stream = UnixStream::connect(sockets.join(format!(".s.PGSQL.{port}")))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(&TLS_REQUEST)?;
        stream.read_exact(&mut [0])
    };
    ask().is_ok()
}

/// Whether the process in `postmaster.pid` is alive and is really the server of this data, not a stranger that got the
/// same number after a restart.
fn living(home: &Home, file: &PidFile) -> Option<Pid> {
    let pid = Some(file.pid).filter(|pid| *pid > 0).and_then(Pid::from_raw)?;
    let ours = if cfg!(target_os = "linux") {
        // A server works in its data directory; and only root and its own account may look.
        fs::read_link(format!("/proc/{}/cwd", file.pid)).is_ok_and(|directory| directory == home.data())
    } else {
        file.listens.as_ref().is_some_and(|(sockets, port)| answers(sockets, *port))
    };
    ours.then_some(pid)
}

/// Whether the last server ended without having been stopped. To be called when no server of ours is left: one that is
/// alive all the same is somebody else's.
pub(super) fn crashed(home: &Home) -> Result<bool, EmbeddedError> {
    if let Some(file) = PidFile::read(home)
        && living(home, &file).is_some()
    {
        return Err(EmbeddedError::Foreign { pid: file.pid, directory: home.path().to_owned() });
    }
    Ok(home.pid_file().exists())
}

/// Waits until no process of a former server is left, and ends a server that has lost its keeper.
///
/// All its processes hold the lock on `server.lock`, which says more than the process id: after a `kill -9` of the
/// first one, the others take a moment, and no new server can start before.
pub(super) fn end_former(home: &Home, deadline: Instant) -> Result<bool, EmbeddedError> {
    let begun = Instant::now();
    let mut asked = None;
    loop {
        if lock::try_take(&home.server_lock(), Mode::Exclusive)?.is_some() {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        let signal = if begun.elapsed() < CLEAN_END { Signal::INT } else { Signal::QUIT };
        if asked != Some(signal)
            && let Some(pid) = PidFile::read(home).and_then(|file| living(home, &file))
        {
            // It may have ended since.
            let _ = kill_process(pid, signal);
            asked = Some(signal);
        }
        thread::sleep(POLL);
    }
}

/// Removes the files by which a server that was killed looks alive. PostgreSQL would only look whether *some* process
/// has the number in them, and not start if one has.
///
/// To be called with the lock on `server.lock`. A server that somebody started by hand is let be.
pub(super) fn remove_stale(home: &Home, sockets: &Path) -> Result<(), EmbeddedError> {
    if PidFile::read(home).is_some_and(|file| living(home, &file).is_some()) {
        return Ok(());
    }
    let socket = format!(".s.PGSQL.{PORT}");
    for path in [home.pid_file(), sockets.join(&socket), sockets.join(socket + ".lock")] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).doing("remove", &path),
            _ => {}
        }
    }
    Ok(())
}

/// The directory for the socket: the data's own, or a private one with a shorter name.
pub(super) fn socket_directory(home: &Home, account: &Account) -> Result<PathBuf, EmbeddedError> {
    let fits = |directory: &Path| directory.as_os_str().len() + "/.s.PGSQL.5432".len() <= LONGEST_SOCKET;
    let data = home.data();
    if fits(&data) {
        return Ok(data);
    }
    // Root's may be closed to the other account.
    let temporary = if account::is_root() { PathBuf::from("/tmp") } else { env::temp_dir() };
    let name = format!("app-postgres-{:016x}", fingerprint(home.path()));
    let directory =
        [temporary.join(&name), Path::new("/tmp").join(&name)].into_iter().find(|path| fits(path)).unwrap_or(data);
    match DirBuilder::new().mode(0o700).create(&directory) {
        Ok(()) => account.give(&directory)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).doing("create", &directory),
    }
    // Anybody may have made it under /tmp before we did: then its owner could pretend to be our server.
    let found = fs::symlink_metadata(&directory).doing("examine", &directory)?;
    if !found.is_dir() || found.uid() != account.uid() || found.mode() & 0o077 != 0 {
        return Err(EmbeddedError::NotOurs { path: directory, owner: found.uid() });
    }
    Ok(directory)
}

/// FNV-1a: the same in every build, which the standard library's hash is not.
fn fingerprint(path: &Path) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    path.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The server, to be spawned by the keeper.
pub(super) fn command(home: &Home, postgres: &Path, account: &Account, sockets: &Path, throwaway: bool) -> Command {
    let mut command = account.command(postgres);
    command.arg("-D").arg(home.data());
    // A list of directories, so a comma in the name is quoted; and a quotation mark doubled.
    let mut list = OsString::from("unix_socket_directories=\"");
    list.push(sockets.to_string_lossy().replace('"', "\"\""));
    list.push("\"");
    command.arg("-c").arg(list).arg("-c").arg(format!("port={PORT}"));
    let kind: &[&str] = if throwaway { &THROWAWAY } else { &LASTING };
    for setting in ALWAYS.iter().chain(kind) {
        command.args(["-c", setting]);
    }
    stop_with_parent(&mut command);
    command
}

/// Has the kernel ask the server for a clean end when the keeper is gone, even by `kill -9`.
///
/// The signal follows the *thread* that spawned it: the keeper has only one.
#[cfg(target_os = "linux")]
fn stop_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    let parent = Pid::from_raw(std::process::id().cast_signed());
    let prepare = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::INT))?;
        // It may have died before the line above.
        if rustix::process::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: between fork and exec the closure makes two system calls and does nothing else: it neither allocates
    // (a kind of error is stored in place) nor takes a lock.
    unsafe {
        command.pre_exec(prepare);
    }
}

/// Elsewhere the next start ends the server that is left over.
#[cfg(not(target_os = "linux"))]
fn stop_with_parent(_: &mut Command) {}

/// How far the server has got, for a message.
pub(super) fn describe(home: &Home) -> String {
    match PidFile::read(home) {
        Some(file) if file.ready => format!("process {} says it is ready, and does not answer", file.pid),
        Some(file) => format!("process {} is still starting or recovering", file.pid),
        None => "it has written nothing about itself yet".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_file_is_read_as_far_as_it_is_written() {
        let whole = "4242\n/srv/data\n1790000000\n5432\n/srv/data\n\n  1234 5678\nready   \n";
        let expected = PidFile { pid: 4242, listens: Some((PathBuf::from("/srv/data"), 5432)), ready: true };
        assert_eq!(PidFile::parse(whole), Some(expected));
        let starting = PidFile::parse(&whole.replace("ready   ", "starting")).unwrap();
        assert!(!starting.ready && starting.listens.is_some());
        let first_lines = PidFile { pid: 4242, listens: None, ready: false };
        assert_eq!(PidFile::parse("4242\n/srv/data\n17"), Some(first_lines));
        assert_eq!(PidFile::parse(""), None);
        assert_eq!(PidFile::parse("nonsense"), None);
    }

    #[test]
    fn a_process_that_is_not_the_server_is_not_taken_for_it() {
        let home = Home::at(PathBuf::from("/nonexistent/home"));
        let us = std::process::id().cast_signed();
        assert_eq!(living(&home, &PidFile { pid: us, listens: None, ready: true }), None);
        assert_eq!(living(&home, &PidFile { pid: -us, listens: None, ready: true }), None);
    }

    #[test]
    fn fingerprints_stay_what_they_are() {
        assert_eq!(fingerprint(Path::new("")), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint(Path::new("a")), 0xaf63_dc4c_8601_ec8c);
    }
}
