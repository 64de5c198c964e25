//! What is in a column that gets another type: nothing of it is cut off, rounded or lost unasked.

use crate::migrate::Bench;

const LONG: &str = "'longer than five'";

/// A type, a value of it that the next type has no room for, and that type; the change fails on the value.
const FAIL: &[(&str, &str, &str)] = &[
    ("varchar(20)", LONG, "varchar(5)"),
    ("text", LONG, "varchar(5)"),
    ("varchar(20)[]", "array['longer than five']", "varchar(5)[]"),
    ("char(20)", LONG, "char(5)"),
    ("char(20)", LONG, "varchar(5)"),
    ("varbit(8)", "B'10101010'", "varbit(3)"),
    ("bit(8)", "B'10101010'", "bit(3)"),
    ("bit(3)", "B'101'", "bit(8)"),
    ("integer", "123456", "varchar(5)"),
    ("uuid", "'00000000-0000-0000-0000-000000000000'", "varchar(5)"),
    ("bigint", "3000000000", "integer"),
    ("integer", "123456", "numeric(5,0)"),
    ("long", LONG, "varchar(5)"),
    ("long[]", "array['longer than five']", "varchar(5)[]"),
    ("long", LONG, "short"),
    ("varchar(20)", LONG, "short"),
    ("text", LONG, "short"),
    ("text", "'false or true'", "boolean"),
];

/// The same where values would come out as others; that has to be agreed to.
const LOSE: &[(&str, &str)] = &[
    ("text", "char(20)"),
    ("text", "date"),
    ("text", "time"),
    ("text", "timestamptz(0)"),
    ("text", "numeric(10,2)"),
    ("text", "bigint"),
    ("text[]", "date[]"),
    ("timestamp", "date"),
    ("timestamptz", "date"),
    ("timestamptz", "timestamp"),
    ("timestamptz", "time"),
    ("timestamp", "timestamp(0)"),
    ("time", "time(0)"),
    ("interval", "interval(0)"),
    ("numeric", "numeric(10,2)"),
    ("numeric(10,4)", "numeric(10,2)"),
    ("numeric(10,4)", "integer"),
    ("numeric(10,4)[]", "numeric(10,2)[]"),
    ("double precision", "real"),
    ("double precision", "integer"),
    ("bigint", "double precision"),
    ("json", "jsonb"),
    ("exact", "rough"),
    ("numeric(10,4)", "rough"),
];

const DOMAINS: &str = "create domain long as varchar(20); create domain short as varchar(5); \
                       create domain exact as numeric(10,4); create domain rough as numeric(10,2);";

fn table(data_type: &str) -> String {
    format!("{DOMAINS}\ncreate table t (id bigint primary key, a {data_type});")
}

/// A database with a table that has a column of a type, and a value in it.
async fn with(data_type: &str, value: &str) -> Bench {
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", &table(data_type)).write("1_one.down.sql", "drop table t;");
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.execute(&format!("insert into t values (1, {value})")).await;
    bench
}

async fn value(bench: &Bench) -> String {
    let query = sqlx::query_scalar("select a::text from t");
    query.fetch_one(&mut bench.connection().await).await.expect("a value")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_not_cut_off_but_fails() {
    for (old, sample, new) in FAIL {
        let bench = with(old, sample).await;
        let before = value(&bench).await;
        bench.desire(&table(new));
        let ran = bench.run_in("dev", &["dev", "--name", "narrow"]).await;
        assert!(ran.code == 1 && !ran.stderr.contains("data would be lost"), "{old} -> {new}: {ran:?}");
        assert!(!bench.texts("narrow.up.sql").is_empty(), "{old} -> {new}: {ran:?}");
        assert_eq!(value(&bench).await, before, "{old} -> {new}");
        let pushed = bench.db(&["push"]).await;
        assert_eq!((pushed.code, value(&bench).await), (1, before), "{old} -> {new}: {pushed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_come_out_otherwise_is_named_and_has_to_be_agreed_to() {
    let bench = Bench::new().await;
    for (old, new) in LOSE {
        for (name, data_type) in [("from", old), ("to", new)] {
            std::fs::write(bench.folder.path().join(format!("{name}.sql")), table(data_type)).expect("written");
        }
        bench.write("1_one.up.sql", &table(old)).desire(&table(new));
        let ran = bench.run_in("dev", &["diff", "--from", "migrations", "--to", "schema.sql", "--script"]).await;
        assert!(ran.code == 1 && ran.stderr.contains("the parts of public.t.a that fit"), "{old} -> {new}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_a_wider_type_back_cuts_nothing_off() {
    for (old, new) in
        [("varchar(5)", "varchar(20)"), ("varchar(5)", "text"), ("short", "long"), ("varchar(5)[]", "text[]")]
    {
        let bench = with(old, if old.ends_with(']') { "array['a']" } else { "'a'" }).await;
        bench.desire(&table(new));
        bench.run_in("dev", &["dev", "--name", "widen"]).await.expect(0, &[]);
        let long = if old.ends_with(']') { "array['longer than five']" } else { LONG };
        bench.execute(&format!("update t set a = {long}")).await;
        bench.run_in("dev", &["rollback"]).await.expect(1, &["22001"]);
        assert!(value(&bench).await.contains("longer than five"), "{new} -> {old}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_gets_less_room_cuts_nothing_off() {
    let domain = |length: u8| {
        format!("create domain code as varchar({length}); create table t (id bigint primary key, a code, b code[]);")
    };
    let bench = Bench::new().await;
    bench.write("1_one.up.sql", &domain(20)).desire(&domain(5));
    bench.run(&["deploy"]).await.expect(0, &[]);
    bench.execute("insert into t values (1, 'longer than five', null)").await;
    bench.run_in("dev", &["dev", "--name", "narrow"]).await.expect(1, &["22001"]);
    assert_eq!(value(&bench).await, "longer than five");
    bench.execute("update t set a = 'short', b = array['longer than five']").await;
    bench.run_in("dev", &["deploy"]).await.expect(1, &["22001"]);
    bench.execute("update t set b = array['short']").await;
    bench.run_in("dev", &["deploy"]).await.expect(0, &[]);
    bench.run_in("dev", &["status"]).await.expect(0, &["up to date"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_for_a_domain_passes_its_own_check() {
    let domain = |rule: &str| {
        format!("create domain positive as bigint{rule};\ncreate table t (id bigint primary key, a positive);\n")
    };
    let bench = Bench::new().await;
    for (name, rule) in [("domain", " check (value > 0)"), ("more", " check (value > 0) check (value < 1000)")] {
        bench.desire(&domain(rule));
        bench.run_in("dev", &["dev", "--name", name]).await.expect(0, &["applied."]);
        bench.run_in("test", &["verify"]).await.expect(0, &["ok     nothing in them harms a database in use"]);
    }
    assert!(bench.texts("more_validate.up.sql").contains("-- lock: every table with a column of the type positive"));
}
