//! Writes everything that was entered since a take-over to a file, one JSON document per line, before it is deleted.

use std::fs::OpenOptions;
use std::io::{BufWriter, Error, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use futures_util::TryStreamExt as _;
use sqlx::PgConnection;

use super::error::TakeOverError;

/// Users come first, then their transactions.
const USERS: &str = "
select json_build_object('what', 'user', 'state', 'entered', 'id', u.id, 'email', u.email, 'name', u.name, 'createdAt', u.created_at)::text
from users u
where not exists (select from undo_users o where o.id = u.id and o.created_at = u.created_at)
order by u.id";

const TRANSACTIONS: &str = "
select json_build_object(
    'what', 'transaction',
    'state', case when o.id is null or t.created_at > at then 'entered' else 'changed' end,
    'id', t.id, 'userId', t.user_id, 'email', u.email, 'title', t.title, 'titleEn', t.title_en, 'amount', trim_scale(t.amount)::text,
    'currency', t.currency, 'type', t.type, 'category', c.name, 'date', t.date, 'note', t.note, 'payee', p.name,
    'tags', (
        select coalesce(json_agg(g.name order by g.name), '[]')
        from transaction_tags l
        join tags g on g.user_id = l.user_id and g.id = l.tag_id
        where l.user_id = t.user_id and l.transaction_id = t.id
    ),
    'createdAt', t.created_at, 'updatedAt', t.updated_at
)::text
from undo_moment, transactions t
join users u on u.id = t.user_id
join categories c on c.user_id = t.user_id and c.id = t.category_id
left join payees p on p.user_id = t.user_id and p.id = t.payee_id
left join undo_transactions o on o.id = t.id
where o.id is null or t.created_at > at or t.updated_at <> t.created_at
order by t.id";

const DELETED: &str = "
select json_build_object('what', 'transaction', 'state', 'deleted', 'id', o.id, 'userId', o.user_id)::text
from undo_transactions o
left join transactions t using (id)
where t.id is null and o.amount <> 0
order by o.id";

const OTHERS: &str = "
select json_build_object('what', what, 'state', case when updated_at > created_at then 'changed' else 'entered' end, 'id', id,
    'userId', user_id, 'name', name, 'createdAt', created_at, 'updatedAt', updated_at)::text
from undo_others
order by what, id";

/// The file name for standard output.
const STANDARD_OUTPUT: &str = "-";

/// Writes the file, readable by its owner only, and syncs it to disk.
pub(super) async fn write(connection: &mut PgConnection, path: &Path) -> Result<(), TakeOverError> {
    let cannot = |error: Error| {
        TakeOverError::File(format!(
            "{} cannot be written: {error}; nothing was changed. Name another file with --keep.",
            path.display()
        ))
    };
    if path == Path::new(STANDARD_OUTPUT) {
        return write_all(connection, &mut std::io::stdout()).await?.map_err(cannot);
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(cannot)?;
    let mut file = BufWriter::new(file);
    let written = write_all(connection, &mut file).await;
    let kept = written.map(|written| written.and_then(|()| file.get_ref().sync_all()));
    if !matches!(kept, Ok(Ok(()))) {
        remove(path);
    }
    kept?.map_err(cannot)
}

/// Removes a file that is incomplete, or describes rows that were not deleted after all.
pub(super) fn remove(path: &Path) {
    if path != Path::new(STANDARD_OUTPUT) {
        let _ = std::fs::remove_file(path);
    }
}

async fn write_all(
    connection: &mut PgConnection,
    to: &mut (impl Write + Send),
) -> Result<Result<(), Error>, sqlx::Error> {
    for select in [USERS, TRANSACTIONS, DELETED, OTHERS] {
        let mut lines = sqlx::query_scalar::<_, String>(select).fetch(&mut *connection);
        while let Some(line) = lines.try_next().await? {
            if let Err(error) = writeln!(to, "{line}") {
                return Ok(Err(error));
            }
        }
    }
    Ok(to.flush())
}
