//! What our own migrations do to what is there.

use app::config::Profile;
use migrate_toolkit::RollbackTarget;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use crate::support::cluster;

/// The last migration before names were held against each other without case, and default categories were known.
const BEFORE: i64 = 20_261_127_095_843;

async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn texts(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let texts = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await;
    texts.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_look_the_same_get_a_number_and_default_categories_are_found() {
    let options = cluster::migrated_database().await;
    let migrator = cluster::migrator(&options, Profile::Test);
    migrator.rollback(RollbackTarget::To(BEFORE), None, |_| ()).await.expect("back");
    let mut database = options.connect().await.expect("connected");
    let long = "x".repeat(100);
    for sql in [
        "insert into users (email, password_hash) values ('a@example.com', 'x'), ('b@example.com', 'x')",
        "insert into tags (user_id, name) values (1, 'Café'), (1, E'Cafe\\u0301'), (1, E'Café\\u200b'), (1, 'CAFÉ (2)'), (1, 'tea'),
            (2, 'café'), (2, E'\\u200b'), (2, E'\\ufeff')",
        &format!("insert into tags (user_id, name) values (1, '{long}'), (1, '{}')", long.to_uppercase()),
        "insert into payees (user_id, name, search) values (1, 'Ann', E' ann \\n2'), (1, 'ANN', E' ann \\n2')",
        "insert into categories (user_id, kind, name) values (1, 'EXPENSE', 'Shopping'), (1, 'EXPENSE', 'shopping'),
            (1, 'INCOME', 'Shopping'), (1, 'INCOME', 'Other'), (1, 'EXPENSE', 'Eating out'), (2, 'EXPENSE', 'Rent')",
        "insert into categories (user_id, kind, name, parent_id) values (1, 'EXPENSE', 'shopping', 1), (1, 'EXPENSE', 'Shopping', 1)",
    ] {
        execute(&mut database, sql).await;
    }
    database.close().await.expect("closed");
    migrator.deploy(|_| ()).await.expect("deployed");
    let mut database = options.connect().await.expect("connected");
    let tags = texts(&mut database, "select name from tags order by id").await;
    let cut = format!("{} (2)", "X".repeat(96));
    let expected = [
        "Café",
        "Cafe\u{301} (3)",
        "Café\u{200b} (4)",
        "CAFÉ (2)",
        "tea",
        "café",
        "\u{200b}",
        "\u{feff} (2)",
        &long,
        &cut,
    ];
    assert_eq!(tags, expected);
    // A payee's new name is to be folded, too.
    let payees = texts(&mut database, "select name || '|' || trim(search) from payees order by id").await;
    assert_eq!(payees, ["Ann|ann \n2", "ANN (2)|"]);
    let categories = texts(&mut database, "select name from categories order by id").await;
    let expected = ["Shopping", "shopping (2)", "Shopping", "Other", "Eating out", "Rent", "shopping", "Shopping (2)"];
    assert_eq!(categories, expected);
    let defaults = "select concat_ws(' ', user_id, kind, origin, category_id) from default_categories order by 1";
    assert_eq!(texts(&mut database, defaults).await, ["1 EXPENSE Shopping 1", "1 INCOME Other 4", "2 EXPENSE Rent 6"]);
    // And back.
    database.close().await.expect("closed");
    let back = migrator.rollback(RollbackTarget::To(BEFORE), None, |_| ()).await;
    let newer = app::migrations::compiled().iter().filter(|migration| migration.version > BEFORE).count();
    assert_eq!(back.expect("back").len(), newer);
}
