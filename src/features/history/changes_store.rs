//! The history of a transaction, in the table `changes`: the changes of one operation are one entry.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::entries::{ChangeRange, HistoryEntry, RecordedChange, history};
use crate::features::tags;
use crate::http::page::Segment;
use crate::http::scope::Scope;
use crate::http::walk::{Batch, Keyed, SMALL_ROW};

/// The history of a transaction, the last operation first.
#[derive(Debug, Clone, Copy)]
pub(super) struct HistoryList {
    pub(super) transaction_id: i64,
}

/// The entries whose changes are read at once: each may have 50 kB.
const PORTION: i64 = 20;

/// The changes of one query for the ranges of the next entries.
const CHANGES_AT_ONCE: usize = 1_000;

impl Keyed for HistoryList {
    type Row = HistoryEntry;
    type Key = ChangeRange;

    fn key(row: &HistoryEntry) -> ChangeRange {
        row.run
    }

    async fn read(
        &self,
        scope: &mut Scope<'_>,
        segment: &Segment<ChangeRange>,
        batch: &mut Batch<HistoryEntry>,
    ) -> Result<(), sqlx::Error> {
        let backwards = segment.is_backwards();
        let mut edge = match segment.key() {
            Some(run) if backwards => run.last,
            Some(run) => run.first,
            None => i64::MAX,
        };
        while !batch.is_full() {
            let wanted = PORTION.min(segment.limit - i64::try_from(batch.len()).unwrap_or(i64::MAX));
            let runs = self.runs(scope, edge, backwards, usize::try_from(wanted).unwrap_or(0)).await?;
            let Some(end) = runs.last() else { break };
            edge = if backwards { end.last } else { end.first };
            for entry in self.entries(scope, &runs, backwards).await? {
                let bytes = entry.bytes() + SMALL_ROW;
                batch.push(entry, bytes);
            }
            if i64::try_from(runs.len()).is_ok_and(|runs| runs < wanted) {
                batch.goes_on(false);
                break;
            }
            // There may be no more, which the next batch sees.
            batch.goes_on(true);
        }
        Ok(())
    }
}

impl HistoryList {
    /// The next ranges of changes after a change. Only their ids are read.
    async fn runs(
        self,
        scope: &mut Scope<'_>,
        mut edge: i64,
        backwards: bool,
        wanted: usize,
    ) -> Result<Vec<ChangeRange>, sqlx::Error> {
        let (compare, order) = if backwards { (">", "asc") } else { ("<", "desc") };
        let sql = format!(
            r"
            select id, operation_id
            from changes
            where user_id = $1 and entity_id = $2 and entity in ('transactions', 'transaction_tags') and id {compare} $3
            order by id {order}
            limit {CHANGES_AT_ONCE}
            "
        );
        let mut runs: Vec<(i64, ChangeRange)> = Vec::new();
        loop {
            let rows: Vec<(i64, i64)> = sqlx::query_as(AssertSqlSafe(sql.clone()))
                .bind(scope.user_id)
                .bind(self.transaction_id)
                .bind(edge)
                .fetch_all(&mut *scope.connection)
                .await?;
            for (id, operation) in &rows {
                edge = *id;
                if let Some((_, run)) = runs.last_mut().filter(|(of, _)| of == operation) {
                    *run = ChangeRange { first: run.first.min(*id), last: run.last.max(*id) };
                    continue;
                }
                if runs.len() == wanted {
                    // The last range is complete.
                    return Ok(runs.into_iter().map(|(_, run)| run).collect());
                }
                runs.push((*operation, ChangeRange { first: *id, last: *id }));
            }
            if rows.len() < CHANGES_AT_ONCE {
                return Ok(runs.into_iter().map(|(_, run)| run).collect());
            }
        }
    }

    /// The entries of these ranges, in the same order.
    async fn entries(
        self,
        scope: &mut Scope<'_>,
        runs: &[ChangeRange],
        backwards: bool,
    ) -> Result<Vec<HistoryEntry>, sqlx::Error> {
        let first = runs.iter().map(|run| run.first).min().unwrap_or_default();
        let last = runs.iter().map(|run| run.last).max().unwrap_or_default();
        let changes = sqlx::query_as!(
            RecordedChange,
            r#"
            select
                c.id,
                c.operation_id,
                o.kind as operation,
                o.created_at,
                c.tag_id,
                c.before - '{id,user_id,search,created_at,updated_at}'::text[] as before,
                c.after - '{id,user_id,search,created_at,updated_at}'::text[] as after
            from changes c
            join operations o on o.user_id = c.user_id and o.id = c.operation_id
            where c.user_id = $1 and c.entity_id = $2 and c.entity in ('transactions', 'transaction_tags')
                and c.id between $3 and $4
            order by c.id desc
            "#,
            scope.user_id,
            self.transaction_id,
            first,
            last,
        )
        .fetch_all(&mut *scope.connection)
        .await?;
        let tag_ids: Vec<i64> = changes.iter().filter_map(|change| change.tag_id).collect();
        let names = match tag_ids.as_slice() {
            [] => HashMap::new(),
            ids => tags::store::names(scope, ids).await?,
        };
        let mut entries = history(changes, scope.user_id, &names);
        if backwards {
            entries.reverse();
        }
        Ok(entries)
    }
}

/// Tells if changes of a transaction are recorded.
pub(super) async fn is_recorded(scope: &mut Scope<'_>, transaction_id: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select exists (
            select from changes
            where user_id = $1 and entity_id = $2 and entity in ('transactions', 'transaction_tags')
        ) as "exists!"
        "#,
        scope.user_id,
        transaction_id,
    )
    .fetch_one(&mut *scope.connection)
    .await
}
