//! The keeper of the private PostgreSQL that the tests of this package start.

use embedded_postgres::{EmbeddedError, EmbeddedNames, keep};

static NAMES: EmbeddedNames = EmbeddedNames {
    program: "shell",
    data_dir: "the folder",
    programs: "PATH",
    database_url: "another database",
    container: None,
};

fn main() -> Result<(), EmbeddedError> {
    // The first argument is the command.
    keep(std::env::args_os().skip(2), &NAMES)
}
