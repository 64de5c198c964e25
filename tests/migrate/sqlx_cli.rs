//! sqlx's own tool and this one agree: what the library does with the same folder is what that tool does.

use sqlx::Connection as _;
use sqlx::migrate::{Migrate as _, Migrator};

use super::Bench;

const TABLE: &str = "_sqlx_migrations";

fn fill(bench: &Bench) {
    bench.write("1_one.up.sql", "create table one ();").write("1_one.down.sql", "drop table one;").write(
        "2_two.sql",
        "-- no-transaction\ncreate table two (a int);\n-- Two.\ncreate index concurrently two_a on two (a);",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_applied_it_finds_installed() {
    let bench = Bench::new().await;
    fill(&bench);
    // It sends a file as one message, where nothing concurrent may be.
    bench.run(&["deploy"]).await.expect(0, &["2 migrations were applied"]);
    let migrator = Migrator::new(bench.migrations().as_path()).await.expect("read");
    let mut connection = bench.connection().await;
    let applied = connection.list_applied_migrations(TABLE).await.expect("listed");
    assert_eq!(applied.len(), 2);
    for one in &applied {
        let theirs = migrator.iter().find(|theirs| theirs.version == one.version).expect("known");
        assert_eq!(one.checksum, theirs.checksum);
    }
    assert_eq!(connection.dirty_version(TABLE).await.expect("asked"), None);
    migrator.run_direct(None, &mut connection, false).await.expect("nothing to do");
    migrator.undo(&mut connection, 1).await.expect("it can take back, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_applied_we_take_over() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one ();").write("1_one.down.sql", "drop table one;");
    let migrator = Migrator::new(bench.migrations().as_path()).await.expect("read");
    let mut connection = bench.connection().await;
    migrator.run_direct(None, &mut connection, false).await.expect("applied");
    connection.close().await.expect("closed");
    bench.run(&["status"]).await.expect(0, &["applied", "another tool", "up to date"]);
    bench.write("2_two.up.sql", "create table two ();");
    bench.run(&["deploy"]).await.expect(0, &["applied 2 two", "1 migration was applied"]);
    // What it applied is known now, so that a comment may be changed.
    bench.write("1_one.up.sql", "-- One.\ncreate table one ();");
    bench.run(&["deploy"]).await.expect(0, &["comments or white space"]);
    let name = bench.options.get_database().expect("a name");
    bench.write("2_two.down.sql", "drop table two;");
    bench.run(&["rollback", "--to", "0", "--yes", name]).await.expect(0, &["2 migrations were rolled back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lasting_set_in_a_file_that_it_applied_is_no_hindrance() {
    let bench = Bench::new().await;
    let first = "set statement_timeout = 0;\nset search_path = pg_catalog;\ncreate table public.one (a int);\nreset search_path;";
    bench.write("1_one.up.sql", first).write("1_one.down.sql", "drop table one;");
    bench.write("2_two.up.sql", "create table two (b one);").write("2_two.down.sql", "drop table two;");
    let migrator = Migrator::new(bench.migrations().as_path()).await.expect("read");
    let mut connection = bench.connection().await;
    migrator.run_direct(None, &mut connection, false).await.expect("applied");
    connection.close().await.expect("closed");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    bench.desire("create table one (a int); create table two (b one); create table three ();");
    bench.run_in("dev", &["dev", "--name", "three"]).await.expect(0, &["1 migration was applied"]);
    let verified = bench.run_in("dev", &["verify"]).await;
    assert!(verified.stdout.contains("ok     all of them, applied again"), "{verified:?}");
    bench.write("2_two.up.sql", "create table public.two (b one);");
    bench.run(&["repair", "2"]).await.expect(0, &[]);
    // A new one is refused as ever, and so is what would end the transaction.
    bench.write("29990101000000_four.up.sql", "set statement_timeout = 0;");
    bench.run(&["deploy"]).await.expect(1, &["29990101000000_four.up.sql", "set local"]);
    bench.run_in("dev", &["verify"]).await.expect(1, &["29990101000000_four.up.sql", "set local"]);
}
