//! Taking back.

use super::Bench;

async fn three() -> Bench {
    let bench = Bench::new().await;
    for name in ["one", "two", "three"] {
        let version = bench.migrations().read_dir().expect("a folder").count() / 2 + 1;
        bench.write(&format!("{version}_{name}.up.sql"), &format!("create table {name} ();"));
        bench.write(&format!("{version}_{name}.down.sql"), &format!("drop table {name};"));
    }
    bench.run(&["deploy"]).await.expect(0, &["3 migrations were applied"]);
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn newest_first_by_steps_or_to_a_version() {
    let bench = three().await;
    bench.run_in("dev", &["rollback"]).await.expect(0, &["rolled back 3 three", "1 migration was rolled back"]);
    assert_eq!(bench.states().await, ["applied", "applied", "pending"]);
    bench.run(&["deploy"]).await.expect(0, &["applied 3 three"]);
    bench.run_in("dev", &["rollback", "--steps", "2"]).await.expect(0, &["2 migrations were rolled back"]);
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.run_in("dev", &["rollback", "--to", "9"]).await.expect(2, &["no way back"]);
    let name = bench.options.get_database().expect("a name");
    bench.run(&["rollback", "--to", "0", "--yes", name]).await.expect(0, &["3 migrations were rolled back"]);
    assert_eq!(bench.count("select count(*) from _sqlx_migrations").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_leaves_it_applied() {
    let bench = three().await;
    bench.execute("create view v as select * from three").await;
    bench
        .run_in("dev", &["rollback"])
        .await
        .expect(1, &["rolling back the migration 3 three failed", "2BP01", "nothing of it"]);
    assert_eq!(bench.states().await, ["applied", "applied", "applied"]);
    bench.run(&["status"]).await.expect(6, &["the view public.v should not be there"]);
    bench.execute("drop view v").await;
    bench.run_in("dev", &["rollback"]).await.expect(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_back_is_told_before_anything_is() {
    let bench = three().await;
    bench.remove("2_two.down.sql");
    bench.run_in("dev", &["rollback", "--steps", "3"]).await.expect(2, &["2 two", ".down.sql", "nothing was changed"]);
    assert_eq!(bench.states().await, ["applied", "applied", "applied"]);
}
