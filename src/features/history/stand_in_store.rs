//! Replacements for categories, payees and tags of a deleted transaction that are gone.
//!
//! A row that was merged is replaced by the one that stays. A deleted category is replaced by the one that has its name now, or
//! else by `Other`; a deleted payee or tag is removed, as it was from all transactions.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::domain::transaction_type::TransactionType;
use crate::features::categories::names_store;
use crate::http::scope::Scope;

/// The ids of the replacements, by the ids of the rows that are gone; `null` without a replacement.
#[derive(Debug, Default)]
pub(super) struct StandIns {
    pub(super) categories: Map<String, Value>,
    pub(super) payees: Map<String, Value>,
    pub(super) tags: Map<String, Value>,
}

impl StandIns {
    /// Finds the replacements for the transactions that an operation deleted, or for one of them.
    pub(super) async fn find(scope: &mut Scope<'_>, operation_id: i64, only: Option<i64>) -> Result<Self, sqlx::Error> {
        let gone = gone(scope, operation_id, only).await?;
        let mut stand_ins = Self::default();
        for (entity, ids) in gone {
            let merged = merged_into(scope, &entity, ids.clone()).await?;
            for id in ids {
                let mut stand_in = merged.get(&id).copied();
                if stand_in.is_none() && entity == "categories" {
                    stand_in = Some(instead_of_category(scope, id).await?);
                }
                let map = match entity.as_str() {
                    "categories" => &mut stand_ins.categories,
                    "payees" => &mut stand_ins.payees,
                    _ => &mut stand_ins.tags,
                };
                map.insert(id.to_string(), stand_in.map_or(Value::Null, Value::from));
            }
        }
        Ok(stand_ins)
    }
}

/// The categories, payees and tags of deleted transactions that are gone, by table.
async fn gone(
    scope: &mut Scope<'_>,
    operation_id: i64,
    only: Option<i64>,
) -> Result<Vec<(String, Vec<i64>)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        with deleted as materialized (
            select entity, before, tag_id
            from changes
            where user_id = $1 and operation_id = $2 and after is null and entity in ('transactions', 'transaction_tags')
                and ($3::bigint is null or entity_id = $3)
        ), named as (
            select distinct 'categories' as entity, (before ->> 'category_id')::bigint as id
            from deleted
            where entity = 'transactions'
            union
            select 'payees', (before ->> 'payee_id')::bigint
            from deleted
            where entity = 'transactions' and before ->> 'payee_id' is not null
            union
            select 'tags', tag_id
            from deleted
            where entity = 'transaction_tags'
        )
        select
            n.entity as "entity!",
            array_agg(n.id) as "ids!"
        from named n
        where case n.entity
            when 'categories' then (select c.id from categories c where c.user_id = $1 and c.id = n.id)
            when 'payees' then (select p.id from payees p where p.user_id = $1 and p.id = n.id)
            else (select t.id from tags t where t.user_id = $1 and t.id = n.id)
        end is null
        group by n.entity
        "#,
        scope.user_id,
        operation_id,
        only,
    );
    Ok(rows.fetch_all(&mut *scope.connection).await?.into_iter().map(|row| (row.entity, row.ids)).collect())
}

/// The ids of the rows that stayed, by the ids of those that were merged into them.
async fn merged_into(scope: &mut Scope<'_>, entity: &str, ids: Vec<i64>) -> Result<HashMap<i64, i64>, sqlx::Error> {
    let mut stays: HashMap<i64, i64> = HashMap::new();
    // Pairs of the first row and of the row it is by now: a row that stayed may have been merged itself since.
    let mut wanted: Vec<(i64, i64)> = ids.into_iter().map(|id| (id, id)).collect();
    let mut seen: HashSet<(i64, i64)> = wanted.iter().copied().collect();
    while !wanted.is_empty() {
        let current: Vec<i64> = wanted.iter().map(|(_, current)| *current).collect();
        let next = steps(scope, entity, &current).await?;
        let followed = wanted.iter().filter_map(|(first, current)| {
            let (into, is_there) = next.get(current)?;
            Some((*first, *into, *is_there))
        });
        let mut further = Vec::new();
        for (first, into, is_there) in followed {
            if is_there {
                stays.insert(first, into);
            } else if seen.insert((first, into)) {
                further.push((first, into));
            }
        }
        wanted = further;
    }
    Ok(stays)
}

/// The last merge of each row: the row that stayed, and if it exists. Merges that were undone do not count.
async fn steps(scope: &mut Scope<'_>, entity: &str, ids: &[i64]) -> Result<HashMap<i64, (i64, bool)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select distinct on (m.id)
            m.id,
            m.into_id,
            case m.entity
                when 'categories' then (select c.id from categories c where c.user_id = $1 and c.id = m.into_id)
                when 'payees' then (select p.id from payees p where p.user_id = $1 and p.id = m.into_id)
                else (select t.id from tags t where t.user_id = $1 and t.id = m.into_id)
            end is not null as "is_there!"
        from merged m
        join operations o on o.user_id = $1 and o.id = m.operation_id and o.undone_by is null
        where m.user_id = $1 and m.entity = $2 and m.id = any ($3)
        order by m.id, m.operation_id desc
        "#,
        scope.user_id,
        entity,
        ids,
    );
    let rows = rows.fetch_all(&mut *scope.connection).await?;
    Ok(rows.into_iter().map(|row| (row.id, (row.into_id, row.is_there))).collect())
}

/// The replacement of a deleted category: the one that has its name now, or else `Other`.
async fn instead_of_category(scope: &mut Scope<'_>, id: i64) -> Result<i64, sqlx::Error> {
    let deleted = sqlx::query!(
        r#"
        select
            before ->> 'name' as "name!",
            (before ->> 'kind')::transaction_type as "kind!: TransactionType"
        from changes
        where user_id = $1 and entity_id = $2 and entity = 'categories' and after is null
        order by id desc
        limit 1
        "#,
        scope.user_id,
        id,
    )
    .fetch_optional(&mut *scope.connection)
    .await?;
    // It was deleted after the transaction, and so its deletion is kept as long.
    let Some(deleted) = deleted else { return Err(sqlx::Error::RowNotFound) };
    match names_store::find_by_name(scope, deleted.kind, &deleted.name).await? {
        Some(id) => Ok(id),
        None => names_store::other(scope, deleted.kind).await,
    }
}
