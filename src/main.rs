//! The program `app`: parses the command line and leaves the rest to the library.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

/// Faster than glibc's, which also keeps what password hashing has used: 19 MB for each thread that ever did.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of the allocator's header, for which the crate has no name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    // Freed memory goes back at once: what a login has used is not held until something else happens.
    // SAFETY: it sets a number that the allocator reads when it frees, and nothing else runs yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 0) };
    // A variable that is no UTF-8 is none of ours.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let cli = match app::cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return app::cli::not_understood(&error),
    };
    match cli.run(environment.collect()) {
        Ok(code) => code,
        Err(error) => {
            // With nobody left to read it, the exit code has to do.
            let _ = writeln!(std::io::stderr(), "app: {}", app::db::explain::Chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
