//! Opens the record for writing.

use crate::error::MigrateError;
use crate::record::history::{MigrationHistory, RecordTables};
use crate::record::recorder::Recorder;
use crate::run::session::MigrationSession;

/// A recorder for a session that has the lock. A record that another role controls is refused: its triggers would run with the
/// privileges of this role.
pub(crate) async fn open_recorder(
    session: &mut MigrationSession<'_>,
    history: &MigrationHistory,
) -> Result<Recorder, MigrateError> {
    trusted_schema(&history.tables)?;
    Ok(Recorder::new(&mut session.connection, history, session.settings.names.version).await?)
}

/// The schema of the record, quoted, if this role may trust those who control it.
pub(crate) fn trusted_schema(tables: &RecordTables) -> Result<&str, MigrateError> {
    let Some(schema) = &tables.schema else {
        return Err(MigrateError::InvalidRequest(
            "no schema of the search path exists, so there is none to create tables in; nothing was changed. Create it, or \
             name one that exists with `?options=-csearch_path%3D…` in the database's URL."
                .to_owned(),
        ));
    };
    if let Some(owner) = &tables.untrusted_owner {
        return Err(MigrateError::InvalidRequest(format!(
            "the record of the migrations belongs to the role `{owner}`, which is neither this one, nor one that it is a \
             member of, nor the owner of the database or of the schema: its triggers on the tables would run with this \
             role's privileges. Nothing was changed. If the role is trusted, grant it to this one; if not, look at what it \
             made, and drop {} and {}.",
            tables.records(),
            tables.attempts()
        )));
    }
    Ok(schema)
}

/// The notes that precede all others: the missing tables, and attempts whose process is gone.
pub(crate) fn opening_notes(recorder: &Recorder, history: &MigrationHistory) -> String {
    let mut sql = Recorder::make_tables(&history.tables);
    // This session has the lock, so no attempt that is recorded as running can be.
    let gone: Vec<i64> =
        history.attempts.iter().filter(|attempt| attempt.abandoned()).map(|attempt| attempt.id).collect();
    if !gone.is_empty() {
        sql += &recorder.interrupted(&gone);
    }
    sql
}
