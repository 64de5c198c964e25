//! The table `merged`.

use crate::http::scope::Scope;

/// Notes that a row was merged into another one.
pub(super) async fn note(
    scope: &mut Scope<'_>,
    operation_id: i64,
    entity: &str,
    from: i64,
    into: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into merged (user_id, operation_id, entity, id, into_id) values ($1, $2, $3, $4, $5)",
        scope.user_id,
        operation_id,
        entity,
        from,
        into,
    )
    .execute(&mut *scope.connection)
    .await?;
    Ok(())
}
