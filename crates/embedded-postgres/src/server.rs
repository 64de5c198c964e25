//! The server process: its command line, its state, its end.

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

use crate::account::ServerAccount;
use crate::data_dir::DataDir;
use crate::error::{EmbeddedProblem, IoContext};
use crate::lock::{self, LockMode, POLL};
use crate::uid::is_root;

/// There is no TCP, so this is only a part of the socket's name.
const PORT: u16 = 5432;
/// The limit of a socket's path in bytes: macOS has 104, Linux 108, with the terminator.
const LONGEST_SOCKET: usize = 100;
/// The time that a server gets to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time that a server gets to end cleanly. Then it is ended at once, and the next start recovers its data.
const CLEAN_END: Duration = Duration::from_secs(30);

/// Settings of every server: local, small, the same everywhere. Errors of statements are not logged, because they would show
/// people's data; the client gets them.
const ALWAYS: [&str; 10] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
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
/// Settings for tests: many connections and schemas, and nothing has to survive a power failure.
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

/// The contents of `postmaster.pid`, as far as the server has written it.
#[derive(Debug, PartialEq, Eq)]
struct PidFile {
    pid: i32,
    /// Directory of the socket and port, once it listens.
    listens: Option<(PathBuf, u16)>,
    /// True if it accepts connections.
    ready: bool,
}

impl PidFile {
    fn read(home: &DataDir) -> Option<Self> {
        Self::parse(&fs::read_to_string(home.pid_file()).ok()?)
    }

    /// Parses the lines: process id, data directory, start, port, socket directory, address, shared memory, status.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().collect();
        let line = |number: usize| lines.get(number).map(|line| line.trim());
        let port = line(3).and_then(|port| port.parse().ok());
        let directory = lines.get(4).filter(|directory| !directory.is_empty()).map(PathBuf::from);
        Some(Self { pid: line(0)?.parse().ok()?, listens: directory.zip(port), ready: line(7) == Some("ready") })
    }
}

/// The directory of the socket and the port; `None` while the server cannot be reached.
pub(crate) fn reachable(home: &DataDir) -> Option<(PathBuf, u16)> {
    let file = PidFile::read(home)?;
    let (sockets, port) = file.listens.filter(|_| file.ready)?;
    answers(&sockets, port).then_some((sockets, port))
}

/// True if a server answers. The request for TLS needs no password, costs almost nothing, and leaves no trace in the log.
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

/// The process in `postmaster.pid`, if it is alive and really the server of this data, and not another process that got the
/// same number after a restart.
fn living(home: &DataDir, file: &PidFile) -> Option<Pid> {
    let pid = Some(file.pid).filter(|pid| *pid > 0).and_then(Pid::from_raw)?;
    let ours = if cfg!(target_os = "linux") {
        // The working directory of a server is its data directory. Only root and its own account may read it.
        fs::read_link(format!("/proc/{}/cwd", file.pid)).is_ok_and(|directory| directory == home.data())
    } else {
        file.listens.as_ref().is_some_and(|(sockets, port)| answers(sockets, *port))
    };
    ours.then_some(pid)
}

/// True if the last server was not stopped cleanly. Call it when no server of the keeper is left: one that is alive belongs to
/// somebody else.
pub(crate) fn crashed(home: &DataDir) -> Result<bool, EmbeddedProblem> {
    if let Some(file) = PidFile::read(home)
        && living(home, &file).is_some()
    {
        return Err(EmbeddedProblem::Foreign { pid: file.pid, directory: home.path().to_owned() });
    }
    Ok(home.pid_file().exists())
}

/// Waits until no process of a former server is left, and ends a server without a keeper.
///
/// All its processes hold the lock on `server.lock`. After a `kill -9` of the first process, the others take a moment to end, and
/// no new server can start before.
pub(crate) fn end_former(home: &DataDir, deadline: Instant) -> Result<bool, EmbeddedProblem> {
    let begun = Instant::now();
    let mut asked = None;
    loop {
        if lock::try_take(&home.server_lock(), LockMode::Exclusive)?.is_some() {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        let signal = if begun.elapsed() < CLEAN_END { Signal::INT } else { Signal::QUIT };
        if asked != Some(signal)
            && let Some(pid) = PidFile::read(home).and_then(|file| living(home, &file))
        {
            // It may have ended meanwhile.
            let _ = kill_process(pid, signal);
            asked = Some(signal);
        }
        thread::sleep(POLL);
    }
}

/// Removes the files that make a killed server look alive. PostgreSQL would only check whether *some* process has the number in
/// them, and refuse to start if one has.
///
/// Call it with the lock on `server.lock`. A server that somebody started by hand is left alone.
pub(crate) fn remove_stale(home: &DataDir, sockets: &Path) -> Result<(), EmbeddedProblem> {
    if PidFile::read(home).is_some_and(|file| living(home, &file).is_some()) {
        return Ok(());
    }
    let socket = format!(".s.PGSQL.{PORT}");
    for path in [home.pid_file(), sockets.join(&socket), sockets.join(socket + ".lock")] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).during("remove", &path),
            _ => {}
        }
    }
    Ok(())
}

/// The directory for the socket: that of the data, or a private one with a shorter path.
pub(crate) fn socket_directory(
    home: &DataDir,
    account: &ServerAccount,
    program: &str,
) -> Result<PathBuf, EmbeddedProblem> {
    let fits = |directory: &Path| directory.as_os_str().len() + "/.s.PGSQL.5432".len() <= LONGEST_SOCKET;
    let data = home.data();
    if fits(&data) {
        return Ok(data);
    }
    // The other account may not be able to enter root's.
    let temporary = if is_root() { PathBuf::from("/tmp") } else { env::temp_dir() };
    let name = format!("{program}-postgres-{:016x}", fingerprint(home.path()));
    let directory =
        [temporary.join(&name), Path::new("/tmp").join(&name)].into_iter().find(|path| fits(path)).unwrap_or(data);
    match DirBuilder::new().mode(0o700).create(&directory) {
        Ok(()) => account.give(&directory)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).during("create", &directory),
    }
    // Anybody may have created it under /tmp before, and could pretend to be the server.
    let found = fs::symlink_metadata(&directory).during("examine", &directory)?;
    if !found.is_dir() || found.uid() != account.uid() || found.mode() & 0o077 != 0 {
        return Err(EmbeddedProblem::NotOurs { path: directory, owner: found.uid() });
    }
    Ok(directory)
}

/// FNV-1a. It is the same in every build, unlike the hash of the standard library.
fn fingerprint(path: &Path) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    path.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The command that starts the server, for the keeper. `name` is shown in the list of processes.
pub(crate) fn command(
    home: &DataDir,
    postgres: &Path,
    account: &ServerAccount,
    sockets: &Path,
    (name, throwaway): (&str, bool),
) -> Command {
    let mut command = account.command(postgres);
    command.arg("-D").arg(home.data());
    // It is a list of directories, so the name is quoted, and quotation marks in it are doubled.
    let mut list = OsString::from("unix_socket_directories=\"");
    list.push(sockets.to_string_lossy().replace('"', "\"\""));
    list.push("\"");
    command.arg("-c").arg(list).arg("-c").arg(format!("port={PORT}"));
    command.arg("-c").arg(format!("cluster_name={name}"));
    let kind: &[&str] = if throwaway { &THROWAWAY } else { &LASTING };
    for setting in ALWAYS.iter().chain(kind) {
        command.args(["-c", setting]);
    }
    stop_with_parent(&mut command);
    command
}

/// Makes the kernel ask the server to end cleanly when the keeper has ended, even by `kill -9`.
///
/// The signal follows the *thread* that spawned it: the keeper has only one.
#[cfg(target_os = "linux")]
fn stop_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    let parent = Pid::from_raw(std::process::id().cast_signed());
    let prepare = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::INT))?;
        // The parent may have ended before the line above.
        if rustix::process::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: between fork and exec the closure makes two system calls and does nothing else: it neither allocates
    // (a kind of error is stored in place) nor takes a lock.
    unsafe {
        command.pre_exec(prepare);
    }
}

/// On other systems the next start ends a server without a keeper.
#[cfg(not(target_os = "linux"))]
fn stop_with_parent(_: &mut Command) {}

/// The progress of a starting server, for a message.
pub(crate) fn describe(home: &DataDir) -> String {
    match PidFile::read(home) {
        Some(file) if file.ready => format!("process {} is ready, and does not answer", file.pid),
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
        let home = DataDir::at(PathBuf::from("/nonexistent/home"));
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
