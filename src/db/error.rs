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
///
/// Citus passes on the message of the server that has the rows, without the field that names the constraint. There, tables have the
/// number of their shard at the end of their names, and so have their constraints, such as `tags_name_key_102042`.
#[must_use]
pub fn breaks(error: &Error, constraint: &str) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    let is_it = |name: &str| {
        let rest = name.strip_prefix(constraint);
        rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('_').is_some_and(is_shard))
    };
    match error.constraint() {
        Some(name) => is_it(name),
        // Integrity constraint violations. Their messages contain names of tables and constraints, and no values.
        None if error.code().is_some_and(|code| code.starts_with("23")) => {
            error.message().split(|character: char| !(character.is_alphanumeric() || character == '_')).any(is_it)
        }
        None => false,
    }
}

/// Returns true for the number of a shard: Citus begins with 102008.
fn is_shard(number: &str) -> bool {
    number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::error::Error as StdError;
    use std::fmt;

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    /// An error as a server sends it.
    #[derive(Debug)]
    struct Sent {
        code: &'static str,
        message: &'static str,
        constraint: Option<&'static str>,
    }

    impl fmt::Display for Sent {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str(self.message)
        }
    }

    impl StdError for Sent {}

    impl DatabaseError for Sent {
        fn message(&self) -> &str {
            self.message
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(Cow::Borrowed(self.code))
        }

        fn constraint(&self) -> Option<&str> {
            self.constraint
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }

        fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
            self
        }
    }

    fn sent(code: &'static str, constraint: Option<&'static str>, message: &'static str) -> Error {
        Error::Database(Box::new(Sent { code, message, constraint }))
    }

    #[test]
    fn the_field_names_the_constraint() {
        let message = "duplicate key value violates unique constraint \"users_email_key\"";
        let error = sent("23505", Some("users_email_key"), message);
        assert!(breaks(&error, "users_email_key"));
        for other in ["users_email", "users_email_key_2", "email_key", "users_pkey", ""] {
            assert!(!breaks(&error, other), "{other}");
        }
        assert!(breaks(&sent("23505", Some("users_email_key_102008"), message), "users_email_key"));
        assert!(!breaks(&sent("23505", Some("other_key"), message), "users_email_key"), "the field decides");
    }

    #[test]
    fn without_the_field_the_message_names_the_constraint() {
        for message in [
            "duplicate key value violates unique constraint \"users_email_key\"",
            "duplicate key value violates unique constraint \"users_email_key_102008\"",
            "doppelter Schlüsselwert verletzt Unique-Constraint »users_email_key_102008«",
        ] {
            let error = sent("23505", None, message);
            assert!(breaks(&error, "users_email_key"), "{message}");
            assert!(!breaks(&error, "email_key") && !breaks(&error, "users_email"), "{message}");
        }
        let message = "insert or update on table \"operations_102042\" violates foreign key constraint \
                       \"operations_user_id_fkey_102042\"";
        assert!(breaks(&sent("23503", None, message), "operations_user_id_fkey"));
        // A number that is no shard's is part of another name.
        let message = "duplicate key value violates unique constraint \"users_email_key_2\"";
        assert!(!breaks(&sent("23505", None, message), "users_email_key"));
    }

    #[test]
    fn other_errors_break_no_constraint() {
        let message = "constraint \"users_email_key\" for table \"users\" does not exist";
        assert!(!breaks(&sent("42704", None, message), "users_email_key"));
        assert!(!breaks(&Error::RowNotFound, "users_email_key"));
    }
}
