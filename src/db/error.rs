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
        // Something else than the protocol is what a proxy without a server behind it sends, or one that is cut off.
        Error::Io(_)
        | Error::Tls(_)
        | Error::Protocol(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed
        | Error::BeginFailed => Meaning::Unavailable,
        Error::Database(database) => database.code().as_deref().map_or(Meaning::Mistake, by_sqlstate),
        _ => Meaning::Mistake,
    }
}

fn by_sqlstate(code: &str) -> Meaning {
    match code {
        // Cancelled by a time-out, lock not had, deadlock, serialization; out of disk, of memory, of something else.
        "57014" | "55P03" | "40P01" | "40001" => Meaning::Overloaded,
        // Too many connections; read-only after a fail-over; a connection that somebody left in a failed transaction, which
        // the pool takes out of use; a session or a transaction that was idle for too long.
        "53300" | "25006" | "25P02" | "25P03" | "57P05" => Meaning::Unavailable,
        // Insufficient resources, limits of the server.
        code if code.starts_with("53") => Meaning::Overloaded,
        // Connection failures; shutting down or starting up; may not sign in (any more); an error of the system.
        code if ["08", "57P", "28", "58"].iter().any(|class| code.starts_with(class)) => Meaning::Unavailable,
        _ => Meaning::Mistake,
    }
}

/// An error while connecting as one that [means](meaning) that the database is not available. Whatever it is, it is not a
/// mistake in a request: a password that is not right any more, a database that is being restored, a proxy with no server
/// behind it.
#[must_use]
pub fn while_connecting(error: Error) -> Error {
    match meaning(&error) {
        Meaning::Unavailable => error,
        Meaning::Overloaded | Meaning::Mistake => Error::Io(std::io::Error::other(error)),
    }
}

/// Whether a statement broke the constraint of this name.
#[must_use]
pub fn breaks(error: &Error, constraint: &str) -> bool {
    error.as_database_error().and_then(|error| error.constraint()) == Some(constraint)
}
