//! Undoes what an operation changed, in every recorded table.
//!
//! The statements are the same for each table but for its name, its columns and its [`UndoRules`], and
//! are made from its description.

use std::collections::HashMap;

use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Row as _};

use super::recorded::{Incidental, RecordedTable, RecordedTables, UndoRules};
use super::stand_in_store::StandIns;
use crate::http::scope::Scope;

/// The most obstacles that are reported for a table.
const MOST_OBSTACLES: usize = 20;

/// The last operation that changed the row of a change `c`. A tag on a transaction has the transaction's id, and its own.
///
/// Here and in all sub-selects of undo, each table is also compared with `$1`, the user: a cluster sends a statement to one server only
/// if it finds the user's id for each table, and does not look for it outside of a sub-select.
const LAST_OPERATION: &str = "(select max(l.operation_id) from changes l where l.user_id = $1 and l.user_id = c.user_id \
    and l.entity = c.entity and l.entity_id = c.entity_id and l.tag_id is not distinct from c.tag_id and l.id > c.id)";

/// A later change that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Obstacle {
    /// The obstacle, such as `transaction 42 was changed since (title)`.
    pub what: String,
    /// The last operation that changed it, if that was one.
    pub operation_id: Option<i64>,
}

/// The rows that an operation changed.
#[derive(Debug)]
pub(super) struct ChangedRows {
    pub(super) operation_id: i64,
    /// The ids of the rows of each table.
    ids: HashMap<String, Vec<i64>>,
}

/// Finds the rows that an operation changed.
///
/// # Errors
/// Only from the database.
pub(super) async fn changed(scope: &mut Scope<'_>, operation_id: i64) -> Result<ChangedRows, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select
            entity,
            array_agg(distinct entity_id) as "ids!"
        from changes
        where user_id = $1 and operation_id = $2
        group by entity
        "#,
        scope.user_id,
        operation_id,
    );
    let ids = rows.fetch_all(&mut *scope.connection).await?.into_iter().map(|row| (row.entity, row.ids)).collect();
    Ok(ChangedRows { operation_id, ids })
}

impl ChangedRows {
    /// The tables of the rows, in the order in which rows can be restored.
    pub(super) fn tables(&self, all: &RecordedTables) -> Vec<&'static RecordedTable> {
        all.iter().filter(|table| self.ids.contains_key(table.name)).collect()
    }

    fn ids(&self, table: &RecordedTable) -> &[i64] {
        self.ids.get(table.name).map_or(&[], Vec::as_slice)
    }
}

/// The numbers of rows that an operation restored, changed and removed. Parts of a row, such as the tags of a transaction, count
/// as a change of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UndoCounts {
    /// Deleted rows that exist again.
    pub restored: i64,
    /// Changed rows that are as before.
    pub reverted: i64,
    /// Created rows that are gone.
    pub removed: i64,
}

/// Counts the rows that an undo restored, changed and removed.
///
/// # Errors
/// Only from the database.
pub(super) async fn counts(
    scope: &mut Scope<'_>,
    operation_id: i64,
    tables: &RecordedTables,
) -> Result<UndoCounts, sqlx::Error> {
    let uncounted = tables.iter().filter(|table| table.incidental == Incidental::Always);
    let uncounted: Vec<String> = uncounted.map(|table| table.name.to_owned()).collect();
    let parts = tables.iter().filter_map(|table| table.part_of.map(|whole| (table.name.to_owned(), whole.to_owned())));
    let (parts, wholes): (Vec<String>, Vec<String>) = parts.unzip();
    sqlx::query_as!(
        UndoCounts,
        r#"
        with things as (
            select
                coalesce(p.whole, c.entity) as entity,
                c.entity_id,
                bool_or(p.whole is null and c.before is null) as made,
                bool_or(p.whole is null and c.after is null) as gone
            from changes c
            left join unnest($4::text[], $5::text[]) as p (part, whole) on p.part = c.entity
            where c.user_id = $1 and c.operation_id = $2 and c.entity <> all ($3)
            group by 1, 2
        )
        select
            count(*) filter (where made) as "restored!",
            count(*) filter (where not made and not gone) as "reverted!",
            count(*) filter (where gone) as "removed!"
        from things
        "#,
        scope.user_id,
        operation_id,
        &uncounted,
        &parts,
        &wholes,
    )
    .fetch_one(&mut *scope.connection)
    .await
}

/// Columns as an array in SQL.
fn array(columns: &[&str]) -> String {
    format!("'{{{}}}'::text[]", columns.join(","))
}

/// A condition that rows of a table refer to the row `row.id`, and the operation of the change `c` did not create them.
fn is_used(tables: &RecordedTables, (table, column): (&str, &str)) -> String {
    let part = tables.iter().find(|recorded| recorded.name == table).filter(|recorded| recorded.id != "id");
    let (id, tag) = part.map_or(("id", ""), |part| (part.id, "and i.tag_id = d.tag_id"));
    format!(
        "exists (select from {table} d where d.user_id = $1 and d.user_id = c.user_id and d.{column} = c.entity_id and not exists \
         (select from changes i where i.user_id = $1 and i.user_id = c.user_id and i.operation_id = c.operation_id \
         and i.entity = '{table}' and i.entity_id = d.{id} {tag}))"
    )
}

impl RecordedTable {
    /// The obstacles to undoing what an operation did to this table. Rows that it created on the way to something else
    /// (`incidental`) are no obstacle: they stay where they are needed.
    ///
    /// # Errors
    /// Only from the database.
    pub(super) async fn obstacles(
        &self,
        scope: &mut Scope<'_>,
        changed: &ChangedRows,
        tables: &RecordedTables,
        incidental: bool,
    ) -> Result<Vec<Obstacle>, sqlx::Error> {
        let Self { name, noun, id, undo, .. } = self;
        let (of_change, changed_since) = (undo.row_of_change, undo.changed_since);
        let (created, derived) = (if incidental { "false" } else { "true" }, array(self.derived));
        let used: Vec<String> = self.dependents.iter().map(|dependent| is_used(tables, *dependent)).collect();
        let used = if used.is_empty() { "false".to_owned() } else { used.join(" or ") };
        let sql = format!(
            r"
            select c.entity_id, found.what, {LAST_OPERATION} as operation_id
            from changes c
            left join {name} t on {of_change} and t.user_id = $1 and t.{id} = any ($3)
            cross join lateral (
                select case
                    when c.before is null and {created} then case
                        when t.user_id is null then 'was deleted since'
                        when not to_jsonb(t) @> (c.after - {derived}) {changed_since} then 'was changed since'
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
            limit {MOST_OBSTACLES}
            "
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .bind(scope.user_id)
            .bind(changed.operation_id)
            .bind(changed.ids(self))
            .fetch_all(&mut *scope.connection)
            .await?;
        let obstacle = |row: &sqlx::postgres::PgRow| {
            let (id, what): (i64, &str) = (row.try_get(0)?, row.try_get(1)?);
            Ok(Obstacle { what: format!("{noun} {id} {what}"), operation_id: row.try_get(2)? })
        };
        rows.iter().map(obstacle).collect()
    }

    /// Restores the rows that an operation deleted, or those of one transaction. References to rows that are gone are replaced.
    ///
    /// # Errors
    /// Only from the database.
    pub(super) async fn restore(
        &self,
        scope: &mut Scope<'_>,
        operation_id: i64,
        only: Option<i64>,
        stand_ins: &StandIns,
    ) -> Result<(), sqlx::Error> {
        let Self { name, undo: UndoRules { restored: row, restored_if, on_conflict, .. }, .. } = self;
        let sql = format!(
            r"
            insert into {name} overriding system value
            select r.*
            from changes c
            cross join lateral jsonb_populate_record(null::{name}, {row}) r
            where c.user_id = $1 and c.operation_id = $2 and c.entity = '{name}' and c.after is null
                and ($3::bigint is null or c.entity_id = $3)
                and $4::jsonb is not null and $5::jsonb is not null and $6::jsonb is not null
                {restored_if} {on_conflict}
            "
        );
        let query = sqlx::query(AssertSqlSafe(sql)).persistent(false).bind(scope.user_id).bind(operation_id).bind(only);
        let query = query.bind(Json(&stand_ins.categories)).bind(Json(&stand_ins.payees)).bind(Json(&stand_ins.tags));
        query.execute(&mut *scope.connection).await?;
        Ok(())
    }

    /// Puts the columns back that an operation changed. Columns that were changed again since keep their values, and the row
    /// counts as changed now.
    ///
    /// # Errors
    /// Only from the database.
    pub(super) async fn revert(&self, scope: &mut Scope<'_>, changed: &ChangedRows) -> Result<(), sqlx::Error> {
        let Self { name, id, columns, undo, .. } = self;
        let UndoRules { row_of_change: of_change, recomputed, reverted_if, .. } = undo;
        let derived = array(self.derived);
        let from: Vec<String> = columns.iter().map(|column| format!("r.{column}")).collect();
        self.run(
            scope,
            changed,
            format!(
                r"
                update {name} t
                set ({columns}) = (
                    select {from}
                    from jsonb_populate_record(
                        t,
                        case when to_jsonb(t) @> c.after then c.before
                            else c.before || (select coalesce(jsonb_object_agg(key, case
                                when key = 'updated_at' then to_jsonb(now()) else {recomputed} end), '{{}}')
                                from jsonb_object_keys(c.before) key where key = any ({derived}))
                        end
                    ) r
                )
                from changes c
                where {of_change} and c.user_id = $1 and c.operation_id = $2 and c.entity = '{name}'
                    and t.user_id = $1 and t.{id} = any ($3) and c.before is not null and c.after is not null
                    {reverted_if}
                ",
                columns = columns.join(", "),
                from = from.join(", "),
            ),
        )
        .await
    }

    /// Deletes the rows that an operation created; those that it created on the way to something else only if nothing
    /// refers to them and nobody has changed them.
    ///
    /// # Errors
    /// Only from the database.
    pub(super) async fn remove(
        &self,
        scope: &mut Scope<'_>,
        changed: &ChangedRows,
        incidental: bool,
    ) -> Result<(), sqlx::Error> {
        let Self { name, id, undo, .. } = self;
        let (of_change, derived) = (undo.row_of_change, array(self.derived));
        let unused = self.dependents.iter().map(|(table, column)| {
            format!("and not exists (select from {table} d where d.user_id = $1 and d.user_id = t.user_id and d.{column} = t.id)")
        });
        let unused: String = if incidental {
            unused.chain([format!("and to_jsonb(t) @> (c.after - {derived})")]).collect()
        } else {
            String::new()
        };
        self.run(
            scope,
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

    async fn run(&self, scope: &mut Scope<'_>, changed: &ChangedRows, sql: String) -> Result<(), sqlx::Error> {
        let query = sqlx::query(AssertSqlSafe(sql)).persistent(false).bind(scope.user_id).bind(changed.operation_id);
        query.bind(changed.ids(self)).execute(&mut *scope.connection).await?;
        Ok(())
    }
}
