//! Making the data: `initdb`, and the one database in it.
//!
//! All of it happens in a directory beside the final one, which it is renamed to when it is complete: an interrupted
//! first start leaves nothing that looks like a database.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread;

use super::account::Account;
use super::error::{Doing, EmbeddedError};
use super::home::Home;
use super::lock::POLL;
use super::programs::Programs;

/// The role that owns everything, and the database that it is used with.
pub(super) const ROLE: &str = "app";
pub(super) const DATABASE: &str = "app";

/// The major version of the data, if there is any.
pub(super) fn major(home: &Home) -> Result<Option<u32>, EmbeddedError> {
    let data = home.data();
    match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(text) => match text.trim().parse() {
            Ok(major) => Ok(Some(major)),
            Err(_) => Err(EmbeddedError::NotACluster { path: data }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::symlink_metadata(&data) {
            Ok(_) => Err(EmbeddedError::NotACluster { path: data }),
            Err(_) => Ok(None),
        },
        Err(error) => Err(error).doing("read", &data.join("PG_VERSION")),
    }
}

/// Makes the data. `start_lock` is handed to the programs, so that a start that comes after this process was killed
/// waits until they are through before it clears away what they made.
pub(super) fn create(
    home: &Home,
    programs: &Programs,
    account: &Account,
    durable: bool,
    start_lock: &File,
) -> Result<(), EmbeddedError> {
    let unfinished = home.unfinished();
    clear(&unfinished)?;
    DirBuilder::new().mode(0o700).create(&unfinished).doing("create", &unfinished)?;
    account.give(&unfinished)?;

    let password = new_password(&home.password_file())?;
    home.write_private(&home.password_file(), &password)?;
    // `initdb` reads it from a file of the server's account, which the other one is not.
    let for_initdb = home.path().join("password.new");
    clear(&for_initdb)?;
    home.write_private(&for_initdb, &password)?;
    account.give(&for_initdb)?;

    let mut initdb = account.command(&programs.initdb());
    initdb.arg("--pgdata").arg(&unfinished).arg("--pwfile").arg(&for_initdb).args(["--username", ROLE]);
    // The C locale is the only one that is the same everywhere.
    initdb.args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=libc"]);
    initdb.args(["--data-checksums", "--no-instructions"]);
    if !durable {
        initdb.arg("--no-sync");
    }
    let input = start_lock.try_clone().doing("share the lock of", home.path())?;
    let output = initdb.stdin(input).output().doing("run", &programs.initdb())?;
    clear(&for_initdb)?;
    check(&programs.initdb(), &output)?;

    create_database(&unfinished, programs, account, durable)?;
    fs::rename(&unfinished, home.data()).doing("rename", &unfinished)?;
    if durable {
        File::open(home.path()).and_then(|directory| directory.sync_all()).doing("sync", home.path())?;
    }
    Ok(())
}

/// `initdb` makes only `postgres`. The server in single-user mode needs no socket and no password.
fn create_database(data: &Path, programs: &Programs, account: &Account, durable: bool) -> Result<(), EmbeddedError> {
    let postgres = programs.postgres();
    let mut command = account.command(&postgres);
    command.args(["--single", "-D"]).arg(data).args(["-c", "log_checkpoints=off"]);
    if !durable {
        command.args(["-c", "fsync=off"]);
    }
    command.arg("postgres").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().doing("run", &postgres)?;
    if let Some(mut input) = child.stdin.take() {
        // A server that has ended already is reported below, with what it said.
        let _ = writeln!(input, "CREATE DATABASE {DATABASE} OWNER {ROLE};");
    }
    let output = child.wait_with_output().doing("run", &postgres)?;
    check(&postgres, &output)?;
    // In this mode a statement that fails does not end the server.
    if String::from_utf8_lossy(&output.stderr).contains("ERROR:") {
        return Err(failed(&postgres, &output));
    }
    Ok(())
}

fn check(program: &Path, output: &Output) -> Result<(), EmbeddedError> {
    if output.status.success() { Ok(()) } else { Err(failed(program, output)) }
}

fn failed(program: &Path, output: &Output) -> EmbeddedError {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<_> = said.lines().collect();
    let output_end = lines[lines.len().saturating_sub(20)..].join("\n  ");
    EmbeddedError::Create { program: program.to_owned(), status: output.status, output: format!("  {output_end}") }
}

/// Removes what is there, if anything. What processes that are ending still write in it is removed too.
pub(super) fn clear(path: &Path) -> Result<(), EmbeddedError> {
    let mut tries = 0;
    loop {
        let removed = match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(path),
            Ok(_) => fs::remove_file(path),
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => {
                return Ok(());
            }
            Err(_) if tries < 100 => {
                tries += 1;
                thread::sleep(POLL);
            }
            Err(error) => return Err(error).doing("remove", path),
        }
    }
}

/// 192 bits from the system's random source, in letters that need no quoting anywhere.
fn new_password(path: &Path) -> Result<String, EmbeddedError> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes)
        .map_err(|error| io::Error::other(error.to_string()))
        .doing("make a random password for", path)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_plain_and_never_the_same() {
        let one = new_password(Path::new("password")).unwrap();
        assert_eq!(one.len(), 48);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(one, new_password(Path::new("password")).unwrap());
    }
}
