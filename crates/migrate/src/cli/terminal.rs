//! Writing to the terminal. A reader that has gone away (`migrate status | head -1`) is no error.

use std::fmt::Display;
use std::io::Write as _;

/// Writes a line of the answer to standard output.
pub fn answer(line: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a line about the progress to standard error.
pub fn progress(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Colours, if a person reads.
#[derive(Debug)]
pub struct Paint {
    colours: bool,
}

impl Paint {
    /// For standard output: colours only on a terminal, and not if `NO_COLOR` is set (<https://no-color.org>).
    #[must_use]
    pub fn for_answers() -> Self {
        use std::io::IsTerminal as _;
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colours: wanted && std::io::stdout().is_terminal() }
    }

    fn paint(&self, code: u8, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Good.
    #[must_use]
    pub fn green(&self, text: &str) -> String {
        self.paint(32, text)
    }

    /// To be watched.
    #[must_use]
    pub fn yellow(&self, text: &str) -> String {
        self.paint(33, text)
    }

    /// Bad.
    #[must_use]
    pub fn red(&self, text: &str) -> String {
        self.paint(31, text)
    }
}
