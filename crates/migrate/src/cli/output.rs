//! The output of a command: text for a person or one JSON document for a script, and the exit code.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::cli::terminal;
use crate::cli::words::milliseconds;
use crate::error::{FailedMigration, MigrateError, Remains};
use crate::exit::Exit;

/// The output of a command.
#[derive(Debug)]
pub struct CommandOutput {
    exit: Exit,
    /// For a person.
    text: String,
    /// True if the text goes to standard error.
    is_error: bool,
    /// For a script.
    fields: Map<String, Value>,
}

impl CommandOutput {
    /// An output with a text for a person, and fields for a script: a JSON object.
    pub fn new(exit: Exit, text: impl Into<String>, fields: Value) -> Self {
        let fields = match fields {
            Value::Object(fields) => fields,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        Self { exit, text: text.into(), is_error: false, fields }
    }

    /// An error, with a code for a script.
    #[must_use]
    pub fn of_error(exit: Exit, code: &str, message: &str) -> Self {
        let fields = Map::from_iter([("error".to_owned(), json!({"code": code, "message": message}))]);
        Self { exit, text: message.to_owned(), is_error: true, fields }
    }

    /// True for an error.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        self.is_error
    }

    /// Replaces the exit code.
    #[must_use]
    pub fn with_exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// Adds a field for a script.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// Adds to the text for a person.
    #[must_use]
    pub fn and_say(mut self, more: &str) -> Self {
        self.text += more;
        self
    }

    /// Prints it, and returns the exit code of the program. Errors for a person begin with the name of the program.
    pub fn print(self, program: &str, command: &str, json: bool) -> ExitCode {
        if json {
            let mut document = Map::new();
            document.insert("command".to_owned(), command.into());
            document.insert("exit_code".to_owned(), self.exit.code().into());
            document.extend(self.fields);
            terminal::answer(Value::Object(document));
        } else if self.is_error {
            terminal::progress(format_args!("{program}: {}", self.text));
        } else if !self.text.is_empty() {
            terminal::answer(self.text);
        }
        self.exit.into()
    }
}

impl From<MigrateError> for CommandOutput {
    fn from(error: MigrateError) -> Self {
        let mut output = Self::of_error(error.exit(), error.code(), &error.to_string());
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
        if let (Some(Value::Object(fields)), Value::Object(details)) = (output.fields.get_mut("error"), details) {
            fields.extend(details);
        }
        output
    }
}

fn failed_json(failed: &FailedMigration) -> Value {
    let left = match &failed.left {
        Remains::Nothing => json!({"state": "nothing"}),
        Remains::Part { done, invalid_indexes } => {
            json!({"state": "part", "statements_done": done, "invalid_indexes": invalid_indexes})
        }
        Remains::Unknown => json!({"state": "not known"}),
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
