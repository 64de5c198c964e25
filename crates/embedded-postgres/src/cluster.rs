//! Creates the data: `initdb`, and the one database in it.
//!
//! It is created in a directory beside the final one and renamed when it is complete, so an interrupted first start leaves
//! nothing that looks like a database.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread;

use crate::account::ServerAccount;
use crate::data_dir::DataDir;
use crate::error::{EmbeddedProblem, IoContext};
use crate::lock::POLL;
use crate::programs::ServerPrograms;

/// The major version of the data, if there is data.
pub(crate) fn major(home: &DataDir) -> Result<Option<u32>, EmbeddedProblem> {
    let data = home.data();
    match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(text) => match text.trim().parse() {
            Ok(major) => Ok(Some(major)),
            Err(_) => Err(EmbeddedProblem::NotACluster { path: data }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::symlink_metadata(&data) {
            Ok(_) => Err(EmbeddedProblem::NotACluster { path: data }),
            Err(_) => Ok(None),
        },
        Err(error) => Err(error).during("read", &data.join("PG_VERSION")),
    }
}

/// Creates the data, with a role and a database called `name`. The programs inherit `start_lock`: if this process is killed, the
/// next start waits until they end before it removes what they created.
pub(crate) fn create(
    home: &DataDir,
    programs: &ServerPrograms,
    account: &ServerAccount,
    (name, durable): (&str, bool),
    start_lock: &File,
) -> Result<(), EmbeddedProblem> {
    let unfinished = home.unfinished();
    clear(&unfinished)?;
    DirBuilder::new().mode(0o700).create(&unfinished).during("create", &unfinished)?;
    account.give(&unfinished)?;

    let password = new_password(&home.password_file())?;
    home.write_private(&home.password_file(), &password)?;
    // `initdb` reads it from a file of the server's account, which the other one is not.
    let for_initdb = home.path().join("password.new");
    clear(&for_initdb)?;
    home.write_private(&for_initdb, &password)?;
    account.give(&for_initdb)?;

    let mut initdb = account.command(&programs.initdb());
    initdb.arg("--pgdata").arg(&unfinished).arg("--pwfile").arg(&for_initdb).args(["--username", name]);
    // The C locale is the only one that is the same everywhere.
    initdb.args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=libc"]);
    initdb.args(["--data-checksums", "--no-instructions"]);
    if !durable {
        initdb.arg("--no-sync");
    }
    let input = start_lock.try_clone().during("share the lock of", home.path())?;
    let output = initdb.stdin(input).output().during("run", &programs.initdb())?;
    clear(&for_initdb)?;
    check(&programs.initdb(), &output)?;

    create_database(&unfinished, programs, account, (name, durable))?;
    fs::rename(&unfinished, home.data()).during("rename", &unfinished)?;
    if durable {
        File::open(home.path()).and_then(|directory| directory.sync_all()).during("sync", home.path())?;
    }
    Ok(())
}

/// Creates the database, because `initdb` creates only `postgres`. The server in single-user mode needs no socket and no
/// password.
fn create_database(
    data: &Path,
    programs: &ServerPrograms,
    account: &ServerAccount,
    (name, durable): (&str, bool),
) -> Result<(), EmbeddedProblem> {
    let postgres = programs.postgres();
    let mut command = account.command(&postgres);
    command.args(["--single", "-D"]).arg(data).args(["-c", "log_checkpoints=off"]);
    if !durable {
        command.args(["-c", "fsync=off"]);
    }
    command.arg("postgres").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().during("run", &postgres)?;
    if let Some(mut input) = child.stdin.take() {
        // A server that has ended already is reported below, with its output.
        let _ = writeln!(input, "CREATE DATABASE \"{name}\" OWNER \"{name}\";");
    }
    let output = child.wait_with_output().during("run", &postgres)?;
    check(&postgres, &output)?;
    // In this mode a statement that fails does not end the server.
    if String::from_utf8_lossy(&output.stderr).contains("ERROR:") {
        return Err(failed(&postgres, &output));
    }
    Ok(())
}

fn check(program: &Path, output: &Output) -> Result<(), EmbeddedProblem> {
    if output.status.success() { Ok(()) } else { Err(failed(program, output)) }
}

fn failed(program: &Path, output: &Output) -> EmbeddedProblem {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<_> = said.lines().collect();
    let output_end = lines[lines.len().saturating_sub(20)..].join("\n  ");
    EmbeddedProblem::Create { program: program.to_owned(), status: output.status, output: format!("  {output_end}") }
}

/// Removes a file or a directory, if it exists. Ending processes may still write in it, so it is tried several times.
pub(crate) fn clear(path: &Path) -> Result<(), EmbeddedProblem> {
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
            Err(error) => return Err(error).during("remove", path),
        }
    }
}

/// 192 bits from the system's random source, as characters that need no quoting anywhere.
fn new_password(path: &Path) -> Result<String, EmbeddedProblem> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes)
        .map_err(|error| io::Error::other(error.to_string()))
        .during("generate a random password for", path)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
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
