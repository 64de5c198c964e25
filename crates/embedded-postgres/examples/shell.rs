//! Starts a private PostgreSQL, prints how to connect, and stops it when a line is typed. Another run at the same time shares
//! the server.
//!
//! ```sh
//! cargo run --package embedded-postgres --example shell -- /tmp/notes
//! ```

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use embedded_postgres::{EmbeddedDatabase, EmbeddedNames, EmbeddedSettings, KEEPER_COMMAND, keep};

static NAMES: EmbeddedNames = EmbeddedNames {
    program: "shell",
    data_dir: "the first argument",
    programs: "PATH",
    database_url: "another database",
    container: None,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next().ok_or("the directory of the data is missing")?;
    // This program is its own keeper.
    if first == KEEPER_COMMAND {
        return Ok(keep(arguments, &NAMES)?);
    }
    let database = EmbeddedDatabase::start(EmbeddedSettings {
        names: &NAMES,
        directory: PathBuf::from(first),
        programs: None,
        throwaway: std::env::var_os("THROWAWAY").is_some(),
        linger: Duration::ZERO,
        keeper: std::env::current_exe()?,
        start_timeout: Duration::from_mins(1),
    })?;
    let connection = database.connection();
    writeln!(
        std::io::stdout(),
        "{}\nPGPASSWORD={} psql -h {} -p {} -U {} {}",
        database.outcome(),
        connection.password,
        connection.socket_directory.display(),
        connection.port,
        connection.user,
        connection.database
    )?;
    std::io::stdin().read_line(&mut String::new())?;
    writeln!(std::io::stdout(), "{:?}", database.stop()?)?;
    Ok(())
}
