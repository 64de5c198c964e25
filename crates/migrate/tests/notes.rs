//! The example program against an empty database: it is what its README says.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use embedded_postgres::{EmbeddedDatabase, EmbeddedNames, EmbeddedSettings};

static NAMES: EmbeddedNames = EmbeddedNames {
    program: "shell",
    data_dir: "the folder",
    programs: "PATH",
    database_url: "another database",
    container: None,
};

/// An example program, which cargo builds beside the tests.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("the program's own file");
    tests.ancestors().nth(2).expect("the folder of the profile").join("examples").join(name)
}

/// The example's own folder, copied, so that commands may write to it.
fn checkout(folder: &Path) {
    let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/notes"));
    std::fs::create_dir(folder.join("migrations")).expect("a folder");
    std::fs::copy(source.join("schema.sql"), folder.join("schema.sql")).expect("copied");
    for entry in std::fs::read_dir(source.join("migrations")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        std::fs::copy(&path, folder.join("migrations").join(name)).expect("copied");
    }
}

struct NotesBench {
    folder: tempfile::TempDir,
    url: String,
}

impl NotesBench {
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(example("notes"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("DATABASE_URL", &self.url)
            .stdin(Stdio::null())
            .output()
            .expect("the example runs")
    }

    fn expect(&self, arguments: &[&str], code: i32, part: &str) {
        let output = self.run(arguments);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.code() == Some(code) && text.contains(part), "{arguments:?}: {output:?}");
    }
}

#[test]
fn the_example_has_all_commands_and_a_boot_policy() {
    let database = EmbeddedDatabase::start(EmbeddedSettings {
        names: &NAMES,
        // Directly below the folder for temporary files: if the test runs as root, another account has to enter it.
        directory: std::env::temp_dir().join(format!("migrate-toolkit-{}", std::process::id())),
        programs: std::env::var_os("TEST_POSTGRES_BIN").map(PathBuf::from),
        throwaway: true,
        linger: Duration::ZERO,
        keeper: example("embedded-postgres-keeper"),
        start_timeout: Duration::from_mins(1),
    })
    .expect("a PostgreSQL for the test");
    let connection = database.connection();
    let socket = connection.socket_directory.to_string_lossy().replace('/', "%2F");
    let (user, password) = (&connection.user, &connection.password);
    let url = format!("postgres://{user}:{password}@{socket}:{}/{}", connection.port, connection.database);
    let bench = NotesBench { folder: tempfile::tempdir().expect("a folder"), url };
    checkout(bench.folder.path());

    bench.expect(&["--profile", "prod"], 1, "notes migrate deploy");
    bench.expect(&["migrate", "status"], 3, "pending; apply with `notes migrate deploy`");
    bench.expect(&["--profile", "prod", "migrate", "deploy"], 0, "2 migrations were applied");
    bench.expect(&["--profile", "prod"], 0, "serving notes");
    bench.expect(&["migrate", "status"], 0, "The database is up to date.");
    bench.expect(&["migrate", "diff", "--from", "database", "--to", "schema.sql"], 0, "No differences.");
    bench.expect(&["migrate", "rollback"], 0, "1 migration was rolled back");
    bench.expect(&[], 0, "serving notes");
    let schema = bench.folder.path().join("schema.sql");
    let text = std::fs::read_to_string(&schema).expect("read").replace("body text", "body text,\n    pinned boolean");
    std::fs::write(&schema, text).expect("written");
    bench.expect(&["migrate", "dev", "--name", "add pinned"], 0, "1 migration was applied");
    bench.expect(&["migrate", "verify"], 0, "ok     schema.sql is what they build");
    database.stop().expect("stopped");
}
