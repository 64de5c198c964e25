//! The command of every day: what is pending is applied, and what `schema.sql` has more, or less, than the migrations build
//! becomes the next migration.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;

use super::MigrateError;
use super::event::{Deployed, Event};
use super::files;
use super::keep;
use super::lint::{Finding, LintOptions, lint};
use super::resolve;
use super::schema::{self, Catalog, LikelyRename, Manner, Proposal};
use super::session::Session;
use super::settings::Settings;
use super::side::{self, Side, Sources};
use super::source::{self, Migration, Script};
use super::{deploy, reset};

/// How many migrations back `schema.sql` is looked for, where it seems to be an older state.
const STATES_BACK: usize = 10;

/// The files that a developer works on.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// The folder of the migrations.
    pub folder: PathBuf,
    /// The file of the desired schema; it need not be there.
    pub schema: PathBuf,
}

impl Checkout {
    /// What is desired, if the file is there.
    ///
    /// # Errors
    /// [`MigrateError::Source`] if it is, and cannot be read.
    pub fn desired(&self) -> Result<Option<Script>, MigrateError> {
        match std::fs::read_to_string(&self.schema) {
            Ok(text) => Ok(Some(Script::new(self.schema.display().to_string(), text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(MigrateError::Source { path: self.schema.clone(), problem: error.to_string() }),
        }
    }
}

/// What is wanted of it.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// What the next migration is called.
    pub name: Option<String>,
    /// Only write files, and apply nothing.
    pub create_only: bool,
    /// Make a migration of what the database has and the migrations do not build.
    pub adopt: bool,
    /// What is lost may be lost.
    pub accept_data_loss: bool,
    /// What may be dropped, by its name: it is no rename, and its loss is accepted.
    pub drop: Vec<String>,
}

/// What only a person can say.
#[derive(Debug, Clone)]
pub enum Question<'a> {
    /// Whether it is a rename.
    Rename(&'a LikelyRename),
    /// Whether this may be lost.
    Loss(&'a [String]),
}

/// Puts a question to a person: the answer, or `None` where there is nobody to ask.
pub trait Ask: FnMut(&Question<'_>) -> Result<Option<bool>, MigrateError> {}

impl<F: FnMut(&Question<'_>) -> Result<Option<bool>, MigrateError>> Ask for F {}

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct Developed {
    /// The files that were written.
    pub files: Vec<PathBuf>,
    /// What they change.
    pub differences: Vec<String>,
    /// What is to be known of them.
    pub hazards: Vec<String>,
    /// What is to be written by hand. The files are not finished then, and were not applied.
    pub by_hand: Vec<String>,
    /// What the linter finds in them.
    pub findings: Vec<Finding>,
    /// The database had it already; it is on record.
    pub recorded: bool,
    /// There is no `schema.sql`.
    pub no_schema: bool,
    /// What was made by hand was written at the end of `schema.sql`.
    pub kept: bool,
}

/// Writes the next migration, if there is one to be written, and applies it.
///
/// # Errors
/// [`MigrateError`]; nothing was written then, or what is written was not applied, and the message says so.
pub async fn develop(
    options: &PgConnectOptions,
    checkout: &Checkout,
    settings: &Settings,
    wishes: &Wishes,
    now: DateTime<Utc>,
    mut ask: impl Ask,
    mut report: impl FnMut(Event),
) -> Result<(Vec<Deployed>, Developed), MigrateError> {
    let migrations = source::folder(&checkout.folder)?;
    let mut applied = Vec::new();
    if !wishes.create_only {
        applied = deploy::deploy(options, &migrations, settings, &mut report).await?;
    }
    let new: Vec<i64> = applied.iter().map(|one| one.version).collect();
    let kept = !new.is_empty() && keep::keep_in_step(options, checkout, settings, &migrations, &new).await?;
    let desired = checkout.desired()?;
    let Some(desired) = desired.as_ref() else {
        let mut done = Developed { no_schema: true, ..Developed::default() };
        if wishes.adopt {
            done = adopt(options, checkout, &migrations, settings, wishes, now, &mut ask).await?;
        } else if let Some(name) = &wishes.name {
            done.files = files::create(&checkout.folder, name, now)?;
        }
        return Ok((applied, done));
    };
    if wishes.adopt {
        return Ok((applied, adopt(options, checkout, &migrations, settings, wishes, now, &mut ask).await?));
    }
    let sources = Sources { migrations: &migrations, desired: Some(desired) };
    let mut hints = schema::hints(desired.text());
    let (proposal, pushed) = loop {
        let found =
            Session::with(options, settings, async |session| compare(session, sources, &hints, wishes).await).await?;
        let more = answers(&found.0, wishes, &mut ask)?;
        if more.is_empty() {
            break found;
        }
        hints.extend(more);
    };
    let mut done = Developed { kept, ..Developed::default() };
    if proposal.differences.is_empty() {
        if let Some(name) = wishes.name.as_ref().filter(|_| wishes.create_only) {
            done.files = files::create(&checkout.folder, name, now)?;
        }
        return Ok((applied, done));
    }
    let Some(name) = &wishes.name else {
        return Err(MigrateError::Differs {
            summary: format!(
                "{} is not what the migrations build; nothing was written. Write the next migration with `app migrate dev \
                 --name WHAT_IT_IS_FOR`:",
                desired.file
            ),
            differences: proposal.differences,
        });
    };
    accept(&proposal, wishes, &mut ask)?;
    let done = write(options, settings, checkout, &migrations, proposal, name, now).await?;
    if wishes.create_only || !done.by_hand.is_empty() {
        return Ok((applied, done));
    }
    let migrations = source::folder(&checkout.folder)?;
    if pushed {
        record(options, &migrations, settings, &done).await?;
        return Ok((applied, Developed { recorded: true, ..done }));
    }
    applied.extend(deploy::deploy(options, &migrations, settings, &mut report).await?);
    Ok((applied, done))
}

/// What is to be written, and whether the database has it already.
async fn compare(
    session: &mut Session<'_>,
    sources: Sources<'_>,
    hints: &[schema::Hint],
    wishes: &Wishes,
) -> Result<(Proposal, bool), MigrateError> {
    let database = session.schema().await?;
    let rows_role = session.settings.rows_role.clone();
    schema::in_shadow(session, async |shadow| {
        let target = side::build(shadow, sources, Side::Desired, &Catalog::default()).await?;
        reset::empty(shadow).await?;
        let built = side::build(shadow, sources, Side::Migrations, &Catalog::default()).await?;
        let drift = if wishes.create_only {
            Vec::new()
        } else {
            database.differences_from(&built.clone().without_privileges_of(rows_role.as_deref()))
        };
        let pushed = !drift.is_empty() && database.differences_from(&target).is_empty();
        if !drift.is_empty() && !pushed {
            return Err(MigrateError::Differs {
                summary: "the database is not what the migrations build; nothing was written. Take back what was done by hand; \
                          or make a migration of it with `app migrate dev --adopt --name WHAT_IT_IS_FOR`; or start over with \
                          `app migrate reset`:"
                    .to_owned(),
                differences: drift,
            });
        }
        let agreed = wishes.accept_data_loss || !wishes.drop.is_empty();
        if !agreed && built.has_what_is_not_in(&target) {
            reset::empty(shadow).await?;
            refuse_older_state(shadow, sources, &target).await?;
        }
        Ok((schema::propose(shadow, &target, hints, Manner::Online).await?, pushed))
    })
    .await
}

/// A file that is what the migrations built some time ago was forgotten, and not changed: what was made since by hand must
/// not be taken back by it. The shadow has all migrations afterwards.
async fn refuse_older_state(
    shadow: &mut Session<'_>,
    sources: Sources<'_>,
    target: &Catalog,
) -> Result<(), MigrateError> {
    let migrations = sources.migrations;
    let first = migrations.len().saturating_sub(STATES_BACK);
    for number in first..=migrations.len() {
        deploy::deploy_on(shadow, &migrations[..number], &mut |_| ()).await?;
        let state = schema::read(&mut shadow.connection).await?;
        if number > 0 && number < migrations.len() && state.differences_from(target).is_empty() {
            let newer: Vec<String> =
                migrations[number..].iter().map(|one| format!("{} {}", one.version, one.name)).collect();
            return Err(MigrateError::Differs {
                summary: format!(
                    "schema.sql is what the migrations up to {} build, and was not changed with those after it; nothing was \
                     written. Write into it what they make, or write it anew with `app db pull --force`; or, if that is to \
                     be taken back, say so with --accept-data-loss:",
                    migrations[number - 1].version
                ),
                differences: newer,
            });
        }
    }
    Ok(())
}

/// What a person says of drops that look like renames; the renames.
pub(super) fn answers(
    proposal: &Proposal,
    wishes: &Wishes,
    ask: &mut impl Ask,
) -> Result<Vec<schema::Hint>, MigrateError> {
    let mut renames = Vec::new();
    let mut open = Vec::new();
    for likely in proposal.likely_renames.iter().filter(|likely| !may_drop(wishes, &likely.old.name)) {
        if renames.iter().any(|(old, new)| *old == likely.old || *new == likely.new) {
            continue;
        }
        match ask(&Question::Rename(likely))? {
            Some(true) => renames.push((likely.old.clone(), likely.new.clone())),
            Some(false) => {}
            None => open.push(format!(
                "the {} would be dropped, and the {} added: if it is the same under another name, write `{}` at the end of \
                 its line in schema.sql; if not, say so with `--drop {}`",
                likely.old, likely.new, likely.hint, likely.old.name
            )),
        }
    }
    if !open.is_empty() {
        return Err(MigrateError::Unsafe {
            summary: "this looks like a rename; nothing was written:".to_owned(),
            details: open,
        });
    }
    let said = |(old, new): &(schema::Key, schema::Key)| {
        proposal.likely_renames.iter().find(|likely| likely.old == *old && likely.new == *new).map(LikelyRename::said)
    };
    Ok(renames.iter().filter_map(said).collect())
}

fn may_drop(wishes: &Wishes, name: &str) -> bool {
    let short = |name: &str| name.strip_prefix("public.").unwrap_or(name).to_owned();
    wishes.drop.iter().any(|allowed| short(allowed) == short(name))
}

/// Nothing is lost that nobody agreed to lose.
pub(super) fn accept(proposal: &Proposal, wishes: &Wishes, ask: &mut impl Ask) -> Result<(), MigrateError> {
    let allowed = |loss: &&String| {
        let names = loss.split(' ').filter(|word| word.contains('.'));
        names.into_iter().any(|name| may_drop(wishes, name))
    };
    let losses: Vec<String> = proposal.losses.iter().filter(|loss| !allowed(loss)).cloned().collect();
    if losses.is_empty() || wishes.accept_data_loss || ask(&Question::Loss(&losses))? == Some(true) {
        return Ok(());
    }
    Err(MigrateError::Unsafe {
        summary: "data would be lost; nothing was written. If it may be, say so with --accept-data-loss:".to_owned(),
        details: losses,
    })
}

/// Writes the files of a proposal.
async fn write(
    options: &PgConnectOptions,
    settings: &Settings,
    checkout: &Checkout,
    known: &[Migration],
    proposal: Proposal,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Developed, MigrateError> {
    // One command writes at a time.
    Session::with_lock(options, settings, async |_| write_files(checkout, known, proposal, name, now)).await
}

fn write_files(
    checkout: &Checkout,
    known: &[Migration],
    proposal: Proposal,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Developed, MigrateError> {
    let versions = |migrations: &[Migration]| migrations.iter().map(|one| one.version).collect::<Vec<_>>();
    if versions(&source::folder(&checkout.folder)?) != versions(known) {
        return Err(MigrateError::Unsafe {
            summary: "another command wrote migrations meanwhile; nothing was written. Run the command again."
                .to_owned(),
            details: Vec::new(),
        });
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    for draft in &proposal.drafts {
        let name = if draft.purpose.is_empty() { name.to_owned() } else { format!("{name} {}", draft.purpose) };
        match files::write(&checkout.folder, &name, now, &draft.up, &draft.down) {
            Ok(pair) => paths.extend(pair),
            Err(error) => {
                // All of them or none; what cannot be taken away is named by the next command.
                for path in &paths {
                    let _ = std::fs::remove_file(path);
                }
                return Err(error);
            }
        }
    }
    let ups: Vec<PathBuf> = paths.iter().filter(|path| is_up(path)).cloned().collect();
    Ok(Developed {
        findings: lint(&source::files(&ups)?, &LintOptions::default()),
        files: paths,
        differences: proposal.differences,
        hazards: proposal.hazards,
        by_hand: proposal.by_hand,
        ..Developed::default()
    })
}

fn is_up(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".up.sql")
}

/// Notes that the database has what the files make.
async fn record(
    options: &PgConnectOptions,
    migrations: &[Migration],
    settings: &Settings,
    done: &Developed,
) -> Result<(), MigrateError> {
    let written = |one: &&Migration| done.files.iter().any(|path| Path::new(&one.up.file) == path.as_path());
    let versions: Vec<i64> = migrations.iter().filter(written).map(|one| one.version).collect();
    resolve::declare(options, migrations, settings, &versions).await
}

/// Makes a migration of what was done to the database by hand, and notes that it is applied.
async fn adopt(
    options: &PgConnectOptions,
    checkout: &Checkout,
    migrations: &[Migration],
    settings: &Settings,
    wishes: &Wishes,
    now: DateTime<Utc>,
    ask: &mut impl Ask,
) -> Result<Developed, MigrateError> {
    let Some(name) = &wishes.name else {
        return Err(MigrateError::Senseless(
            "the migration that is written needs a name: `app migrate dev --adopt --name WHAT_IT_IS_FOR`; nothing was written."
                .to_owned(),
        ));
    };
    let sources = Sources { migrations, desired: None };
    let proposal = Session::with(options, settings, async |session| {
        side::propose(session, sources, (Side::Migrations, Side::Database), &[], Manner::Online).await
    })
    .await?;
    if proposal.differences.is_empty() {
        return Ok(Developed::default());
    }
    accept(&proposal, wishes, ask)?;
    let done = write(options, settings, checkout, migrations, proposal, name, now).await?;
    if !done.by_hand.is_empty() {
        return Ok(done);
    }
    let all = source::folder(&checkout.folder)?;
    record(options, &all, settings, &done).await?;
    let known: Vec<i64> = migrations.iter().map(|one| one.version).collect();
    let new: Vec<i64> = all.iter().map(|one| one.version).filter(|version| !known.contains(version)).collect();
    let kept = keep::keep_in_step(options, checkout, settings, &all, &new).await?;
    Ok(Developed { recorded: true, kept, ..done })
}
