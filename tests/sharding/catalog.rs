//! Keys, constraints and triggers that sharded tables can have.

use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use crate::support::cluster::{self, run};

/// The tables of users, and the number of the column `user_id`.
const OF_USERS: &str = "with of_users as (
    select c.oid, c.relname::text as name, a.attnum as user_id
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
) ";

/// The tables of users.
const TABLES: &str = "select name from of_users order by 1";

/// Unique indexes, which primary keys and unique constraints have, without `user_id`.
const KEYS: &str = "select format('the index %s of %s', i.indexrelid::regclass, t.name)
    from of_users t
    join pg_index i on i.indrelid = t.oid
    where i.indisunique and not t.user_id = any (i.indkey[0:i.indnkeyatts - 1])";

/// Tables of users without a primary key, but for the additions to their usage, which live for seconds.
const WITHOUT_KEY: &str = "select t.name from of_users t
    where t.name <> 'usage_deltas' and not exists (select from pg_index i where i.indrelid = t.oid and i.indisprimary)";

/// Foreign keys that a sharded table cannot have. Those to a table of users pair `user_id` with `user_id`; others refer to a
/// table that each server has whole. None sets columns, or follows a changed key.
const FOREIGN_KEYS: &str = "select format('the foreign key %s of %s', k.conname, t.name)
    from of_users t
    join pg_constraint k on k.conrelid = t.oid and k.contype = 'f'
    left join of_users r on r.oid = k.confrelid
    where k.confdeltype in ('n', 'd') or k.confupdtype in ('c', 'n', 'd') or (
        r.oid is not null and not exists (
            select from unnest(k.conkey, k.confkey) as p (of_row, of_other)
            where p.of_row = t.user_id and p.of_other = r.user_id
        )
    ) or (r.oid is null and k.confrelid <> 'users'::regclass)";

/// Foreign keys from tables that each server has whole, or one server only, to tables of users.
const FOREIGN_KEYS_FROM_OTHERS: &str = "select format('the foreign key %s', k.conname)
    from pg_constraint k
    join of_users r on r.oid = k.confrelid
    where k.contype = 'f' and k.conrelid not in (select oid from of_users)";

/// Functions of triggers that use the name of their table, which is that of a shard, or that read a transition table where they also
/// write: a server cannot give the rows of that statement to another one.
const TRIGGERS: &str = r"select distinct p.proname::text
    from pg_trigger t
    join pg_proc p on p.oid = t.tgfoid
    where t.tgrelid in (select oid from of_users) and not t.tgisinternal and (
        p.prosrc ~* '\m(tg_table_name|tg_relid|tg_relname)\M'
        or exists (
            select from unnest(array[t.tgnewtable, t.tgoldtable]) as transition (name)
            where p.prosrc ~* ('\minsert\s+into\M[^;]*\m(from|join|using)\s+' || transition.name || '\M')
        )
    )";

async fn found(connection: &mut PgConnection, query: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(format!("{OF_USERS}{query}"))).fetch_all(connection).await.expect(query)
}

async fn migrated() -> PgConnection {
    cluster::schema().await.connect().await.expect("connected")
}

#[tokio::test]
async fn keys_of_users_tables_have_the_user() {
    let mut connection = migrated().await;
    let tables = found(&mut connection, TABLES).await;
    assert!(tables.len() >= 12 && tables.contains(&"transactions".to_owned()), "{tables:?}");
    for query in [KEYS, WITHOUT_KEY] {
        assert_eq!(found(&mut connection, query).await, [""; 0]);
    }
}

#[tokio::test]
async fn foreign_keys_stay_within_the_rows_of_a_user() {
    let mut connection = migrated().await;
    for query in [FOREIGN_KEYS, FOREIGN_KEYS_FROM_OTHERS] {
        assert_eq!(found(&mut connection, query).await, [""; 0]);
    }
}

#[tokio::test]
async fn triggers_neither_name_their_table_nor_insert_from_the_rows_of_a_statement() {
    assert_eq!(found(&mut migrated().await, TRIGGERS).await, [""; 0]);
}

#[tokio::test]
async fn what_a_sharded_table_cannot_have_is_found() {
    let wrong = [
        ("create unique index wrong on tags (id)", KEYS),
        ("create unique index wrong on tags (id) include (user_id)", KEYS),
        ("alter table payees add constraint wrong unique (id)", KEYS),
        ("alter table usage_deltas add primary key (operation_id)", KEYS),
        ("create table further (user_id bigint not null references users (id))", WITHOUT_KEY),
        ("alter table tags add operation_id bigint, add constraint wrong foreign key (user_id, operation_id)
            references operations (user_id, id) on delete set null (operation_id)", FOREIGN_KEYS),
        ("alter table tags add constraint wrong foreign key (user_id, id) references payees (user_id, id) on update cascade",
            FOREIGN_KEYS),
        ("alter table tags add constraint wrong foreign key (id, user_id) references payees (user_id, id)", FOREIGN_KEYS),
        ("alter table tags add code bytea, add constraint wrong foreign key (code) references invites (code_hash)",
            FOREIGN_KEYS),
        ("alter table invites add user_id2 bigint, add constraint wrong foreign key (user_id2, id)
            references tags (user_id, id)", FOREIGN_KEYS_FROM_OTHERS),
        ("create function wrong() returns trigger language plpgsql as
            'begin insert into changes (entity) values (tg_table_name); return null; end';
            create trigger wrong after insert on tags for each row execute function wrong()", TRIGGERS),
        ("create function wrong() returns trigger language plpgsql as
            'begin insert into changes (user_id) select user_id from other_rows; return null; end';
            create trigger wrong after insert on tags referencing new table as other_rows
            for each statement execute function wrong()", TRIGGERS),
        ("create function wrong() returns trigger language plpgsql as
            'begin with w as (insert into changes (user_id) select o.user_id from usage u join other_rows o using (user_id)
                returning 1) select 1; return null; end';
            create trigger wrong after delete on tags referencing old table as other_rows
            for each statement execute function wrong()", TRIGGERS),
    ];
    let mut connection = migrated().await;
    for (change, query) in wrong {
        let before = found(&mut connection, query).await;
        run(&mut connection, "begin".to_owned()).await;
        run(&mut connection, change.to_owned()).await;
        let after = found(&mut connection, query).await;
        assert_eq!(after.len(), before.len() + 1, "{change}: {after:?}");
        run(&mut connection, "rollback".to_owned()).await;
    }
}
