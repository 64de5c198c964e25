//! `[database]`: the location of the data and the limits of connections and statements.

use std::path::PathBuf;
use std::time::Duration;

use super::database_url::DatabaseUrl;
use super::profile::Profile;
use super::reader::SettingsReader;
use super::server::{positive_or, processors};

const URL_FORM: &str = "a URL such as postgres://user:password@host:5432/database";

/// The settings of the database.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// The database to use.
    pub location: Location,
    /// A URL of the server itself, bypassing a connection pooler, for migrations. Defaults to [`Location`].
    pub direct_url: Option<DatabaseUrl>,
    /// A read replica for reports.
    pub read_url: Option<DatabaseUrl>,
    /// A database that may be emptied, for a role that may not create databases.
    pub shadow_url: Option<DatabaseUrl>,
    /// The folder for the program's own files: the embedded database, the development secret.
    pub data_dir: PathBuf,
    /// The folder of PostgreSQL's server programs for the embedded database. Defaults to the newest version found.
    pub programs: Option<PathBuf>,
    /// True if the database is the coordinator of a Citus cluster: see scripts/citus/README.md.
    pub citus: bool,
    /// The maximum number of connections of this process. Defaults to three per processor plus two, between 8 and 32;
    /// more do not make the database faster, they only take turns on its processors. A quarter is reserved for bulk
    /// changes, a sixth for long lists, one for readiness checks, and the rest serves short requests.
    pub max_connections: u32,
    /// The maximum time that a request waits for a connection before it is answered 503.
    pub acquire_timeout: Duration,
    /// The maximum duration of one statement of a request.
    pub statement_timeout: Duration,
}

/// The kinds of database that the program can use.
#[derive(Debug, Clone)]
pub enum Location {
    /// A running server.
    Url(DatabaseUrl),
    /// A private PostgreSQL that this program starts.
    Embedded,
}

impl DatabaseConfig {
    pub(super) fn read(reader: &mut SettingsReader<'_>, profile: Profile) -> Option<Self> {
        let url = reader.optional::<DatabaseUrl>("database.url", URL_FORM);
        let direct_url = reader.optional("database.direct_url", URL_FORM);
        let read_url = reader.optional("database.read_url", URL_FORM);
        let shadow_url = reader.optional("database.shadow_url", URL_FORM);
        let embedded = reader.required::<bool>("database.embedded", "true or false");
        let data_dir = reader.required("database.data_dir", "a folder");
        let programs = reader.optional("database.programs", "the folder of PostgreSQL's server programs");
        let citus = reader.required("database.citus", "true or false");
        let max_connections = read_connections(reader);
        let acquire_timeout = reader.required("database.acquire_timeout", "a duration such as 3s");
        let statement_timeout = reader.required("database.statement_timeout", "a duration such as 30s");
        let location = match (url?, embedded?) {
            (Some(_), true) => {
                reader.refuse("database.embedded", "true, and database.url is set as well", "set one of the two");
                return None;
            }
            (Some(url), false) => Location::Url(url),
            (None, false) if profile == Profile::Prod => {
                let remedy = "set DATABASE_URL (or DATABASE_URL_FILE) to postgres://user:password@host:5432/database";
                reader.refuse("database.url", "not set, and prod starts no private database", remedy);
                return None;
            }
            (None, _) => Location::Embedded,
        };
        Some(Self {
            location,
            direct_url: direct_url?,
            read_url: read_url?,
            shadow_url: shadow_url?,
            data_dir: data_dir?,
            programs: programs?,
            citus: citus?,
            max_connections: max_connections?,
            acquire_timeout: acquire_timeout?,
            statement_timeout: statement_timeout?,
        })
    }
}

fn read_connections(reader: &mut SettingsReader<'_>) -> Option<u32> {
    let by_processors =
        || u32::try_from(processors().saturating_mul(3).saturating_add(2)).unwrap_or(u32::MAX).clamp(8, 32);
    positive_or(reader, "database.max_connections", by_processors)
}
