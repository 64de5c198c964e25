//! PostgreSQL's own reading of a statement, as it stores that of a function whose body is SQL.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::cluster::run;

/// A part of the tree.
#[derive(Debug)]
pub(super) enum Tree {
    /// A node, with its fields. Some values have several parts.
    Node(String, Vec<(String, Vec<Tree>)>),
    List(Vec<Tree>),
    Atom(String),
}

/// Reads a statement with parameters of these types.
pub(super) async fn read(connection: &mut PgConnection, text: &str, types: &[String]) -> Tree {
    run(connection, "begin".to_owned()).await;
    let parameters = types.join(", ");
    run(
        connection,
        format!("create function probe({parameters}) returns void language sql begin atomic\n{text}\n;\nend"),
    )
    .await;
    let sql = "select prosqlbody::text from pg_proc where proname = 'probe' and pronamespace = current_schema()::regnamespace";
    let stored: String = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.expect("a body");
    run(connection, "rollback".to_owned()).await;
    let tokens = tokens(&stored);
    let mut rest = tokens.as_slice();
    let tree = tree(&mut rest);
    assert!(rest.is_empty(), "not read: {rest:?}");
    tree
}

fn tokens(stored: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut token = String::new();
    let mut characters = stored.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\n' | '(' | ')' | '{' | '}' => {
                if !token.is_empty() {
                    tokens.push(std::mem::take(&mut token));
                }
                if !character.is_whitespace() {
                    tokens.push(character.to_string());
                }
            }
            // Whatever comes next is part of the token.
            '\\' => token.extend(characters.next()),
            '"' => {
                token.push('"');
                while let Some(inner) = characters.next().filter(|inner| *inner != '"') {
                    token.extend(if inner == '\\' { characters.next() } else { Some(inner) });
                }
            }
            _ => token.push(character),
        }
    }
    tokens
}

fn tree(rest: &mut &[String]) -> Tree {
    let (first, others) = rest.split_first().expect("a token");
    *rest = others;
    match first.as_str() {
        "(" => {
            let mut items = Vec::new();
            while rest[0] != ")" {
                items.push(tree(rest));
            }
            *rest = &rest[1..];
            Tree::List(items)
        }
        "{" => {
            let (label, others) = rest.split_first().expect("a label");
            *rest = others;
            let mut fields: Vec<(String, Vec<Tree>)> = Vec::new();
            while rest[0] != "}" {
                if let Some(name) = rest[0].strip_prefix(':') {
                    fields.push((name.to_owned(), Vec::new()));
                    *rest = &rest[1..];
                } else {
                    let value = tree(rest);
                    fields.last_mut().expect("a field").1.push(value);
                }
            }
            *rest = &rest[1..];
            Tree::Node(label.clone(), fields)
        }
        atom => Tree::Atom(atom.to_owned()),
    }
}

impl Tree {
    /// The label of a node.
    pub(super) fn label(&self) -> &str {
        match self {
            Self::Node(label, _) => label,
            _ => "",
        }
    }

    /// The parts of a field.
    pub(super) fn field(&self, name: &str) -> &[Self] {
        match self {
            Self::Node(_, fields) => fields.iter().find(|(field, _)| field == name).map_or(&[], |(_, value)| value),
            _ => &[],
        }
    }

    /// The value of a field that is a word or a number.
    pub(super) fn atom(&self, name: &str) -> Option<&str> {
        match self.field(name) {
            [Self::Atom(atom)] if atom != "<>" => Some(atom),
            _ => None,
        }
    }

    pub(super) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Node(_, fields) => fields.iter().flat_map(|(_, value)| value).collect(),
            Self::List(items) => items.iter().collect(),
            Self::Atom(_) => Vec::new(),
        }
    }

    /// Calls `visit` with each node, the outer ones first, as long as it returns true for those around it.
    pub(super) fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self) -> bool) {
        if visit(self) {
            self.children().into_iter().for_each(|child| child.walk(visit));
        }
    }
}

/// Texts by the ids of catalog rows.
pub(super) async fn by_id(
    connection: &mut PgConnection,
    sql: &'static str,
) -> std::collections::HashMap<String, String> {
    let rows: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await.expect(sql);
    rows.into_iter().collect()
}
