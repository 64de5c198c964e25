//! Migrations and scripts/citus/distribute.sql, on a server that is asked as a Citus cluster would be.

use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use super::Bench;
use crate::support::cluster::{self, run};
use crate::support::process::{Ran, ran};

/// The parts of Citus that are used, with the refusals that matter: a foreign key with a table that is not distributed, and unique indexes
/// without the column.
const CLUSTER: &str = r#"
    set allow_system_table_mods = on;
    create table pg_catalog.pg_dist_partition (
        logicalrelid regclass primary key, partmethod "char" not null, repmodel "char" not null
    );
    create function pg_catalog.create_distributed_table(of_table regclass, by text) returns void language plpgsql as $$
    begin
        if exists (
            select from pg_constraint k
            where k.contype = 'f' and of_table in (k.conrelid, k.confrelid) and k.conrelid <> k.confrelid
                and (select count(*) from pg_dist_partition p where p.logicalrelid in (k.conrelid, k.confrelid)) = 0
        ) then
            raise exception 'a foreign key of % is with a table that is not distributed', of_table;
        end if;
        if exists (
            select from pg_index i
            join pg_attribute a on a.attrelid = of_table and a.attname = by
            where i.indrelid = of_table and i.indisunique and not a.attnum = any (i.indkey)
        ) then
            raise exception 'a unique index of % is without %', of_table, by;
        end if;
        insert into pg_dist_partition values (of_table, 'h', 's');
    end
    $$;
    create function pg_catalog.create_reference_table(of_table regclass) returns void language plpgsql as $$
    begin
        if exists (select from pg_constraint where contype = 'f' and confrelid = of_table) then
            raise exception 'the tables that refer to % would become local ones', of_table;
        end if;
        insert into pg_dist_partition values (of_table, 'n', 't');
    end
    $$;
"#;

const UNSAFE_TRIGGERS: &str = "do $$ begin
    execute format('alter database %I set citus.enable_unsafe_triggers = on', current_database());
end $$";

/// Runs the script as its first lines say.
async fn distribute(url: &str) -> Ran {
    let mut command = std::process::Command::new("psql");
    command.args(["--no-psqlrc", "--file", concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/citus/distribute.sql"), url]);
    ran(command).await
}

async fn texts(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await.expect(sql)
}

const KEYS: &str = "select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || convalidated
    from pg_constraint where contype = 'f' order by 1";

const DISTRIBUTED: &str = "select logicalrelid || ' ' || repmodel::text from pg_dist_partition order by 1";

#[tokio::test]
async fn the_script_distributes_every_table_of_users_once_and_keeps_the_keys() {
    let options = cluster::migrated_database().await;
    let url = cluster::url(&options);
    let mut connection = options.connect().await.expect("connected");
    let keys = texts(&mut connection, KEYS).await;
    let told = distribute(&url).await;
    assert!(told.code == 3 && told.stderr.contains("no extension citus; nothing was changed"), "{}", told.stderr);
    run(&mut connection, CLUSTER.to_owned()).await;
    let told = distribute(&url).await;
    assert!(told.code == 3 && told.stderr.contains("citus.enable_unsafe_triggers is off"), "{}", told.stderr);
    assert_eq!(texts(&mut connection, DISTRIBUTED).await, [""; 0]);
    run(&mut connection, UNSAFE_TRIGGERS.to_owned()).await;
    let told = distribute(&url).await;
    assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    assert_eq!(texts(&mut connection, KEYS).await, keys);
    let of_users = "select attrelid::regclass || ' s' from pg_attribute
        where attname = 'user_id' and attrelid in (select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace)";
    let mut expected = texts(&mut connection, of_users).await;
    expected.push("users t".to_owned());
    expected.sort();
    assert_eq!(texts(&mut connection, DISTRIBUTED).await, expected);
    // Again, there is nothing to do; and a table that came in since is distributed alone.
    let again = distribute(&url).await;
    assert!(again.code == 0 && !again.stdout.contains("ALTER TABLE"), "{}{}", again.stdout, again.stderr);
    let table =
        "create table budgets (user_id bigint not null references users (id), id bigint, primary key (user_id, id),
        foreign key (user_id, id) references categories (user_id, id))";
    run(&mut connection, table.to_owned()).await;
    let more = distribute(&url).await;
    assert_eq!(more.code, 0, "{}{}", more.stdout, more.stderr);
    assert_eq!(more.stdout.matches("ALTER TABLE").count(), 4, "{}", more.stdout);
    assert_eq!(texts(&mut connection, DISTRIBUTED).await.len(), expected.len() + 1);
    assert_eq!(texts(&mut connection, KEYS).await.len(), keys.len() + 2);
}

#[tokio::test]
async fn the_script_changes_nothing_when_a_table_cannot_be_distributed() {
    let options = cluster::migrated_database().await;
    let mut connection = options.connect().await.expect("connected");
    run(&mut connection, CLUSTER.to_owned()).await;
    run(&mut connection, UNSAFE_TRIGGERS.to_owned()).await;
    run(&mut connection, "create unique index wrong on transactions (id)".to_owned()).await;
    let keys = texts(&mut connection, KEYS).await;
    let told = distribute(&cluster::url(&options)).await;
    let reason = "a unique index of transactions is without user_id";
    assert!(told.code == 3 && told.stderr.contains(reason), "{}", told.stderr);
    assert_eq!(texts(&mut connection, KEYS).await, keys);
    assert_eq!(texts(&mut connection, DISTRIBUTED).await, [""; 0]);
}

#[tokio::test]
async fn a_deploy_says_which_tables_are_not_distributed() {
    let bench = Bench::new().await.with("APP_DATABASE__CITUS", "true");
    bench.write("1_x.up.sql", "create table users (id bigint primary key);");
    bench.write("2_y.up.sql", "create table things (user_id bigint primary key references users);");
    bench.write("3_z.up.sql", "create table others (id bigint primary key);");
    let none = bench.run(&["deploy"]).await.expect(0, &["3 migrations were applied", "no extension citus"]);
    assert!(none.stdout.contains("scripts/citus/README.md"), "{none:?}");
    let mut connection = bench.connection().await;
    run(&mut connection, CLUSTER.to_owned()).await;
    let advice = "Not distributed over the servers of the cluster yet: things, users. Run: psql --no-psqlrc --file \
                  scripts/citus/distribute.sql \"$DATABASE_URL\"";
    bench.run(&["deploy"]).await.expect(0, &["Nothing to do", advice]);
    assert_eq!(bench.json(&["deploy"]).await["advice"], advice);
    run(&mut connection, UNSAFE_TRIGGERS.to_owned()).await;
    assert_eq!(distribute(&bench.url).await.code, 0);
    let done = bench.run(&["deploy"]).await.expect(0, &["Nothing to do"]);
    assert!(!done.stdout.contains("distributed"), "{done:?}");
}

#[tokio::test]
async fn each_statement_is_sent_by_itself_to_a_cluster() {
    let query = "create table seen as select current_query() as text, 1 as number";
    for (citus, own) in [("false", false), ("true", true)] {
        let bench = Bench::new().await.with("APP_DATABASE__CITUS", citus);
        bench.write("1_x.up.sql", &format!("create table before (id bigint);\n{query};"));
        bench.run(&["deploy"]).await.expect(0, &["1 migration was applied"]);
        let seen = texts(&mut bench.connection().await, "select text from seen").await;
        assert_eq!(seen[0].trim_end().trim_end_matches(';') == query, own, "{seen:?}");
        // A failure leaves nothing, whatever was sent with it.
        bench.write("2_y.up.sql", "create table left_over (id bigint);\nselect 1 / 0;");
        bench.run(&["deploy"]).await.expect(1, &["division by zero"]);
        let left = "select relname::text from pg_class where relname = 'left_over'";
        assert_eq!(texts(&mut bench.connection().await, left).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_new_table_of_users_is_distributed_by_its_migration() {
    let bench = Bench::new().await;
    let before = "create table users (id bigint constraint users_pkey primary key);
        create table things (user_id bigint, id bigint, constraint things_pkey primary key (user_id, id));";
    bench.write("1_x.up.sql", before).write("1_x.down.sql", "drop table things; drop table users;");
    bench.desire(&format!(
        "{before}
        create table parts (
            user_id bigint,
            id bigint,
            constraint parts_pkey primary key (user_id, id),
            constraint parts_thing_fkey foreign key (user_id, id) references things (user_id, id)
        );
        create table words (id bigint constraint words_pkey primary key);"
    ));
    bench.run_in("dev", &["dev", "--name", "parts"]).await.expect(0, &["+ table public.parts"]);
    let up = bench.texts("_parts.up.sql");
    assert_eq!(up.matches("perform create_distributed_table('parts', 'user_id');").count(), 1, "{up}");
    assert_eq!(up.matches("create_distributed_table").count(), 1, "{up}");
    // On a cluster, it comes before the key.
    let cluster = Bench::new().await.with("APP_DATABASE__CITUS", "true");
    cluster.write("1_x.up.sql", before);
    cluster.run(&["deploy"]).await.expect(0, &["1 migration was applied"]);
    let mut connection = cluster.connection().await;
    run(&mut connection, CLUSTER.to_owned()).await;
    run(&mut connection, UNSAFE_TRIGGERS.to_owned()).await;
    assert_eq!(distribute(&cluster.url).await.code, 0);
    cluster.write("2_parts.up.sql", &up);
    let done = cluster.run(&["deploy"]).await.expect(0, &["1 migration was applied"]);
    assert!(!done.stdout.contains("Not distributed"), "{done:?}");
    assert_eq!(texts(&mut connection, DISTRIBUTED).await, ["parts s", "things s", "users t"]);
}
