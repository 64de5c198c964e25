//! Database errors for a person: the database, the cause, and the next step.
//!
//! sqlx's own texts name neither host nor database, repeat causes, and end with a line of PostgreSQL's C sources.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;

use sqlx::postgres::PgConnectOptions;

use crate::sql_text::identifier;

/// The limit on the characters of a name in a message. Names come from URLs.
const MAX_NAME: usize = 100;

/// The target of a connection: the parts of its URL that may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionTarget {
    database: String,
    server: String,
    user: String,
}

impl ConnectionTarget {
    /// The target of these options.
    #[must_use]
    pub fn of(options: &PgConnectOptions) -> Self {
        let server = match options.get_socket() {
            Some(folder) => format!("the socket in {} (port {})", shown(&folder.to_string_lossy()), options.get_port()),
            None => format!("{}:{}", shown(options.get_host()), options.get_port()),
        };
        let user = options.get_username();
        // PostgreSQL's own default is the database that is named like the user.
        Self { database: shown(options.get_database().unwrap_or(user)), server, user: shown(user) }
    }

    /// The server: `localhost:5432`.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }
}

impl fmt::Display for ConnectionTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the database {} on {} as {}", self.database, self.server, self.user)
    }
}

/// A failed attempt to connect, with the cause and the next step.
#[derive(Debug)]
pub struct NoConnection {
    target: ConnectionTarget,
    error: sqlx::Error,
}

impl NoConnection {
    /// An error of connecting with these options.
    #[must_use]
    pub fn new(options: &PgConnectOptions, error: sqlx::Error) -> Self {
        // The pool wraps errors of connecting in errors of reading and writing.
        let error = match error {
            sqlx::Error::Io(outer) => match outer.downcast::<sqlx::Error>() {
                Ok(inner) => inner,
                Err(outer) => sqlx::Error::Io(outer),
            },
            error => error,
        };
        Self { target: ConnectionTarget::of(options), error }
    }

    /// The SQLSTATE, if the server was reached and refused.
    #[must_use]
    pub fn sqlstate(&self) -> Option<String> {
        sqlstate(&self.error)
    }

    /// The cause, without the target.
    #[must_use]
    pub fn cause(&self) -> String {
        let ConnectionTarget { database, user, .. } = &self.target;
        match self.sqlstate().as_deref() {
            Some("28P01") => format!("password refused for {user}"),
            Some("3D000") => format!("there is no database {database}"),
            _ => Cause(&self.error).to_string(),
        }
    }

    fn remedy(&self) -> Option<String> {
        let ConnectionTarget { database, user, .. } = &self.target;
        if let Some(code) = self.sqlstate() {
            return match code.as_str() {
                "28P01" => Some(
                    "Is it the one that the role has? A password with @ : / # ? % in it has to be percent-encoded in a URL \
                     (# is %23)."
                        .to_owned(),
                ),
                "3D000" => Some(format!("Create it with `createdb -O {} {}`.", shell_word(user), shell_word(database))),
                "28000" if Cause(&self.error).to_string().ends_with("does not exist") => {
                    Some(format!("Create the role with `createuser -P {}`.", shell_word(user)))
                }
                "42501" => Some(format!(
                    "As its owner: `grant connect on database {} to {}`.",
                    identifier(database),
                    identifier(user)
                )),
                _ => None,
            };
        }
        let sqlx::Error::Io(error) = &self.error else { return None };
        let remedy = match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::NotFound => "Is PostgreSQL running there?",
            ErrorKind::TimedOut => "Are host and port right, and does no firewall drop what is sent there?",
            _ if is_unknown_host(error) => "Is the name right, and can this machine resolve it?",
            _ => return None,
        };
        Some(remedy.to_owned())
    }
}

impl fmt::Display for NoConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no connection to {}: {}.", self.target, self.cause())?;
        self.remedy().map_or(Ok(()), |remedy| write!(formatter, " {remedy}"))
    }
}

impl Error for NoConnection {}

/// A failed query, with the database, the cause and the next step.
#[derive(Debug)]
pub struct QueryFailure {
    target: ConnectionTarget,
    error: sqlx::Error,
}

impl QueryFailure {
    /// An error on a connection that these options made.
    #[must_use]
    pub fn new(options: &PgConnectOptions, error: sqlx::Error) -> Self {
        Self { target: ConnectionTarget::of(options), error }
    }
}

impl fmt::Display for QueryFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = Cause(&self.error).to_string();
        write!(formatter, "{} failed: {cause}", self.target)?;
        let ConnectionTarget { database, user, .. } = &self.target;
        let forbidden = sqlstate(&self.error).as_deref() == Some("42501");
        if forbidden && cause.starts_with("permission denied for schema") {
            // Since PostgreSQL 15, a role may create tables only in a database of its own.
            let (database, user) = (identifier(database), identifier(user));
            write!(formatter, ". As a superuser: `alter database {database} owner to {user}`.")?;
        }
        Ok(())
    }
}

impl Error for QueryFailure {}

/// The text of an error, each cause once, without the line of PostgreSQL's sources that sqlx adds.
pub struct Cause<'a>(pub &'a sqlx::Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            sqlx::Error::Database(error) => formatter.write_str(error.message()),
            sqlx::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<sqlx::Error>()) {
                Some(inner) => Cause(inner).fmt(formatter),
                None if is_unknown_host(error) => formatter.write_str("no such host is known"),
                None if error.raw_os_error().is_some() => write!(formatter, "{}", error.kind()),
                None => write!(formatter, "{error}"),
            },
            sqlx::Error::PoolTimedOut => formatter.write_str("no connection came free in time"),
            error => write!(formatter, "{error}"),
        }
    }
}

/// The text of an error and its causes, each once.
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let mut next = Some(self.0);
        while let Some(error) = next {
            let database = error.downcast_ref::<sqlx::Error>();
            let words = database.map_or_else(|| error.to_string(), |error| Cause(error).to_string());
            // Many errors contain the text of their cause already.
            if !text.contains(&words) {
                let separator = if text.is_empty() { "" } else { ": " };
                text = text + separator + &words;
            }
            next = if database.is_some() { None } else { error.source() };
        }
        formatter.write_str(&text)
    }
}

fn sqlstate(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// True if a name could not be resolved. The standard library has no kind for that.
fn is_unknown_host(error: &std::io::Error) -> bool {
    error.to_string().contains("failed to lookup address")
}

/// A name as it is shown: on one line, and of limited length.
fn shown(name: &str) -> String {
    let printable = name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    printable.take(MAX_NAME).collect()
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A name as a word of a shell.
fn shell_word(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn options() -> PgConnectOptions {
        "postgres://user:hunter2@localhost:5799/expense_db".parse().expect("a URL")
    }

    #[test]
    fn no_connection_is_described_with_target_cause_and_remedy_and_without_the_password() {
        let refused = sqlx::Error::Io(io::Error::from_raw_os_error(111));
        let text = NoConnection::new(&options(), refused).to_string();
        assert_eq!(
            text,
            "no connection to the database expense_db on localhost:5799 as user: connection refused. Is PostgreSQL running \
             there?"
        );
    }

    #[test]
    fn each_cause_of_a_chain_appears_once() {
        let refused = || sqlx::Error::Io(io::Error::from_raw_os_error(111));
        assert_eq!(Chain(&refused()).to_string(), "connection refused");
        let wrapped = sqlx::Error::Io(io::Error::other(refused()));
        assert_eq!(Cause(&wrapped).to_string(), "connection refused");
        let with_context = anyhow::Error::new(refused()).context("the upkeep failed");
        assert_eq!(Chain(with_context.as_ref()).to_string(), "the upkeep failed: connection refused");
    }

    #[test]
    fn a_name_from_a_url_stays_on_one_line_and_is_quoted_where_it_has_to_be() {
        let options = options().database("a\nb").username(&"u".repeat(500));
        let target = ConnectionTarget::of(&options).to_string();
        assert!(!target.contains('\n') && target.len() < 300, "{target}");
        assert_eq!((shell_word("o'hara").as_str(), identifier("My\"db").as_str()), ("'o'\\''hara'", "\"My\"\"db\""));
    }
}
