//! A program with all migration commands and a boot policy by profile. With no command it migrates and then serves.
//!
//! ```sh
//! export DATABASE_URL=postgres://localhost/notes
//! cargo run --package migrate-toolkit --example notes -- migrate deploy
//! cargo run --package migrate-toolkit --example notes -- --profile prod
//! ```

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use migrate_toolkit::cli::MigrateOptions;
use migrate_toolkit::{BootPolicy, MigrateSettings, MigrationProfile, Migrator, ProgramNames};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("examples/notes/migrations");

static NAMES: ProgramNames = ProgramNames {
    program: "notes",
    version: env!("CARGO_PKG_VERSION"),
    migrate: "notes migrate",
    ..ProgramNames::DEFAULT
};

#[derive(Parser)]
struct Notes {
    /// The kind of database: dev, test or prod
    #[arg(long, value_enum, default_value = "dev")]
    profile: MigrationProfile,
    #[command(subcommand)]
    command: Option<NotesCommand>,
}

#[derive(Subcommand)]
enum NotesCommand {
    /// Apply migrations, and see which are applied
    Migrate(MigrateOptions),
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let notes = Notes::parse();
    let database = std::env::var("DATABASE_URL").unwrap_or_else(|_| "postgres://localhost/notes".to_owned());
    let settings = MigrateSettings::new(notes.profile, &NAMES);
    let migrator = Migrator::new(&MIGRATIONS, database.parse()?, settings);
    if let Some(NotesCommand::Migrate(options)) = notes.command {
        return Ok(options.run(migrator).await);
    }
    migrator.boot(BootPolicy::from(notes.profile), |_| ()).await?;
    migrate_toolkit::cli::terminal::answer("serving notes");
    Ok(ExitCode::SUCCESS)
}
