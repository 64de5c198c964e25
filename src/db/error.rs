//! Classification of database errors for the caller.

use sqlx::Error;

/// The consequence of a database error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The database cannot be reached now; a retry may succeed.
    Unavailable,
    /// The database is overloaded, or the statement took too long.
    Overloaded,
    /// A bug in the program.
    Mistake,
}

/// Classifies an error by its kind and its SQLSTATE.
#[must_use]
pub fn meaning(error: &Error) -> Meaning {
    match error {
        // Protocol errors are sent by a proxy that has no server behind it, or appear when one is cut off.
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
        // Cancelled by a timeout, lock not available, deadlock, serialization failure.
        "57014" | "55P03" | "40P01" | "40001" => Meaning::Overloaded,
        // Too many connections; read-only after a failover; a connection in a failed transaction, which the pool will
        // close;
        // a session or a transaction that was idle for too long.
        "53300" | "25006" | "25P02" | "25P03" | "57P05" => Meaning::Unavailable,
        // Insufficient resources, configured limits.
        code if code.starts_with("53") => Meaning::Overloaded,
        // Connection failures; shutdown or startup; authorization (no longer) valid; system errors.
        code if ["08", "57P", "28", "58"].iter().any(|class| code.starts_with(class)) => Meaning::Unavailable,
        _ => Meaning::Mistake,
    }
}

/// Converts an error of connecting so that it is [classified](meaning) as unavailable. No failure to connect is a bug
/// in the program: the password may have changed, the database may be being restored, a proxy may have no server behind
/// it.
#[must_use]
pub fn while_connecting(error: Error) -> Error {
    match meaning(&error) {
        Meaning::Unavailable => error,
        Meaning::Overloaded | Meaning::Mistake => Error::Io(std::io::Error::other(error)),
    }
}

/// Returns true if a statement violated the named constraint.
#[must_use]
pub fn breaks(error: &Error, constraint: &str) -> bool {
    error.as_database_error().and_then(|error| error.constraint()) == Some(constraint)
}
