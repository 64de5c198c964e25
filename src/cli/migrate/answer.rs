//! What a command answers: text for a person, or one JSON document for a script, and the exit code.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::cli::output;
use crate::migrate::{Exit, FailedMigration, Left, MigrateError};

/// What a command answers.
pub(in crate::cli) struct Answer {
    exit: Exit,
    /// For a person.
    text: String,
    /// Goes to standard error, as it is no answer to what was asked.
    is_error: bool,
    /// For a script.
    fields: Map<String, Value>,
}

impl Answer {
    /// One for a person, with what a script is told beside it: an object.
    pub(in crate::cli) fn new(exit: Exit, text: impl Into<String>, fields: Value) -> Self {
        let fields = match fields {
            Value::Object(fields) => fields,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        Self { exit, text: text.into(), is_error: false, fields }
    }

    /// One that says why not.
    pub(in crate::cli) fn of_error(exit: Exit, code: &str, message: &str) -> Self {
        let fields = Map::from_iter([("error".to_owned(), json!({"code": code, "message": message}))]);
        Self { exit, text: message.to_owned(), is_error: true, fields }
    }

    /// Whether it says why not.
    pub(in crate::cli) const fn is_error(&self) -> bool {
        self.is_error
    }

    /// The same with another exit code.
    pub(in crate::cli) fn with_exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// The same with something more for a script.
    pub(in crate::cli) fn with(mut self, key: &str, value: Value) -> Self {
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// The same with something more for a person.
    pub(in crate::cli) fn and_say(mut self, more: &str) -> Self {
        self.text += more;
        self
    }

    /// Prints it; what the program ends with.
    pub(in crate::cli) fn print(self, command: &str, json: bool) -> ExitCode {
        if json {
            let mut document = Map::new();
            document.insert("command".to_owned(), command.into());
            document.insert("exit_code".to_owned(), (self.exit as u8).into());
            document.extend(self.fields);
            output::answer(Value::Object(document));
        } else if self.is_error {
            output::progress(format_args!("app: {}", self.text));
        } else if !self.text.is_empty() {
            output::answer(self.text);
        }
        self.exit.into()
    }
}

impl From<MigrateError> for Answer {
    fn from(error: MigrateError) -> Self {
        let mut answer = Self::of_error(error.exit(), error.code(), &error.to_string());
        let details = match &error {
            MigrateError::Failed(failed) => failed_json(failed),
            MigrateError::Locked { holder, waited } => json!({
                "holder": {"pid": holder.pid, "application": holder.application, "since": holder.since},
                "waited_ms": milliseconds(*waited),
            }),
            MigrateError::File { file, line, .. } => json!({"file": file, "line": line}),
            MigrateError::Differs { differences, .. } => json!({"differences": differences}),
            MigrateError::Unsafe { details, .. } => json!({"details": details}),
            _ => Value::Null,
        };
        if let (Some(Value::Object(fields)), Value::Object(details)) = (answer.fields.get_mut("error"), details) {
            fields.extend(details);
        }
        answer
    }
}

fn failed_json(failed: &FailedMigration) -> Value {
    let left = match &failed.left {
        Left::Nothing => json!({"state": "nothing"}),
        Left::Part { done, invalid_indexes } => {
            json!({"state": "part", "statements_done": done, "invalid_indexes": invalid_indexes})
        }
        Left::NotKnown => json!({"state": "not known"}),
    };
    json!({
        "version": failed.version,
        "name": failed.name,
        "file": failed.file,
        "line": failed.line,
        "statement": failed.statement,
        "statements": failed.statements,
        "sql": failed.sql,
        "sqlstate": failed.sqlstate,
        "postgres_message": failed.message,
        "detail": failed.detail,
        "hint": failed.hint,
        "blocked_by": failed.blockers,
        "left": left,
        "next": failed.next(),
    })
}

/// Whole milliseconds.
pub(super) fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
