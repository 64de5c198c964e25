//! Writing to the terminal. A reader that has gone away (`app migrate status | head -1`) is no error.

use std::io::Write as _;

/// A line of the answer, on standard output.
pub(super) fn answer(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line about what is going on, on standard error.
pub(super) fn progress(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
