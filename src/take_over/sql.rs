//! Dynamic SQL.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

/// White space at the ends of a text, as defined by `str::trim`.
pub(super) const BLANKS: &str = r"E'\t\n\u000b\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000'";

/// Runs a dynamic statement, in which everything from outside is quoted.
pub(super) async fn run(connection: &mut PgConnection, sql: String) -> Result<u64, sqlx::Error> {
    Ok(connection.execute(AssertSqlSafe(sql)).await?.rows_affected())
}

/// Quotes an SQL identifier.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes an SQL string, independent of `standard_conforming_strings`.
pub(super) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\0', "").replace('\\', "\\\\").replace('\'', "''"))
}

/// The SQLSTATE of an error.
pub(super) fn sqlstate(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
