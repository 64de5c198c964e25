//! Reading on behalf of the user who is signed in.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;

use crate::http::error::ApiError;
use crate::http::identity::CurrentUser;
use crate::http::page::PageRequest;
use crate::http::scope::Scope;
use crate::http::walk::{Keyed, Walk};
use crate::state::AppState;

/// The data of the user who is signed in, for handlers that only read.
pub struct UserReader {
    /// The services.
    pub state: AppState,
    /// The user.
    pub user_id: i64,
}

impl UserReader {
    /// Runs short queries on a connection for requests.
    ///
    /// # Errors
    /// The errors of `queries`, and an error of the pool if no connection is free.
    pub async fn run<T, E: From<sqlx::Error>>(
        &self,
        queries: impl AsyncFnOnce(&mut Scope<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.state.pools.requests.acquire().await?;
        let result = queries(&mut Scope::new(&mut connection, self.user_id)).await?;
        connection.release();
        Ok(result)
    }

    /// Reads a report from the replica, if there is one that has these changes of the user, and otherwise from the primary: see
    /// [`Replica::read`](crate::http::replica::Replica::read).
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn report<T>(
        &self,
        changes: &[i64],
        queries: impl AsyncFnOnce(&mut Scope<'_>) -> Result<T, ApiError> + Clone,
    ) -> Result<T, ApiError> {
        if let Some(replica) = &self.state.replica
            && let Some(report) = replica.read(self.user_id, changes, queries.clone()).await
        {
            return Ok(report);
        }
        self.run(queries).await
    }

    /// Answers with a whole list.
    ///
    /// # Errors
    /// As [`Lists::answer`](crate::http::walk::Lists::answer).
    pub async fn list(&self, walk: impl Walk) -> Result<Response, ApiError> {
        self.state.lists.answer(self.user_id, walk).await
    }

    /// Answers with a page of a list, or with the whole list. `name` is the list with its filters, which a cursor is bound to.
    ///
    /// # Errors
    /// As [`Lists::answer_keyed`](crate::http::walk::Lists::answer_keyed).
    pub async fn page(&self, list: impl Keyed, page: Option<&PageRequest>, name: &str) -> Result<Response, ApiError> {
        let name = format!("{} {name}", self.user_id);
        self.state.lists.answer_keyed(self.user_id, list, page, (&self.state.cursors, name)).await
    }
}

impl FromRequestParts<AppState> for UserReader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        let user = CurrentUser::from_request_parts(parts, state).await?;
        Ok(Self { state: state.clone(), user_id: user.id })
    }
}
