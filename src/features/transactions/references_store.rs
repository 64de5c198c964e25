//! The references of transactions to categories and payees.

use crate::http::scope::Scope;

/// Puts all transactions of a category into another one of its kind.
///
/// # Errors
/// Only from the database.
pub async fn move_category(scope: &mut Scope<'_>, from: i64, to: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update transactions set category_id = $3, updated_at = now() where user_id = $1 and category_id = $2",
        scope.user_id,
        from,
        to,
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}

/// Gives all transactions of a payee another one.
///
/// # Errors
/// Only from the database.
pub async fn move_payee(scope: &mut Scope<'_>, from: i64, to: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update transactions set payee_id = $3, updated_at = now() where user_id = $1 and payee_id = $2",
        scope.user_id,
        from,
        to,
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}
