//! `migrate squash`: one file for many.

use super::super::Bench;
use crate::support::cluster;

async fn three() -> Bench {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one (id bigint primary key);");
    bench.write("2_two.up.sql", "create table two (id bigint primary key, one bigint references one);");
    bench.write("2_two.down.sql", "drop table two;");
    bench.write("3_three.up.sql", "alter table one add column name text;");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_has_them_has_nothing_to_do_and_a_fresh_one_begins_with_the_new_file() {
    let bench = three().await;
    bench.run_in("dev", &["squash", "--to", "2"]).await.expect(0, &["3 files became", "2_squashed.up.sql"]);
    assert_eq!(bench.texts("_one.up.sql"), "");
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    bench.run(&["deploy"]).await.expect(0, &["Nothing to do"]);
    bench.write("4_four.up.sql", "create table four (id bigint);").write("4_four.down.sql", "drop table four;");
    bench.run(&["deploy"]).await.expect(0, &["applied 4 four"]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);

    let fresh = Bench { options: cluster::database().await, ..bench };
    let fresh = Bench { url: cluster::url(&fresh.options), ..fresh };
    fresh.run(&["deploy"]).await.expect(0, &["applied 2 squashed", "applied 3 three", "applied 4 four"]);
    fresh.run(&["status"]).await.expect(0, &["up to date"]);
    fresh.execute("insert into one values (1, 'a'); insert into two values (1, 1)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn squashed_twice_and_taken_back_it_is_as_ever() {
    let bench = three().await;
    bench.run_in("dev", &["squash", "--to", "2"]).await.expect(0, &[]);
    bench.run_in("dev", &["squash", "--to", "3"]).await.expect(0, &["3_squashed.up.sql"]);
    bench.run(&["status"]).await.expect(0, &["up to date"]);
    bench.run(&["deploy"]).await.expect(0, &["Nothing to do"]);
    bench.run_in("dev", &["rollback"]).await.expect(0, &["rolled back 3 squashed"]);
    assert_eq!(bench.count("select count(*) from _sqlx_migrations").await, 0);
    assert_eq!(bench.count("select count(*) from pg_class where relname in ('one', 'two')").await, 0);
    bench.run(&["deploy"]).await.expect(0, &["applied 3 squashed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_has_a_part_of_them_is_told_so() {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", "create table one (id bigint);");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.write("2_two.up.sql", "create table two (id bigint);");
    bench.run_in("dev", &["squash", "--to", "2"]).await.expect(0, &[]);
    bench.run(&["deploy"]).await.expect(4, &["has some of the migrations", "2 squashed", "Nothing was applied"]);
    assert_eq!(bench.count("select count(*) from pg_class where relname = 'two'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_touches_no_file() {
    let bench = three().await;
    bench.run_in("dev", &["squash", "--to", "1"]).await.expect(2, &["nothing to squash"]);
    bench.run_in("dev", &["squash", "--to", "9"]).await.expect(2, &["no migration 9"]);
    bench.run(&["squash", "--to", "2"]).await.expect(8, &["not for prod"]);
    bench.write("4_rows.up.sql", "insert into one values (7, 'x');");
    bench.run_in("dev", &["squash", "--to", "4"]).await.expect(1, &["insert rows", "one"]);
    assert_eq!(bench.migrations().read_dir().expect("a folder").count(), 5);
}
