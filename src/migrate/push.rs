//! The schema of a database and the file `schema.sql`, with no migration between them: one is brought to the other.

use std::path::Path;

use sqlx::postgres::PgConnectOptions;

use super::MigrateError;
use super::develop::{Ask, Wishes, accept, answers};
use super::execute::{self, Job, Purpose};
use super::schema::{self, Manner, Proposal};
use super::script::Prepared;
use super::session::Session;
use super::settings::Settings;
use super::side::{self, Difference, Side, Sources};
use super::source::Script;
use crate::config::Profile;

/// The beginning of a file that is written from a database.
const HEADER: &str = "\
-- The schema as it should be: plain PostgreSQL, in an order in which it can be run. Change it here, then write the migration
-- with `app migrate dev --name WHAT_IT_IS_FOR`. What keeps its content under another name says so at the end of its line, as
-- in `full_name text, -- renamed from name`.
";

/// Brings a database to `schema.sql`, in one transaction; what was changed.
///
/// # Errors
/// [`MigrateError`]: in prod, and where something would be lost that nobody agreed to lose; nothing was changed then.
pub async fn push(
    options: &PgConnectOptions,
    desired: &Script,
    settings: &Settings,
    wishes: &Wishes,
    mut ask: impl Ask,
) -> Result<Difference, MigrateError> {
    if settings.profile == Profile::Prod {
        return Err(MigrateError::Forbidden(
            "`db push` changes a schema with no migration, and is not for prod; nothing was changed.".to_owned(),
        ));
    }
    let sources = Sources { migrations: &[], desired: Some(desired) };
    let mut hints = schema::hints(desired.text());
    loop {
        let proposal = Session::with_lock(options, settings, async |session| {
            side::propose(session, sources, (Side::Database, Side::Desired), &hints, Manner::AtOnce).await
        })
        .await?;
        let more = answers(&proposal, wishes, &mut ask)?;
        if !more.is_empty() {
            hints.extend(more);
            continue;
        }
        if !proposal.by_hand.is_empty() {
            return Err(MigrateError::Unsafe {
                summary: "no safe way was found; nothing was changed:".to_owned(),
                details: proposal.by_hand,
            });
        }
        accept(&proposal, wishes, &mut ask)?;
        apply(options, settings, &proposal).await?;
        return Ok(proposal.into());
    }
}

async fn apply(options: &PgConnectOptions, settings: &Settings, proposal: &Proposal) -> Result<(), MigrateError> {
    let text: String = proposal.drafts.iter().map(|draft| draft.up.as_str()).collect();
    let script = Script::new("what leads to schema.sql".to_owned(), text);
    let prepared = Prepared::new(&script)?;
    let job = Job {
        version: 0,
        name: "",
        prepared: &prepared,
        purpose: Purpose::Push,
        attempt: 0,
        on_success: String::new(),
        on_nothing_left: String::new(),
    };
    Session::with_lock(options, settings, async |session| execute::once(session, &job, &mut |_| ()).await).await
}

/// What a database has, written down.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The text of a `schema.sql`.
    pub text: String,
    /// What the database has and no SQL is written for, with what needs it.
    pub left_out: Vec<String>,
}

/// The text of a `schema.sql` that builds what a database has; it was tried.
///
/// # Errors
/// [`MigrateError::Unsafe`] if what it builds is not what the database has.
pub async fn pull(options: &PgConnectOptions, settings: &Settings) -> Result<Pulled, MigrateError> {
    Session::with(options, settings, async |session| {
        let found = session.schema().await?;
        let copied = schema::in_shadow(session, async |shadow| schema::copy_what_can_be(shadow, &found).await).await;
        let (up, left_out) = copied?;
        let mut text = format!("{HEADER}\n");
        if !left_out.is_empty() {
            text += "-- The database has more, which has to be written here by hand:\n";
            text.extend(left_out.iter().map(|one| format!("--   {}\n", one.replace('\n', " "))));
            text += "\n";
        }
        text += &up;
        Ok(Pulled { text, left_out })
    })
    .await
}

/// Writes a file as a whole, or not at all.
///
/// # Errors
/// [`MigrateError::Source`] if it cannot be written.
pub fn write_whole(path: &Path, text: &str) -> Result<(), MigrateError> {
    let draft = path.with_extension("sql.new");
    std::fs::write(&draft, text)
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|error| MigrateError::Source { path: path.to_owned(), problem: error.to_string() })
}
