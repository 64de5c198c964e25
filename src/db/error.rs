//! What an error of the database means for whoever asked.

use sqlx::Error;

/// What an error of the database means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The database cannot be reached now; later it may.
    Unavailable,
    /// The database has too much to do, or the statement took too long.
    Overloaded,
    /// A mistake of the program.
    Mistake,
}

/// What an error means, by its kind and its SQLSTATE.
#[must_use]
pub fn meaning(error: &Error) -> Meaning {
    match error {
        Error::Io(_) | Error::Tls(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed => {
            Meaning::Unavailable
        }
        Error::Database(database) => match database.code().as_deref() {
            // Cancelled by a time-out, lock not had, deadlock, serialization, out of disk or memory.
            Some("57014" | "55P03" | "40P01" | "40001" | "53100" | "53200") => Meaning::Overloaded,
            // Shutting down, starting up, too many connections; read-only after a fail-over; the connection classes.
            Some(code) if code.starts_with("08") || code.starts_with("57P") || code == "53300" || code == "25006" => {
                Meaning::Unavailable
            }
            _ => Meaning::Mistake,
        },
        _ => Meaning::Mistake,
    }
}

/// Whether a statement broke the constraint of this name.
#[must_use]
pub fn breaks(error: &Error, constraint: &str) -> bool {
    error.as_database_error().and_then(|error| error.constraint()) == Some(constraint)
}
