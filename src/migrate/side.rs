//! The schemas that there are to be compared: what the migrations build, what is desired, what a database has, and nothing.

use sqlx::postgres::PgConnectOptions;

use super::MigrateError;
use super::deploy::deploy_on;
use super::execute::{self, Job, Purpose};
use super::reset;
use super::schema::{self, Catalog, Hint, Manner, Proposal};
use super::script::Prepared;
use super::session::Session;
use super::settings::Settings;
use super::source::{Migration, Script};

/// A schema to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What the migrations build.
    Migrations,
    /// What `schema.sql` says.
    Desired,
    /// What the database has.
    Database,
    /// Nothing.
    Empty,
}

/// Where they come from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The migrations.
    pub migrations: &'a [Migration],
    /// `schema.sql`.
    pub desired: Option<&'a Script>,
}

/// Works out how to get from one side to the other, and tries it on a shadow database.
pub(super) async fn propose(
    session: &mut Session<'_>,
    sources: Sources<'_>,
    (from, to): (Side, Side),
    hints: &[Hint],
    manner: Manner,
) -> Result<Proposal, MigrateError> {
    let database = session.schema().await?;
    schema::in_shadow(session, async |shadow| {
        let target = if to == Side::Database {
            database.clone()
        } else {
            let target = build(shadow, sources, to, &database).await?;
            reset::empty(shadow).await?;
            target
        };
        build(shadow, sources, from, &database).await?;
        schema::propose(shadow, &target, hints, manner).await
    })
    .await
}

/// Builds a schema in an empty shadow database.
pub(super) async fn build(
    shadow: &mut Session<'_>,
    sources: Sources<'_>,
    side: Side,
    database: &Catalog,
) -> Result<Catalog, MigrateError> {
    match side {
        Side::Migrations => drop(deploy_on(shadow, sources.migrations, &mut |_| ()).await?),
        Side::Desired => load(shadow, sources.desired).await?,
        Side::Database => drop(schema::copy(shadow, database).await?),
        Side::Empty => {}
    }
    Ok(schema::read(&mut shadow.connection).await?.without_states())
}

async fn load(shadow: &mut Session<'_>, script: Option<&Script>) -> Result<(), MigrateError> {
    let script = script.ok_or_else(|| {
        MigrateError::Senseless(
            "there is no schema.sql here; nothing was changed. `app db pull` writes one from the database, or name it with \
             --schema."
                .to_owned(),
        )
    })?;
    let prepared = Prepared::new(script)?;
    let job = Job {
        version: 0,
        name: "",
        prepared: &prepared,
        purpose: Purpose::Load,
        attempt: 0,
        on_success: String::new(),
        on_nothing_left: String::new(),
    };
    execute::once(shadow, &job, &mut |_| ()).await
}

/// What a comparison found.
#[derive(Debug, Clone)]
pub struct Difference {
    /// What differs, object by object; empty if nothing does.
    pub differences: Vec<String>,
    /// The files that lead from one to the other, in order: what makes the change, and what takes it back. One that begins
    /// with `-- no-transaction` is to be run statement by statement.
    pub files: Vec<(String, String)>,
    /// What is lost on the way.
    pub losses: Vec<String>,
    /// What else is to be known.
    pub hazards: Vec<String>,
    /// What no SQL was written for, and why.
    pub by_hand: Vec<String>,
}

impl Difference {
    /// All of the SQL that leads from one to the other.
    #[must_use]
    pub fn script(&self) -> String {
        self.files.iter().map(|(up, _)| up.as_str()).collect::<Vec<_>>().join("\n")
    }
}

impl From<Proposal> for Difference {
    fn from(proposal: Proposal) -> Self {
        Self {
            files: proposal.drafts.into_iter().map(|draft| (draft.up, draft.down)).collect(),
            differences: proposal.differences,
            losses: proposal.losses,
            hazards: proposal.hazards,
            by_hand: proposal.by_hand,
        }
    }
}

/// What differs between two sides, and the SQL that leads from one to the other; no database but a shadow is touched.
///
/// # Errors
/// [`MigrateError`], where a side cannot be built.
pub async fn diff(
    options: &PgConnectOptions,
    sources: Sources<'_>,
    settings: &Settings,
    (from, to): (Side, Side),
) -> Result<Difference, MigrateError> {
    let hints = hints(sources.desired, to);
    Session::with(options, settings, async |session| {
        propose(session, sources, (from, to), &hints, Manner::Online).await.map(Difference::from)
    })
    .await
}

/// The renames that the file speaks of; they are those of the way to it.
pub(super) fn hints(desired: Option<&Script>, to: Side) -> Vec<Hint> {
    desired.filter(|_| to == Side::Desired).map_or_else(Vec::new, |script| schema::hints(script.text()))
}
