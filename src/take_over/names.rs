//! The categories. The original has a text with each transaction; here a user has one category for all spellings that look the same,
//! called as it was written most often.

use sqlx::{Executor as _, PgConnection};

use super::entry::{cut, end, put};
use super::session::transform;
use crate::domain::name::clean;
pub(super) use crate::domain::name::is_seen;
use crate::features::categories::{MAX_NAME, OTHER, is_other};

/// Each text that somebody wrote, once.
const WRITTEN: &str = "
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

/// A text that somebody wrote.
#[derive(sqlx::FromRow)]
struct Written {
    n: i64,
    category: String,
}

/// Makes `take_over_names`: what each text of a category is as a name.
pub(super) async fn write_all(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(WRITTEN).await?;
    let select = "select n, left(category, 5001) as category from take_over_written".to_owned();
    let make = |written: Written, rows: &mut Vec<u8>| {
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

/// A category's name, and whether it was cut.
fn name_of(written: &str) -> (String, bool) {
    let name = clean(written);
    let (name, is_long) = match cut(&name, MAX_NAME) {
        // What stands before the cut may need what stood behind it.
        Some(beginning) => (clean(beginning), true),
        None => (name, false),
    };
    if name.is_empty() { (OTHER.to_owned(), is_long) } else { (name, is_long) }
}

/// The most used spelling of each name, the older one of two. Those that everybody begins with are there already, and are called as
/// the user called them.
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

/// Makes the categories, and `take_over_places`: which one each text falls into.
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
