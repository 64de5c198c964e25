//! A schema as PostgreSQL describes it, and how two of them differ.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

const QUERY: &str = include_str!("catalog.sql");

/// The objects of a schema, with what PostgreSQL says of each. It says it differently in each major version, so only two
/// of one server are to be compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::migrate) struct Catalog(BTreeMap<(String, String), String>);

/// Reads the schema of a database, at one moment.
pub(in crate::migrate) async fn read(connection: &mut PgConnection) -> Result<Catalog, sqlx::Error> {
    let message =
        format!("begin isolation level repeatable read read only; set local search_path = ''; {QUERY}; commit");
    let rows = sqlx::raw_sql(AssertSqlSafe(message)).fetch_all(connection).await?;
    let object = |row: &sqlx::postgres::PgRow| {
        let definition: Option<String> = row.try_get("definition")?;
        Ok(((row.try_get("kind")?, row.try_get("name")?), definition.unwrap_or_default()))
    };
    rows.iter().map(object).collect::<Result<_, sqlx::Error>>().map(Catalog)
}

impl Catalog {
    /// What differs between the schema that there should be, and this one; an object a line.
    pub(in crate::migrate) fn differences_from(&self, expected: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for ((kind, name), definition) in &expected.0 {
            match self.0.get(&(kind.clone(), name.clone())) {
                None => lines.push(format!("the database lacks the {kind} {name}{}", shown(definition))),
                Some(found) if found != definition => {
                    lines.push(format!("the {kind} {name} is `{found}` in the database, and should be `{definition}`"));
                }
                Some(_) => {}
            }
        }
        let extra = self.0.iter().filter(|(key, _)| !expected.0.contains_key(*key));
        lines.extend(extra.map(|((kind, name), definition)| {
            format!("the database has a {kind} that it should not: {name}{}", shown(definition))
        }));
        lines
    }
}

fn shown(definition: &str) -> String {
    if definition.is_empty() { String::new() } else { format!(" `{definition}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(objects: &[(&str, &str, &str)]) -> Catalog {
        let object = |(kind, name, definition): &(&str, &str, &str)| {
            (((*kind).to_owned(), (*name).to_owned()), (*definition).to_owned())
        };
        Catalog(objects.iter().map(object).collect())
    }

    #[test]
    fn what_differs_is_told_object_by_object() {
        let expected = catalog(&[("table", "public.a", ""), ("column", "public.a.id", "bigint")]);
        let found = catalog(&[("column", "public.a.id", "integer"), ("view", "public.v", "select 1")]);
        assert_eq!(
            found.differences_from(&expected),
            [
                "the column public.a.id is `integer` in the database, and should be `bigint`",
                "the database lacks the table public.a",
                "the database has a view that it should not: public.v `select 1`",
            ]
        );
        assert!(found.differences_from(&found).is_empty());
    }
}
