//! Distribution of new tables over the servers of a Citus cluster.
//!
//! A table that has not been distributed can have no foreign key to one that has. So a new table is distributed where it is created,
//! before its keys, by a statement that does nothing on any other server.

use crate::schema::catalog::Catalog;
use crate::schema::context::PlannedFile;
use crate::schema::object::ObjectKind;
use crate::schema::statement::PlannedStatement;
use crate::sql_text::readable_literal;

/// Adds the statements for the tables with this column that the files create.
pub(crate) fn distribute_new_tables(files: &mut [PlannedFile], to: &Catalog, column: Option<&str>) {
    let Some(column) = column else { return };
    for file in files {
        let statements = std::mem::take(&mut file.statements);
        file.statements = statements
            .into_iter()
            .flat_map(|statement| {
                let address = created_table(&statement.sql, to, column);
                let distribute = address.map(|address| PlannedStatement::new(distribution(&address, column)));
                [Some(statement), distribute].into_iter().flatten()
            })
            .collect();
    }
}

/// The address of the table with this column that a statement creates. Partitions and unlogged tables are left out: they follow
/// their table, or stay on one server.
fn created_table(sql: &str, to: &Catalog, column: &str) -> Option<String> {
    let rest = sql.strip_prefix("create table ")?;
    let is_created = |address: &str| rest.strip_prefix(address).is_some_and(|rest| rest.starts_with(" ("));
    let table = to.objects.values().find(|one| one.kind() == ObjectKind::Table && is_created(&one.address))?;
    let has_column = to.parts(&table.key).any(|part| part.kind() == ObjectKind::Column && part.ident == column);
    has_column.then(|| table.address.clone())
}

fn distribution(address: &str, column: &str) -> String {
    let (table, column) = (readable_literal(address), readable_literal(column));
    // The inner statements are only read where they are executed, so that they may name what other servers do not have.
    format!(
        "-- On a Citus cluster with distributed tables, the new one becomes one of them; elsewhere, nothing happens.
do $$
begin
    if to_regclass('pg_dist_partition') is not null then
        if exists (select from pg_dist_partition where partmethod = 'h') then
            perform create_distributed_table({table}, {column});
        end if;
    end if;
end
$$"
    )
}
