//! The names that the libraries' messages use for this program.

#[cfg(feature = "embedded-db")]
use embedded_postgres::EmbeddedNames;
use migrate_toolkit::ProgramNames;

/// The names for messages about migrations.
pub static MIGRATION_NAMES: ProgramNames = ProgramNames {
    program: "app",
    version: env!("CARGO_PKG_VERSION"),
    migrate: "app migrate",
    pull: Some("app db pull"),
    push: Some("app db push"),
    seed: Some("app db seed"),
    database_url: "DATABASE_URL",
    direct_url: "DATABASE_DIRECT_URL (database.direct_url)",
    shadow_url: "SHADOW_DATABASE_URL",
    ignore: "migrations.ignore",
};

/// The names for messages about the private PostgreSQL.
#[cfg(feature = "embedded-db")]
pub static EMBEDDED_NAMES: EmbeddedNames = EmbeddedNames {
    program: "app",
    data_dir: "APP_DATABASE__DATA_DIR",
    programs: "APP_DATABASE__PROGRAMS",
    database_url: "DATABASE_URL",
    container: Some("docker compose -f docker-compose.dev.yml up -d"),
};
