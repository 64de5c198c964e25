//! Takes back what an operation changed, set by set, in every table that is recorded.
//!
//! The statements are the same for each table but for its name and its columns, so they are made from those.

use std::collections::HashMap;

use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::stand_in_store::StandIns;

/// A table whose changes are recorded.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name.
    pub name: &'static str,
    /// What one row is called.
    pub noun: &'static str,
    /// Everything but the key.
    pub columns: &'static [&'static str],
    /// Those of them that follow from something else, so that nobody's change is about them.
    derived: &'static str,
    /// What stands on its rows: the table, and the column that points at them.
    dependents: &'static [(&'static str, &'static str)],
    /// The column that a change's `entity_id` is in.
    id: &'static str,
    /// How the row `t` of a change `c` is found.
    of_change: &'static str,
    /// A further condition on a change `c` of which the columns are put back.
    put_back_if: &'static str,
}

const SEARCHED: &str = "'{updated_at,search}'::text[]";

/// Of what stands for default categories, only what is there yet is put back.
const STANDING: &str = "and (c.before ->> 'category_id' is null or exists (select from categories k \
    where k.user_id = c.user_id and k.id = (c.before ->> 'category_id')::bigint))";

const BY_ID: &str = "t.user_id = c.user_id and t.id = c.entity_id";

/// All of them, in the order in which rows can be put back.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "categories",
        noun: "category",
        columns: &["kind", "name", "created_at", "updated_at", "parent_id", "icon", "color", "position", "archived"],
        derived: "'{updated_at}'::text[]",
        dependents: &[("transactions", "category_id"), ("categories", "parent_id")],
        id: "id",
        of_change: BY_ID,
        put_back_if: "",
    },
    Table {
        name: "default_categories",
        noun: "default category",
        columns: &["kind", "origin", "category_id"],
        // It goes along with the categories, and is never in the way.
        derived: "'{category_id}'::text[]",
        dependents: &[],
        id: "id",
        of_change: BY_ID,
        put_back_if: STANDING,
    },
    Table {
        name: "payees",
        noun: "payee",
        columns: &["name", "search", "created_at", "updated_at"],
        derived: SEARCHED,
        dependents: &[("transactions", "payee_id")],
        id: "id",
        of_change: BY_ID,
        put_back_if: "",
    },
    Table {
        name: "tags",
        noun: "tag",
        columns: &["name", "color", "created_at", "updated_at"],
        derived: "'{updated_at}'::text[]",
        dependents: &[("transaction_tags", "tag_id")],
        id: "id",
        of_change: BY_ID,
        put_back_if: "",
    },
    Table {
        name: "transactions",
        noun: "transaction",
        columns: &[
            "title",
            "title_en",
            "amount",
            "currency",
            "type",
            "category_id",
            "date",
            "created_at",
            "updated_at",
            "note",
            "payee_id",
            "category_source",
            "category_reason",
            "search",
        ],
        derived: SEARCHED,
        dependents: &[],
        id: "id",
        of_change: BY_ID,
        put_back_if: "",
    },
    Table {
        name: "transaction_tags",
        noun: "tag of transaction",
        columns: &["date", "amount"],
        derived: "'{date,amount}'::text[]",
        dependents: &[],
        id: "transaction_id",
        of_change: "t.user_id = c.user_id and t.transaction_id = c.entity_id and t.tag_id = c.tag_id",
        put_back_if: "",
    },
];

/// What stands in the way of undoing is told up to so many times a table.
const MOST_TOLD: usize = 20;

/// The last operation that changed the row of a change `c`. A tag on a transaction has the transaction's id, and its own.
const LAST_OPERATION: &str = "(select max(l.operation_id) from changes l where l.user_id = c.user_id \
    and l.entity = c.entity and l.entity_id = c.entity_id and l.tag_id is not distinct from c.tag_id and l.id > c.id)";

/// Something that was changed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Obstacle {
    /// What is in the way, such as `transaction 42 was changed since (title)`.
    pub what: String,
    /// The last operation that changed it, if that was one.
    pub operation_id: Option<i64>,
}

/// What an operation changed.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) user_id: i64,
    pub(super) operation_id: i64,
    /// The ids of the rows of each table.
    ids: HashMap<String, Vec<i64>>,
}

/// Finds what an operation changed.
///
/// # Errors
/// The database's.
pub(super) async fn changed(
    connection: &mut PgConnection,
    user_id: i64,
    operation_id: i64,
) -> Result<Changed, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select
            entity,
            array_agg(distinct entity_id) as "ids!"
        from changes
        where user_id = $1 and operation_id = $2
        group by entity
        "#,
        user_id,
        operation_id,
    );
    let ids = rows.fetch_all(connection).await?.into_iter().map(|row| (row.entity, row.ids)).collect();
    Ok(Changed { user_id, operation_id, ids })
}

impl Changed {
    /// The tables that it changed, in the order in which rows can be put back.
    pub(super) fn tables(&self) -> impl DoubleEndedIterator<Item = &'static Table> {
        TABLES.iter().filter(|table| self.ids.contains_key(table.name))
    }

    fn ids(&self, table: &Table) -> &[i64] {
        self.ids.get(table.name).map_or(&[], Vec::as_slice)
    }
}

/// The things that an operation brought back, changed and took away: categories, payees, tags and transactions. A transaction
/// that only got or lost tags was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Undone {
    /// Deleted ones that are there again.
    pub restored: i64,
    /// Changed ones that are as before.
    pub reverted: i64,
    /// Created ones that are gone.
    pub removed: i64,
}

/// Counts what an operation that takes back another one did.
///
/// # Errors
/// The database's.
pub(super) async fn undone(
    connection: &mut PgConnection,
    user_id: i64,
    operation_id: i64,
) -> Result<Undone, sqlx::Error> {
    sqlx::query_as!(
        Undone,
        r#"
        with things as (
            select
                case when entity = 'transaction_tags' then 'transactions' else entity end as entity,
                entity_id,
                bool_or(entity <> 'transaction_tags' and before is null) as made,
                bool_or(entity <> 'transaction_tags' and after is null) as gone
            from changes
            where user_id = $1 and operation_id = $2 and entity <> 'default_categories'
            group by 1, 2
        )
        select
            count(*) filter (where made) as "restored!",
            count(*) filter (where not made and not gone) as "reverted!",
            count(*) filter (where gone) as "removed!"
        from things
        "#,
        user_id,
        operation_id,
    )
    .fetch_one(connection)
    .await
}

impl Table {
    /// What stands in the way of taking back what this operation did to this table. Of rows that it made on the way to
    /// something else (`in_passing`), nothing does: they stay where they are needed.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn obstacles(
        &self,
        connection: &mut PgConnection,
        changed: &Changed,
        in_passing: bool,
    ) -> Result<Vec<Obstacle>, sqlx::Error> {
        let Self { name, noun, id, of_change, derived, .. } = self;
        let created = if in_passing { "false" } else { "true" };
        let tagged_since = match *name {
            "transactions" => {
                "or exists (select from transaction_tags l where l.user_id = c.user_id and l.transaction_id = c.entity_id \
                 and not exists (select from changes i where i.user_id = c.user_id and i.operation_id = c.operation_id \
                 and i.entity = 'transaction_tags' and i.entity_id = c.entity_id and i.tag_id = l.tag_id))"
            }
            _ => "",
        };
        let dependents = self.dependents.iter().map(|(table, column)| {
            format!(
                "exists (select from {table} d where d.user_id = c.user_id and d.{column} = c.entity_id and not exists \
                 (select from changes i where i.user_id = c.user_id and i.operation_id = c.operation_id \
                 and i.entity = '{table}' and i.entity_id = {key} {same}))",
                key = if *table == "transaction_tags" { "d.transaction_id" } else { "d.id" },
                same = if *table == "transaction_tags" { "and i.tag_id = d.tag_id" } else { "" },
            )
        });
        let used = dependents.collect::<Vec<_>>().join(" or ");
        let used = if used.is_empty() { "false".to_owned() } else { used };
        let sql = format!(
            r"
            select c.entity_id, found.what, {LAST_OPERATION} as operation_id
            from changes c
            left join {name} t on {of_change} and t.user_id = $1 and t.{id} = any ($3)
            cross join lateral (
                select case
                    when c.before is null and {created} then case
                        when t.user_id is null then 'was deleted since'
                        when not to_jsonb(t) @> (c.after - {derived}) {tagged_since} then 'was changed since'
                        when {used} then 'is used since'
                    end
                    when c.before is null then null
                    when c.after is null then case when t.user_id is not null then 'is there again' end
                    when t.user_id is null then 'was deleted since'
                    when not to_jsonb(t) @> (c.after - {derived}) then (
                        select 'was changed since (' || string_agg(a.key, ', ' order by a.key) || ')'
                        from jsonb_each(c.after - {derived}) a
                        where a.value is distinct from to_jsonb(t) -> a.key
                    )
                end as what
                offset 0
            ) found
            where c.user_id = $1 and c.operation_id = $2 and c.entity = '{name}' and found.what is not null
            order by c.id
            limit {MOST_TOLD}
            "
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .bind(changed.user_id)
            .bind(changed.operation_id)
            .bind(changed.ids(self))
            .fetch_all(connection)
            .await?;
        let obstacle = |row: &sqlx::postgres::PgRow| {
            let (id, what): (i64, &str) = (row.try_get(0)?, row.try_get(1)?);
            Ok(Obstacle { what: format!("{noun} {id} {what}"), operation_id: row.try_get(2)? })
        };
        rows.iter().map(obstacle).collect()
    }

    /// Puts back the rows that the operation deleted, or those of one transaction. What they pointed at and is not there any
    /// more has its stand-in.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn restore(
        &self,
        connection: &mut PgConnection,
        (user_id, operation_id): (i64, i64),
        only: Option<i64>,
        stand_ins: &StandIns,
    ) -> Result<(), sqlx::Error> {
        let Self { name, derived, put_back_if, .. } = self;
        let (row, behind) = match *name {
            "transactions" => (
                "c.before || jsonb_build_object('category_id', coalesce($4::jsonb -> (c.before ->> 'category_id'), \
                 c.before -> 'category_id'), 'payee_id', case when $5::jsonb ? (c.before ->> 'payee_id') \
                 then $5::jsonb -> (c.before ->> 'payee_id') else c.before -> 'payee_id' end)"
                    .to_owned(),
                "",
            ),
            // The day and the amount of a tag are those that its transaction has by now; the database puts them in.
            "transaction_tags" => (
                format!(
                    "(c.before - {derived}) || jsonb_build_object('tag_id', \
                     case when $6::jsonb ? c.tag_id::text then $6::jsonb -> c.tag_id::text else to_jsonb(c.tag_id) end)"
                ),
                "and not coalesce($6::jsonb -> c.tag_id::text = 'null', false) on conflict do nothing",
            ),
            // Another one may have come since.
            "default_categories" => ("c.before".to_owned(), "on conflict do nothing"),
            _ => ("c.before".to_owned(), ""),
        };
        let sql = format!(
            r"
            insert into {name} overriding system value
            select r.*
            from changes c
            cross join lateral jsonb_populate_record(null::{name}, {row}) r
            where c.user_id = $1 and c.operation_id = $2 and c.entity = '{name}' and c.after is null
                and ($3::bigint is null or c.entity_id = $3)
                and $4::jsonb is not null and $5::jsonb is not null and $6::jsonb is not null
                {put_back_if} {behind}
            "
        );
        let query = sqlx::query(AssertSqlSafe(sql)).persistent(false).bind(user_id).bind(operation_id).bind(only);
        let query = query.bind(Json(&stand_ins.categories)).bind(Json(&stand_ins.payees)).bind(Json(&stand_ins.tags));
        query.execute(connection).await?;
        Ok(())
    }

    /// Gives the rows that the operation changed what they had before. A row that something else has changed since keeps
    /// that, and counts as changed now.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn revert(&self, connection: &mut PgConnection, changed: &Changed) -> Result<(), sqlx::Error> {
        let Self { name, id, of_change, columns, derived, put_back_if, .. } = self;
        // What a transaction is found by is made of columns of which some may stay; a payee's follows its name.
        let search = if *name == "transactions" { "'null'::jsonb" } else { "c.before -> key" };
        let from: Vec<String> = columns.iter().map(|column| format!("r.{column}")).collect();
        self.run(
            connection,
            changed,
            format!(
                r"
                update {name} t
                set ({columns}) = (
                    select {from}
                    from jsonb_populate_record(
                        t,
                        case when to_jsonb(t) @> c.after then c.before
                            else c.before || (select coalesce(jsonb_object_agg(key, case key
                                when 'updated_at' then to_jsonb(now()) else {search} end), '{{}}')
                                from jsonb_object_keys(c.before) key where key = any ({derived}))
                        end
                    ) r
                )
                from changes c
                where {of_change} and c.user_id = $1 and c.operation_id = $2 and c.entity = '{name}'
                    and t.user_id = $1 and t.{id} = any ($3) and c.before is not null and c.after is not null
                    {put_back_if}
                ",
                columns = columns.join(", "),
                from = from.join(", "),
            ),
        )
        .await
    }

    /// Deletes the rows that the operation made; those that it made in passing only where nothing needs them and nobody has
    /// changed them.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn remove(
        &self,
        connection: &mut PgConnection,
        changed: &Changed,
        in_passing: bool,
    ) -> Result<(), sqlx::Error> {
        let Self { name, id, of_change, derived, .. } = self;
        let unused = self.dependents.iter().map(|(table, column)| {
            format!("and not exists (select from {table} d where d.user_id = t.user_id and d.{column} = t.id)")
        });
        let unused: String = if in_passing {
            unused.chain([format!("and to_jsonb(t) @> (c.after - {derived})")]).collect()
        } else {
            String::new()
        };
        self.run(
            connection,
            changed,
            format!(
                r"
                delete from {name} t
                using changes c
                where {of_change} and c.user_id = $1 and c.operation_id = $2 and c.entity = '{name}'
                    and t.user_id = $1 and t.{id} = any ($3) and c.before is null {unused}
                "
            ),
        )
        .await
    }

    async fn run(&self, connection: &mut PgConnection, changed: &Changed, sql: String) -> Result<(), sqlx::Error> {
        let query = sqlx::query(AssertSqlSafe(sql)).persistent(false).bind(changed.user_id).bind(changed.operation_id);
        query.bind(changed.ids(self)).execute(connection).await?;
        Ok(())
    }
}
