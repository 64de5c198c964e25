//! One file for many: it builds what they build, and a database that has them has it.

use std::path::{Path, PathBuf};

use sha2::Digest as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Row as _};

use super::MigrateError;
use super::deploy::deploy_on;
use super::develop::Checkout;
use super::reset;
use super::schema;
use super::session::Session;
use super::settings::Settings;
use super::source::{Migration, Script, folder};

/// What a line begins with that names a file that is part of another now.
const WORDS: &str = "-- squashes: ";

/// What stands between two lists of such files, of which a database has one or the other: of those that were squashed
/// again it has the first ones, or the one that they became.
const OR: &str = "-- or:";

/// A migration that is part of another now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Squashed {
    pub version: i64,
    /// The checksum that it is on record with, in hexadecimal digits.
    checksum: String,
    name: String,
}

impl Squashed {
    /// Whether it is the one with this checksum.
    pub(super) fn is(&self, checksum: &[u8]) -> bool {
        self.checksum == hexadecimal(checksum)
    }

    fn line(&self) -> String {
        format!("{WORDS}{} {} {}\n", self.version, self.checksum, self.name)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The lists of those that a file stands for; none, if it is an ordinary one.
pub(super) fn squashed(script: &Script) -> Vec<Vec<Squashed>> {
    let lines = script.text().trim_start_matches('\u{feff}').lines().map(str::trim_end);
    let mut lists: Vec<Vec<Squashed>> = Vec::new();
    for line in lines.take_while(|line| line.starts_with("--")) {
        if line == OR {
            lists.push(Vec::new());
        }
        let Some((version, rest)) = line.strip_prefix(WORDS).and_then(|rest| rest.split_once(' ')) else { continue };
        let (checksum, name) = rest.split_once(' ').unwrap_or((rest, ""));
        let Ok(version) = version.parse() else { continue };
        if lists.is_empty() {
            lists.push(Vec::new());
        }
        let one = Squashed { version, checksum: checksum.to_owned(), name: name.to_owned() };
        lists.last_mut().into_iter().for_each(|list| list.push(one.clone()));
    }
    lists
}

/// Whether a file stands for this other one.
pub(super) fn covers(migration: &Migration, version: i64) -> bool {
    version < migration.version && squashed(&migration.up).iter().flatten().any(|one| one.version == version)
}

/// The lines that name those that a file stands for.
fn header(chosen: &[Migration]) -> String {
    let of = |one: &Migration| Squashed {
        version: one.version,
        checksum: hexadecimal(&sha2::Sha384::digest(one.up.text())),
        name: one.name.clone(),
    };
    let list = |list: Vec<Squashed>| list.iter().map(Squashed::line).collect::<String>();
    let mut texts = vec![list(chosen.iter().map(of).collect())];
    // Only the first can stand for others already: whatever is squashed begins with the first.
    if let Some((first, rest)) = chosen.split_first() {
        for earlier in squashed(&first.up) {
            texts.push(list(earlier.into_iter().chain(rest.iter().map(of)).collect()));
        }
    }
    texts.join(&format!("{OR}\n"))
}

/// What was made of them.
#[derive(Debug, Clone)]
pub struct SquashedFiles {
    /// The new pair.
    pub written: Vec<PathBuf>,
    /// The files that are in it now, and gone.
    pub removed: Vec<PathBuf>,
}

/// Puts all migrations up to one into one file, and takes theirs away. It is proven first that it builds the same schema.
///
/// # Errors
/// [`MigrateError::Senseless`] if there is nothing to squash, [`MigrateError::Unsafe`] if they put in data, or if what they
/// build cannot be written; no file was touched then.
pub async fn squash(
    options: &PgConnectOptions,
    checkout: &Checkout,
    settings: &Settings,
    to: i64,
) -> Result<SquashedFiles, MigrateError> {
    let migrations = folder(&checkout.folder)?;
    if !migrations.iter().any(|one| one.version == to) {
        return Err(MigrateError::Senseless(format!("there is no migration {to}; no file was touched.")));
    }
    let chosen: Vec<Migration> = migrations.into_iter().filter(|one| one.version <= to).collect();
    if chosen.len() < 2 {
        return Err(MigrateError::Senseless(format!(
            "{to} is the first migration, and there is nothing to squash it with; no file was touched."
        )));
    }
    let (up, down) = Session::with(options, settings, async |session| schema_of(session, &chosen).await).await?;
    let header = header(&chosen);
    let base = checkout.folder.join(format!("{to}_squashed"));
    let path = |suffix: &str| base.with_file_name(format!("{to}_squashed.{suffix}.sql"));
    let new = [(path("up"), format!("{header}\n{up}")), (path("down"), down)];
    let cannot =
        |path: &Path, error: std::io::Error| MigrateError::Source { path: path.to_owned(), problem: error.to_string() };
    // Written beside first: a full disk is noticed before anything is gone.
    for (path, text) in &new {
        let draft = path.with_extension("sql.new");
        std::fs::write(&draft, text).map_err(|error| cannot(&draft, error))?;
    }
    let mut removed = Vec::new();
    for one in &chosen {
        for script in [Some(&one.up), one.down.as_ref()].into_iter().flatten() {
            let old = PathBuf::from(&script.file);
            std::fs::remove_file(&old).map_err(|error| cannot(&old, error))?;
            removed.push(old);
        }
    }
    for (path, _) in &new {
        std::fs::rename(path.with_extension("sql.new"), path).map_err(|error| cannot(path, error))?;
    }
    Ok(SquashedFiles { written: new.into_iter().map(|(path, _)| path).collect(), removed })
}

/// The SQL that builds what these build, and the SQL that takes it back; both tried.
async fn schema_of(session: &mut Session<'_>, chosen: &[Migration]) -> Result<(String, String), MigrateError> {
    schema::in_shadow(session, async |shadow| {
        deploy_on(shadow, chosen, &mut |_| ()).await?;
        let filled = filled(shadow).await?;
        if !filled.is_empty() {
            return Err(MigrateError::Unsafe {
                summary: "these migrations put rows into tables, which one file for all would not; no file was touched. Squash \
                          up to one before them, or move the rows to `app db seed --file`:"
                    .to_owned(),
                details: filled,
            });
        }
        let built = schema::read(&mut shadow.connection).await?;
        reset::empty(shadow).await?;
        schema::written(shadow, &built).await
    })
    .await
}

/// The tables that have rows, other than those of the record.
async fn filled(shadow: &mut Session<'_>) -> Result<Vec<String>, MigrateError> {
    let tables = "select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                  where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' \
                  and c.relname not in ('_sqlx_migrations', '_app_migration_attempts', '_app_schema_looks') \
                  and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e') \
                  order by 1";
    let mut filled = Vec::new();
    for row in sqlx::raw_sql(tables).fetch_all(&mut shadow.connection).await? {
        let name: String = row.try_get("name")?;
        let query = format!("select exists (select from {name}) as filled");
        if sqlx::raw_sql(AssertSqlSafe(query)).fetch_one(&mut shadow.connection).await?.try_get("filled")? {
            filled.push(name);
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_what_a_file_stands_for() {
        let script = Script::new(
            "2_squashed.up.sql".to_owned(),
            "-- squashes: 1 ab one\n-- squashes: 2 cd two\n\ncreate table t ();\n-- squashes: 3 ef\n".to_owned(),
        );
        let found = squashed(&script);
        assert_eq!(found[0].iter().map(|one| one.version).collect::<Vec<_>>(), [1, 2]);
        assert!(found[0][0].is(&[0xab]) && !found[0][1].is(&[0xab]));
        assert!(squashed(&Script::new("1_x.sql".to_owned(), "create table t ();".to_owned())).is_empty());
    }

    #[test]
    fn what_is_squashed_again_stands_for_both() {
        let file = |version: i64, text: String| Migration {
            version,
            name: "x".to_owned(),
            up: Script::new("x.up.sql".to_owned(), text),
            down: None,
        };
        let one = header(&[file(1, "select 1".to_owned()), file(2, "select 2".to_owned())]);
        let two = header(&[file(2, one), file(3, "select 3".to_owned())]);
        let lists = squashed(&Script::new("x.sql".to_owned(), two));
        let versions = |list: &Vec<Squashed>| list.iter().map(|one| one.version).collect::<Vec<_>>();
        assert_eq!(lists.iter().map(versions).collect::<Vec<_>>(), [vec![2, 3], vec![1, 2, 3]]);
    }
}
