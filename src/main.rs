//! The program `app`: parses the command line and leaves the rest to the library.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

/// glibc's allocator keeps what password hashing has used, 19 MB for each thread that ever did, and is slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A variable that is no UTF-8 is none of ours.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    match app::cli::Cli::parse().run(environment.collect()) {
        Ok(code) => code,
        Err(error) => {
            // With nobody left to read it, the exit code has to do.
            let _ = writeln!(std::io::stderr(), "app: {error:#}");
            ExitCode::FAILURE
        }
    }
}
