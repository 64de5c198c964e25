//! The last changes of a user, by which a replica that is behind is told.

use futures_util::future::BoxFuture;

use crate::http::replica::LastChanges;
use crate::http::scope::Scope;

/// Changes of one user that may be under way at once.
pub const AT_ONCE: i64 = 32;

/// The last changes in the table `operations`.
pub const LAST_CHANGES: LastChanges = LastChanges { read, are_in };

fn read<'a>(scope: &'a mut Scope<'_>) -> BoxFuture<'a, Result<Vec<i64>, sqlx::Error>> {
    let query = sqlx::query_scalar!(
        "select id from operations where user_id = $1 order by id desc limit $2",
        scope.user_id,
        AT_ONCE,
    );
    Box::pin(query.fetch_all(&mut *scope.connection))
}

fn are_in<'a>(scope: &'a mut Scope<'_>, ids: &'a [i64]) -> BoxFuture<'a, Result<bool, sqlx::Error>> {
    Box::pin(async move {
        let there = sqlx::query_scalar!(
            r#"select count(*) as "count!" from operations where user_id = $1 and id = any ($2)"#,
            scope.user_id,
            ids,
        )
        .fetch_one(&mut *scope.connection)
        .await?;
        Ok(usize::try_from(there).is_ok_and(|there| there == ids.len()))
    })
}
