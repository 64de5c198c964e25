//! A statement that is put together of its conditions, with its values.

use sqlx::postgres::PgArguments;
use sqlx::{AssertSqlSafe, Encode, Postgres, Type};

use crate::features::resource::Arguments;

/// The text of a statement and its values. The first value is always the user, `$1`.
pub(super) struct Statement {
    pub(super) user_id: i64,
    pub(super) text: String,
    values: Arguments,
    count: usize,
}

impl Statement {
    /// A statement about the rows of a user.
    pub(super) fn of(user_id: i64) -> Self {
        let mut statement = Self { user_id, text: String::new(), values: Arguments::default(), count: 0 };
        statement.value(user_id);
        statement
    }

    /// Adds a value, and returns its name in the text.
    pub(super) fn value<'t, T: Encode<'t, Postgres> + Type<Postgres>>(&mut self, value: T) -> String {
        self.count += 1;
        self.values.add(value);
        format!("${}", self.count)
    }

    /// The text and the values for sqlx. The text has names of values and no values.
    pub(super) fn finish(self) -> Result<(AssertSqlSafe<String>, PgArguments), sqlx::Error> {
        Ok((AssertSqlSafe(self.text), self.values.finish()?))
    }
}
