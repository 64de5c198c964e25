//! A script to be run, with the notes for the record that go with it.

use crate::error::RunPurpose;
use crate::file::script::PreparedScript;

/// A script to be run.
pub(crate) struct ScriptRun<'a> {
    pub version: i64,
    pub name: &'a str,
    pub script: &'a PreparedScript<'a>,
    pub purpose: RunPurpose,
    /// The id of the attempt in the record.
    pub attempt: i64,
    /// Statements that record the success, in the same transaction.
    pub on_success: String,
    /// Statements that correct the record after a failure that left nothing, for scripts without a transaction.
    pub on_nothing_left: String,
}

impl<'a> ScriptRun<'a> {
    /// A script of which nothing is recorded.
    pub(crate) const fn unrecorded(script: &'a PreparedScript<'a>, purpose: RunPurpose) -> Self {
        Self {
            version: 0,
            name: "",
            script,
            purpose,
            attempt: 0,
            on_success: String::new(),
            on_nothing_left: String::new(),
        }
    }
}
