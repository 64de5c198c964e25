//! A throwaway PostgreSQL server per test run, whether tests run in threads or in processes of their own. The first
//! test starts it; shortly after the last one it is deleted with all data.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use app::config::{Config, ConfigPurpose, Environment, Flags, Profile};
use app::migrations;
use app::program::EMBEDDED_NAMES;
use embedded_postgres::{EmbeddedDatabase, EmbeddedSettings};
use migrate_toolkit::{MigrateSettings, Migration, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};

/// The time that the server waits for the next test, if each test is a process of its own.
const LINGER: Duration = Duration::from_secs(5);

/// Chooses the server programs, to run the tests on another major version.
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

/// The folder of PostgreSQL's programs.
pub(crate) fn programs() -> PathBuf {
    cluster();
    let chosen = std::env::var_os(PROGRAMS).map(PathBuf::from);
    let server = directory(chosen.as_ref()).join("data").join("postmaster.opts");
    let options = std::fs::read_to_string(&server).expect("the options of a running server");
    let program = options.split_whitespace().next().expect("a program");
    PathBuf::from(program).parent().expect("a folder").to_owned()
}

/// A folder outside of the checkout, because the server's account may not be able to read that if the tests run as
/// root.
fn directory(programs: Option<&PathBuf>) -> PathBuf {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    (env!("CARGO_MANIFEST_DIR"), programs, rustix::process::getuid().as_raw()).hash(&mut hasher);
    std::env::temp_dir().join(format!("expense-tracker-tests-{:08x}", hasher.finish() >> 32))
}

/// Connection options for the database `app` of the server.
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

/// The connection options as a URL, for a process.
pub(crate) fn url(options: &PgConnectOptions) -> String {
    let connection = cluster().connection();
    let socket = connection.socket_directory.to_str().expect("a path").replace('/', "%2F");
    let database = options.get_database().expect("a database");
    format!("postgres://{}:{}@{socket}:{}/{database}", connection.user, connection.password, connection.port)
}

/// The folder of the server's socket.
pub(crate) fn socket() -> PathBuf {
    let connection = cluster().connection();
    connection.socket_directory.join(format!(".s.PGSQL.{}", connection.port))
}

/// A URL with another role.
pub(crate) fn url_as(options: &PgConnectOptions, role: &str, password: &str) -> String {
    let url = url(options);
    let (_, place) = url.rsplit_once('@').expect("a URL with a role");
    format!("postgres://{role}:{password}@{place}")
}

/// A name that no other test uses.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A schema with tables for a single test; faster to create than a database.
pub(crate) async fn schema() -> PgConnectOptions {
    let schema = unique("test");
    let options = options().options([("search_path", schema.as_str())]);
    let mut connection = options.connect().await.expect("connected");
    run(&mut connection, format!("create schema {schema}")).await;
    for migration in migrations::compiled() {
        // Nobody uses the tables yet, and waiting for the commits of all other tests takes long.
        run(&mut connection, migration.up_sql().replace(" concurrently ", " ")).await;
    }
    options
}

/// An empty database for a single test.
pub(crate) async fn database() -> PgConnectOptions {
    let name = unique("test");
    let mut connection = options().connect().await.expect("connected");
    run(&mut connection, format!("create database {name}")).await;
    options().database(&name)
}

/// A database with tables for a single test.
pub(crate) async fn migrated_database() -> PgConnectOptions {
    let options = database().await;
    migrator(&options, Profile::Test).deploy(|_| ()).await.expect("deployed");
    options
}

/// The default settings of the migration commands in a profile.
pub(crate) fn settings(profile: Profile) -> MigrateSettings {
    let environment = Environment::from([("DATABASE_URL".to_owned(), "postgres://localhost/x".to_owned())]);
    let config =
        Config::load(&environment, &Flags::new(), Some(profile), ConfigPurpose::Maintain).expect("a configuration");
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
