//! One throwaway PostgreSQL for a run of the tests, whether they run in threads or in processes of their own. The first
//! test starts it, and a moment after the last one it is gone, with everything in it.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use app::config::{Config, Environment, Flags, Profile, Purpose};
use app::migrations;
use app::program::EMBEDDED_NAMES;
use embedded_postgres::{EmbeddedDatabase, EmbeddedSettings};
use migrate_toolkit::{MigrateSettings, Migration, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};

/// How long the server waits for the next test, where each is a process of its own.
const LINGER: Duration = Duration::from_secs(5);

/// Picks the server programs, to run the tests on another major version.
const PROGRAMS: &str = "TEST_POSTGRES_BIN";

fn cluster() -> &'static EmbeddedDatabase {
    static CLUSTER: OnceLock<EmbeddedDatabase> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let programs = std::env::var_os(PROGRAMS).map(PathBuf::from);
        let settings = EmbeddedSettings {
            names: &EMBEDDED_NAMES,
            directory: directory(programs.as_ref()),
            programs,
            throwaway: true,
            linger: LINGER,
            keeper: PathBuf::from(env!("CARGO_BIN_EXE_app")),
            start_timeout: Duration::from_mins(1),
        };
        EmbeddedDatabase::start(settings).expect("a PostgreSQL for the tests")
    })
}

/// Outside of the checkout: where the tests run as root, the server's account may not be able to enter that.
fn directory(programs: Option<&PathBuf>) -> PathBuf {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    (env!("CARGO_MANIFEST_DIR"), programs, rustix::process::getuid().as_raw()).hash(&mut hasher);
    std::env::temp_dir().join(format!("expense-tracker-tests-{:08x}", hasher.finish() >> 32))
}

/// How the database `app` of the cluster is reached.
pub(crate) fn options() -> PgConnectOptions {
    let connection = cluster().connection();
    PgConnectOptions::new_without_pgpass()
        .socket(&connection.socket_directory)
        .port(connection.port)
        .username(&connection.user)
        .password(&connection.password)
        .database(&connection.database)
        .disable_statement_logging()
}

/// The same as a URL, for a process that is given one.
pub(crate) fn url(options: &PgConnectOptions) -> String {
    let connection = cluster().connection();
    let socket = connection.socket_directory.to_str().expect("a path").replace('/', "%2F");
    let database = options.get_database().expect("a database");
    format!("postgres://{}:{}@{socket}:{}/{database}", connection.user, connection.password, connection.port)
}

/// The server's socket.
pub(crate) fn socket() -> PathBuf {
    let connection = cluster().connection();
    connection.socket_directory.join(format!(".s.PGSQL.{}", connection.port))
}

/// The same as somebody else.
pub(crate) fn url_as(options: &PgConnectOptions, role: &str, password: &str) -> String {
    let url = url(options);
    let (_, place) = url.rsplit_once('@').expect("a URL with a role");
    format!("postgres://{role}:{password}@{place}")
}

/// A name that no other test has.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A schema of a test's own with the tables in it; made faster than a database.
pub(crate) async fn schema() -> PgConnectOptions {
    let schema = unique("test");
    let options = options().options([("search_path", schema.as_str())]);
    let mut connection = options.connect().await.expect("connected");
    run(&mut connection, format!("create schema {schema}")).await;
    for migration in migrations::compiled() {
        // Nobody uses the tables yet, and waiting for all other tests to commit takes long.
        run(&mut connection, migration.up_sql().replace(" concurrently ", " ")).await;
    }
    options
}

/// An empty database of a test's own, where a test is about a whole database.
pub(crate) async fn database() -> PgConnectOptions {
    let name = unique("test");
    let mut connection = options().connect().await.expect("connected");
    run(&mut connection, format!("create database {name}")).await;
    options().database(&name)
}

/// The same with the tables in it.
pub(crate) async fn migrated_database() -> PgConnectOptions {
    let options = database().await;
    migrator(&options, Profile::Test).deploy(|_| ()).await.expect("deployed");
    options
}

/// How the migration commands go about it in a profile, if nothing is set.
pub(crate) fn settings(profile: Profile) -> MigrateSettings {
    let environment = Environment::from([("DATABASE_URL".to_owned(), "postgres://localhost/x".to_owned())]);
    let config = Config::load(&environment, &Flags::new(), Some(profile), Purpose::Maintain).expect("a configuration");
    migrations::settings(&config)
}

/// The compiled migrations for a database, with the settings of a profile.
pub(crate) fn migrator(options: &PgConnectOptions, profile: Profile) -> Migrator {
    migrator_of(options, migrations::compiled(), profile)
}

/// Some migrations for a database, with the settings of a profile.
pub(crate) fn migrator_of(options: &PgConnectOptions, migrations: Vec<Migration>, profile: Profile) -> Migrator {
    Migrator { migrations, database: options.clone(), settings: settings(profile) }
}

pub(crate) async fn run(connection: &mut PgConnection, sql: String) {
    connection.execute(AssertSqlSafe(sql.clone())).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
