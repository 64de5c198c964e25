//! The references of transactions to categories and payees.

use sqlx::AssertSqlSafe;

use crate::http::scope::Scope;

/// A column of transactions that refers to a row of another table.
#[derive(Debug, Clone, Copy)]
pub enum ReferenceColumn {
    /// `category_id`.
    Category,
    /// `payee_id`.
    Payee,
}

/// Lets all transactions that refer to one row refer to another one.
pub async fn move_all(scope: &mut Scope<'_>, column: ReferenceColumn, from: i64, into: i64) -> Result<(), sqlx::Error> {
    let column = match column {
        ReferenceColumn::Category => "category_id",
        ReferenceColumn::Payee => "payee_id",
    };
    let sql = format!("update transactions set {column} = $3, updated_at = now() where user_id = $1 and {column} = $2");
    let query = sqlx::query(AssertSqlSafe(sql)).bind(scope.user_id).bind(from).bind(into);
    query.execute(&mut *scope.connection).await?;
    Ok(())
}
