//! The files of a project that developers edit.

use std::path::PathBuf;

use crate::error::MigrateError;
use crate::file::source::Script;

/// The files of a project that developers edit: the folder of migrations and the schema file.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// The folder of the migrations.
    pub folder: PathBuf,
    /// The schema file, which describes the desired schema. It may be missing.
    pub schema: PathBuf,
}

impl Checkout {
    /// Reads the schema file, if there is one.
    ///
    /// # Errors
    /// [`MigrateError::Source`] if it exists and cannot be read.
    pub fn desired(&self) -> Result<Option<Script>, MigrateError> {
        match std::fs::read_to_string(&self.schema) {
            Ok(text) => Ok(Some(Script::new(self.schema.display().to_string(), text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(MigrateError::Source { path: self.schema.clone(), problem: error.to_string() }),
        }
    }
}
