//! Categories. The original stores a text per transaction; here, all spellings of a user that look the same are one
//! category with the most frequent spelling as its name.

use sqlx::{Executor as _, PgConnection};

use super::copy_format::{end, put};
use super::entry::cut;
use super::session::transform;
use crate::domain::name::clean;
use crate::features::categories::{MAX_NAME, OTHER, is_other};

/// Each distinct text of a category.
const CATEGORY_TEXTS: &str = "
create temp table take_over_written on commit drop as
select
    row_number() over () as n,
    user_id,
    kind,
    category,
    count(*) as rows,
    min(id) as first_id
from take_over_rows
group by user_id, kind, category;

create temp table take_over_names (n bigint primary key, name text not null, is_other boolean not null, is_long boolean not null)
on commit drop;
";

/// A distinct text of a category.
#[derive(sqlx::FromRow)]
struct CategoryText {
    n: i64,
    category: String,
}

/// Creates `take_over_names` with the category name for each text.
pub(super) async fn create_names(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(CATEGORY_TEXTS).await?;
    let select = "select n, left(category, 5001) as category from take_over_written".to_owned();
    let make = |written: CategoryText, rows: &mut Vec<u8>| {
        let (name, is_long) = name_of(&written.category);
        put(rows, &written.n.to_string());
        put(rows, &name);
        put(rows, if is_other(&name) { "t" } else { "f" });
        put(rows, if is_long { "t" } else { "f" });
        end(rows);
    };
    transform(connection, select, "take_over_names", make, |_| ()).await?;
    connection.execute("analyze take_over_written; analyze take_over_names").await?;
    Ok(())
}

/// The category name for a text, and true if it was cut.
fn name_of(written: &str) -> (String, bool) {
    let name = clean(written);
    let (name, is_long) = match cut(&name, MAX_NAME) {
        // Cutting may leave an incomplete sequence at the end, so the beginning is cleaned again.
        Some(beginning) => (clean(beginning), true),
        None => (name, false),
    };
    if name.is_empty() { (OTHER.to_owned(), is_long) } else { (name, is_long) }
}

/// Chooses the most frequent spelling of each name, or the older of two equally frequent ones. Default categories exist
/// already; they get the spelling of the user.
const CATEGORIES: &str = "
create temp table take_over_chosen on commit drop as
select distinct on (user_id, kind, key) user_id, kind, key, name, first_id
from (
    select
        w.user_id,
        w.kind,
        name_key(n.name) as key,
        n.name,
        sum(w.rows) as rows,
        min(w.first_id) as first_id
    from take_over_written w
    join take_over_names n using (n)
    group by w.user_id, w.kind, n.name
) spelled
order by user_id, kind, key, rows desc, first_id;
analyze take_over_chosen;

update categories c
set name = s.name
from take_over_chosen s
where c.user_id = s.user_id and c.kind = s.kind and name_key(c.name) = s.key and c.name <> s.name;

insert into categories (user_id, kind, name)
select user_id, kind, name
from take_over_chosen s
where not exists (
    select from categories c where c.user_id = s.user_id and c.kind = s.kind and name_key(c.name) = s.key
)
order by user_id, first_id;

create temp table take_over_places on commit drop as
select w.user_id, w.kind, w.category, w.rows, n.is_other, n.is_long, c.name, c.id as category_id
from take_over_written w
join take_over_names n using (n)
join categories c on c.user_id = w.user_id and c.kind = w.kind and name_key(c.name) = name_key(n.name);
analyze take_over_places;
";

/// Creates the categories, and `take_over_places` with the category of each text.
pub(super) async fn make_categories(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(CATEGORIES).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_called_as_it_was_written() {
        for (written, name) in [
            (" Food & Dining ", "Food & Dining"),
            ("อาหาร", "อาหาร"),
            ("", "Other"),
            (" \u{200b}\u{a0}", "Other"),
            ("Cafe\u{301}", "Café"),
        ] {
            assert_eq!(name_of(written), (name.to_owned(), false), "{written:?}");
        }
        let (name, is_long) = name_of(&format!("{} {}", "a".repeat(99), "b".repeat(10)));
        assert_eq!((name, is_long), ("a".repeat(99), true));
        assert!(!name_of(&"a".repeat(100)).1);
    }
}
