//! The program `app`: parses the command line and leaves the rest to the library.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

/// Faster than glibc's allocator, which also keeps the memory of password hashing: 19 MB for each thread that ever
/// hashed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc's header; the crate has no constant for it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    // Return freed memory immediately, so that the memory of a login is not held until the next allocation.
    // SAFETY: it sets a number that the allocator reads when it frees; no other thread runs yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 0) };
    // A variable that is not UTF-8 is not one of the program's.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let cli = match app::cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return app::cli::report_usage_error(&error),
    };
    match cli.run(environment.collect()) {
        Ok(code) => code,
        Err(error) => {
            // If standard error is closed, only the exit code tells.
            let _ = writeln!(std::io::stderr(), "app: {}", app::db::explain::Chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
