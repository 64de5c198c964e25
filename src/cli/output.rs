//! Output to the terminal. A closed pipe (`app migrate status | head -1`) is not an error.

use std::io::Write as _;

/// Writes a line of the result to standard output.
pub(super) fn answer(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a progress message to standard error.
pub(super) fn progress(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Colours for terminals.
pub(super) struct Paint {
    colours: bool,
}

impl Paint {
    /// Colours for standard output: only on a terminal, and unless `NO_COLOR` is set (<https://no-color.org>).
    pub(super) fn for_answers() -> Self {
        use std::io::IsTerminal as _;
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colours: wanted && std::io::stdout().is_terminal() }
    }

    fn paint(&self, code: u8, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn green(&self, text: &str) -> String {
        self.paint(32, text)
    }

    pub(super) fn yellow(&self, text: &str) -> String {
        self.paint(33, text)
    }

    pub(super) fn red(&self, text: &str) -> String {
        self.paint(31, text)
    }
}
