//! Partitioned tables, and what no SQL is written for.

use crate::migrate::Bench;

const EVENTS: &str = "create table kinds (id bigint primary key);
create table events (
    id bigserial,
    day date not null,
    title varchar(20),
    primary key (id, day)
) partition by range (day);
create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01') partition by range (id);
create table events_2026_a partition of events_2026 for values from (minvalue) to (1000);
create table events_2026_rest partition of events_2026 default;
create index events_by_title on events (title);
";

async fn events() -> Bench {
    let bench = Bench::new().await;
    bench.desire(EVENTS);
    bench.run_in("dev", &["dev", "--name", "events"]).await.expect(0, &["applied."]);
    bench
        .execute("insert into events (day, title) values ('2025-05-05', 'x'), ('2026-05-05', 'a'), ('2026-06-06', 'b')")
        .await;
    bench
}

/// A change that is applied, taken back, and applied again, with the rows in it.
async fn changes(bench: &Bench, name: &str, desired: &str, words: &[&str]) {
    bench.desire(desired);
    bench.run_in("dev", &["dev", "--name", name]).await.expect(0, words);
    let written = bench.migrations().read_dir().expect("a folder").filter(|entry| {
        let name_of = entry.as_ref().expect("a file").file_name().to_string_lossy().into_owned();
        name_of.contains(name) && name_of.ends_with(".up.sql")
    });
    let steps = written.count().to_string();
    bench.run_in("dev", &["status"]).await.expect(0, &["up to date"]);
    bench.run_in("dev", &["rollback", "--steps", &steps]).await.expect(0, &[]);
    bench.run_in("dev", &["deploy"]).await.expect(0, &[]);
    bench.run_in("dev", &["status"]).await.expect(0, &["up to date"]);
    assert_eq!(bench.count("select count(*) from events").await, 3, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partitioned_table_is_written_changed_and_taken_back() {
    let bench = events().await;
    let columns = EVENTS
        .replace("title varchar(20),", "title varchar(40) not null,\n    note text default 'x',\n    kind bigint,");
    changes(&bench, "columns", &columns, &["+ column public.events.note"]).await;
    let constraints = columns.replace(
        "primary key (id, day)",
        "primary key (id, day),\n    constraint known foreign key (kind) references kinds,\n    check (id > 0),\n    unique (title, day, id)",
    );
    let constraints = constraints.replace("    unique", "    constraint once unique");
    changes(&bench, "constraints", &constraints, &["lock: events"]).await;
    let indexes = constraints.replace("events (title);", "events (title, day);")
        + "create index events_by_day on events using brin (day);\n";
    changes(&bench, "indexes", &indexes, &["lock: events and its partitions"]).await;
    let text = bench.texts("indexes.up.sql");
    assert!(
        !text.contains("drop index events_by_title;") && text.contains("drop index events_by_title_old;"),
        "{text}"
    );
    let partitions = indexes.clone()
        + "create table events_2027 partition of events for values from ('2027-01-01') to ('2028-01-01');\n";
    changes(&bench, "partitions", &partitions, &["+ table public.events_2027"]).await;
    let bounds = partitions.replace("to ('2028-01-01')", "to ('2029-01-01')").replace("to (1000)", "to (2000)");
    changes(&bench, "bounds", &bounds, &["lock: events_2027 is scanned", "lock: events_2026_rest is scanned"]).await;
    let ran = bench.desire(&bounds.replace(
        "create table events_2027 partition of events for values from ('2027-01-01') to ('2029-01-01');\n",
        "",
    ));
    let ran = ran.run_in("dev", &["dev", "--name", "gone"]).await;
    ran.expect(1, &["data would be lost", "the table public.events_2027 and all of its rows"]);
    bench.desire(&bounds);
    bench.run_in("dev", &["verify"]).await.expect(0, &["ok     each can be rolled back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_beside_a_default_one_says_what_is_looked_at() {
    let bench = events().await;
    bench.desire(
        &(EVENTS.to_owned()
            + "create table events_2026_b partition of events_2026 for values from (1000) to (2000);\n"),
    );
    let words = ["may fail: events_2026_rest must hold no row", "lock: events_2026_rest is scanned"];
    bench.run_in("dev", &["dev", "--name", "b"]).await.expect(0, &words);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_partitioned_or_a_partition_is_written_by_hand() {
    let bench = events().await;
    let alone = "create table events_2025 (id bigint not null, day date not null, title varchar(20));\n";
    bench.desire(&EVENTS.replace(
        "create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');\n",
        alone,
    ));
    let ran = bench.run_in("dev", &["dev", "--name", "alone"]).await;
    ran.expect(1, &["To be written by hand", "table public.events_2025"]);
    let text = bench.texts("alone.up.sql");
    assert!(!text.contains("\ndrop") && !text.contains("\nalter table events_2025 add"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_told_as_drift_and_pulled() {
    let bench = events().await;
    bench.db(&["pull", "--force"]).await.expect(0, &["it creates the schema of the database."]);
    bench.run_in("dev", &["diff", "--from", "database", "--to", "schema.sql"]).await.expect(0, &["No differences"]);
    let pulled = bench.desired();
    assert!(pulled.contains("partition of events FOR VALUES FROM ('2025-01-01')"), "{pulled}");
    for (change, object) in [
        ("alter table events_2025 alter title set default 'x'", "table public.events_2025 differs: own columns"),
        ("alter table events_2025 add check (id > 0)", "constraint public.events_2025.events_2025_id_check"),
        ("create index stray on events_2025 (id)", "index public.stray"),
        ("alter table events detach partition events_2025", "table public.events_2025 differs"),
        ("create table more partition of events default", "table public.more should not be there"),
    ] {
        bench.execute(change).await;
        bench.run(&["status"]).await.expect(6, &[object]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_sql_is_written_for_is_left_out_and_named() {
    let bench = Bench::new().await;
    bench
        .execute(
            "create type pair as (a integer); create aggregate product(integer) (sfunc = int4mul, stype = integer);
            create table t (id bigint primary key, p pair, a integer); create table u (id bigint);
            create view v as select product(a) as all_of_them from t; create view w as select id from t;
            create function f(p pair) returns integer language sql as 'select 1';
            create index by_a on t (a); create type stretch as range (subtype = float8);",
        )
        .await;
    let left_out = [
        "except for objects that are not supported",
        "the composite type public.pair: no SQL",
        "the aggregate public.product(integer): no SQL",
        "the range type public.stretch: no SQL",
        "the column public.t.p: it needs the composite type public.pair",
        "the view public.v: it needs the aggregate",
        "the function public.f(pair): it needs",
    ];
    bench.db(&["pull"]).await.expect(0, &left_out);
    let written = bench.desired();
    assert!(written.contains("--   the aggregate public.product(integer)") && !written.contains("p pair"), "{written}");
    let fresh = Bench::new().await;
    fresh.execute(&written).await;
    assert_eq!(fresh.count("select count(*) from pg_class where relname in ('t', 'u', 'w', 'by_a')").await, 4);
    let told = bench.run_in("dev", &["diff", "--from", "schema.sql", "--to", "database"]).await;
    told.expect(6, &["+ range type public.stretch", "+ column public.t.p"]);
    let text = bench.run_in("dev", &["diff", "--from", "schema.sql", "--to", "database"]).await;
    assert!(!text.stdout.contains("function public.stretch"), "{text:?}");
}
