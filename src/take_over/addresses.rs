//! E-mail addresses of users: folded as at registration, or replaced from a file.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use sqlx::{Executor as _, PgConnection};

use super::copy_format::{end, put, put_optional};
use super::error::TakeOverError;
use super::session::transform;
use crate::features::auth::kept_address;

/// The maximum size of the file, which is written by hand.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// New addresses by user id.
pub type AddressFile = HashMap<i32, String>;

/// Reads a file with lines such as `42,new.address@example.com`.
///
/// # Errors
/// [`TakeOverError::NotApplicable`] with the first invalid line.
pub fn read_address_file(path: &Path) -> Result<AddressFile, TakeOverError> {
    let bad =
        |problem: String| TakeOverError::NotApplicable(format!("{}: {problem}; nothing was changed.", path.display()));
    let size = std::fs::metadata(path).map_err(|error| bad(error.to_string()))?.len();
    if size > MAX_FILE {
        return Err(bad("it is larger than 64 MiB".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    parse(&text).map_err(bad)
}

fn parse(text: &str) -> Result<AddressFile, String> {
    let mut found = AddressFile::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |problem: &str| {
            format!(
                "line {number}: {problem}; each line has an id, a comma, and a new \
             address"
            )
        };
        let (id, address) = line.split_once(',').ok_or_else(|| wrong("there is no comma"))?;
        let id: i32 = id.trim().parse().map_err(|_| wrong("it does not begin with an id"))?;
        let address = kept_address(address).ok_or_else(|| wrong("the address is not valid"))?;
        if found.insert(id, address).is_some() {
            return Err(wrong("an earlier line has the same id"));
        }
    }
    Ok(found)
}

/// The user data that is folded.
#[derive(sqlx::FromRow)]
struct UserRow {
    id: i32,
    email: String,
    name: Option<String>,
}

/// Creates `take_over_users` with the address (null if the original's is invalid) and the name of each user.
pub(super) async fn fold_all(connection: &mut PgConnection, others: &AddressFile) -> Result<(), TakeOverError> {
    connection
        .execute(
            "create temp table take_over_users (id integer primary key, email text, name text, given boolean not null) on commit \
             drop",
        )
        .await?;
    let select = "select id, left(email, 1000) as email, left(name, 5001) as name from original_users".to_owned();
    let make = |user: UserRow, rows: &mut Vec<u8>| {
        let given = others.get(&user.id);
        let address = given.cloned().or_else(|| kept_address(&user.email));
        let name = user.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        put(rows, &user.id.to_string());
        put_optional(rows, address.as_deref());
        put_optional(rows, name);
        put(rows, if given.is_some() { "t" } else { "f" });
        end(rows);
    };
    transform(connection, select, "take_over_users", make, |_| ()).await?;
    connection.execute("analyze take_over_users").await?;
    let given: Vec<i32> =
        sqlx::query_scalar("select id from take_over_users where given").fetch_all(&mut *connection).await?;
    let given: HashSet<i32> = given.into_iter().collect();
    match others.keys().filter(|id| !given.contains(id)).min() {
        None => Ok(()),
        Some(id) => Err(TakeOverError::NotApplicable(format!(
            "the file of addresses names the user {id}, but the original has no such user; nothing was changed."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_addresses_is_read_and_the_line_that_is_wrong_is_told() {
        let found = parse("\u{feff}# who is who\n1, A@X.co \n\n 7,b@x.co\r\n").expect("addresses");
        assert_eq!((found[&1].as_str(), found[&7].as_str()), ("a@x.co", "b@x.co"));
        for (text, line) in
            [("1;a@x.co", 1), ("\nx,a@x.co", 2), ("1,a@x", 1), ("1,a@x.co\n1,b@x.co", 2), ("99999999999,a@x.co", 1)]
        {
            let problem = parse(text).expect_err(text);
            assert!(problem.starts_with(&format!("line {line}: ")), "{text}: {problem}");
        }
    }
}
