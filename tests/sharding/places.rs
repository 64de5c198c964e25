//! Places of a statement where Citus allows immutable functions only, as those run on the server that has the rows, and could have
//! another result there.
//!
//! These are its own rules: see `ModifyQuerySupported` and the like in its planner. It looks at changes of sharded tables, and of
//! `users`, which each server has whole.

use std::collections::{BTreeSet, HashMap};

use sqlx::{ConnectOptions as _, PgConnection};

use super::node_tree::{self, Tree, by_id};
use crate::support::twin::twin;

/// The functions that are not immutable, by what a statement refers to.
pub(super) struct Mutable {
    functions: HashMap<String, String>,
    operators: HashMap<String, String>,
    read_types: HashMap<String, String>,
    written_types: HashMap<String, String>,
    /// The tables of users, and `users`.
    tables: HashMap<String, String>,
}

impl Mutable {
    pub(super) async fn of(connection: &mut PgConnection) -> Self {
        Self {
            functions: by_id(connection, "select oid::text, proname::text from pg_proc where provolatile <> 'i'").await,
            operators: by_id(
                connection,
                "select o.oid::text, p.proname::text from pg_operator o join pg_proc p on p.oid = o.oprcode
                where p.provolatile <> 'i'",
            )
            .await,
            read_types: by_id(
                connection,
                "select t.oid::text, p.proname::text from pg_type t join pg_proc p on p.oid = t.typinput
                where p.provolatile <> 'i'",
            )
            .await,
            written_types: by_id(
                connection,
                "select t.oid::text, p.proname::text from pg_type t join pg_proc p on p.oid = t.typoutput
                where p.provolatile <> 'i'",
            )
            .await,
            tables: by_id(
                connection,
                "select c.oid::text, c.relname::text from pg_class c
                where c.relnamespace = current_schema()::regnamespace and (c.relkind = 'p' or c.relname = 'users')",
            )
            .await,
        }
    }

    /// The function that is not immutable, if a node calls one.
    fn called<'a>(&'a self, node: &'a Tree) -> Option<&'a str> {
        let function =
            ["funcid", "aggfnoid", "winfnoid"].iter().find_map(|field| self.functions.get(node.atom(field)?));
        let operator = || self.operators.get(node.atom("opno")?);
        let conversion = || {
            let read = self.read_types.get(node.atom("resulttype")?);
            let written = node.field("arg").first().and_then(result_type).and_then(|id| self.written_types.get(id));
            Some(read.or(written)?).filter(|_| node.label() == "COERCEVIAIO")
        };
        let named = || ["SQLVALUEFUNCTION", "NEXTVALUEEXPR"].into_iter().find(|label| *label == node.label());
        function.or_else(operator).or_else(conversion).map(String::as_str).or_else(named)
    }

    /// The functions that are not immutable in a part of a statement, with those in sub-selects if `deep`.
    fn within<'a>(&'a self, part: &'a Tree, deep: bool) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        part.walk(&mut |node| {
            found.extend(self.called(node));
            deep || node.label() != "QUERY"
        });
        found
    }

    /// The faults of a statement.
    pub(super) fn faults(&self, statement: &Tree) -> Vec<String> {
        let mut faults = Vec::new();
        statement.walk(&mut |node| {
            if node.label() == "QUERY" {
                faults.extend(self.faults_of_query(node));
            }
            true
        });
        faults
    }

    fn faults_of_query(&self, query: &Tree) -> Vec<String> {
        let Some((kind, table)) = self.changed_table(query) else { return Vec::new() };
        let mut faults = Vec::new();
        let mut add = |place: &str, functions: BTreeSet<&str>| {
            let found = !functions.is_empty();
            faults.extend(found.then(|| format!("not immutable in `{place}` of a change of {table}: {functions:?}")));
        };
        for (field, place) in [("returningList", "returning"), ("onConflict", "on conflict")] {
            query.field(field).iter().for_each(|part| add(place, self.within(part, true)));
        }
        if kind == "3" {
            return faults;
        }
        let expressions =
            query.field("jointree").iter().chain(query.field("targetList").iter().filter(|_| kind == "2"));
        for part in expressions {
            part.walk(&mut |node| {
                if node.label() == "QUERY" {
                    return false;
                }
                let is_lazy = is_case(node) || node.label().starts_with("COALESCE");
                if is_lazy {
                    add("case or coalesce", self.within(node, false));
                }
                !is_lazy
            });
        }
        if kind == "2" {
            query.walk(&mut |node| {
                if is_case(node) && node.field("arg").iter().any(|arg| matches!(arg, Tree::Node(..))) {
                    faults.push(format!("`case … when` with a value to compare in an update of {table}"));
                }
                true
            });
        }
        faults
    }

    /// The kind of a change, and its table, if Citus looks at it.
    fn changed_table<'a>(&'a self, query: &'a Tree) -> Option<(&'a str, &'a str)> {
        let kind = query.atom("commandType").filter(|kind| ["2", "3", "4"].contains(kind))?;
        let [Tree::List(tables)] = query.field("rtable") else { return None };
        let number: usize = query.atom("resultRelation")?.parse().ok()?;
        Some((kind, self.tables.get(tables.get(number.checked_sub(1)?)?.atom("relid")?)?))
    }
}

fn is_case(node: &Tree) -> bool {
    ["CASE", "CASEEXPR"].contains(&node.label())
}

/// The type of an expression.
fn result_type(node: &Tree) -> Option<&str> {
    let fields = [
        "vartype",
        "consttype",
        "paramtype",
        "funcresulttype",
        "opresulttype",
        "resulttype",
        "casetype",
        "coalescetype",
    ];
    fields.iter().find_map(|field| node.atom(field))
}

/// The statements that have a function where it cannot be.
pub(super) async fn faults(statements: &[(String, Vec<String>)]) -> String {
    let mut connection = twin().await.connect().await.expect("connected");
    let mutable = Mutable::of(&mut connection).await;
    let mut told = String::new();
    for (text, types) in statements {
        let faults = mutable.faults(&node_tree::read(&mut connection, text, types).await);
        if !faults.is_empty() {
            told += &format!("\n--- refused by Citus: {}:\n{text}", faults.join("; "));
        }
    }
    told
}

#[tokio::test]
async fn what_citus_refuses_is_found() {
    let mut connection = twin().await.connect().await.expect("connected");
    let mutable = Mutable::of(&mut connection).await;
    let with = |text: &str| text.to_owned();
    let wrong = [
        with("insert into tags (user_id, name) values (1, 'a') returning set_config('a', 'b', true)"),
        with("insert into tags (user_id, name) values (1, 'a') returning (select now())"),
        with("insert into usage (user_id) values (1) on conflict (user_id) do update set counted_at = now()"),
        with(
            "insert into usage (user_id) values (1) on conflict (user_id) do update set counted_at = current_timestamp",
        ),
        with(
            "insert into usage as u (user_id) values (1) on conflict (user_id) do update set tags = 1
            where u.counted_at < now()",
        ),
        with(
            "insert into usage as u (user_id) values (1) on conflict (user_id) do update set tags = 1
            where u.counted_at - interval '1 day' > excluded.counted_at",
        ),
        with("update tags set name = case when user_id = 1 then concat_ws(' ', name, color) else name end"),
        with("update tags set color = coalesce(color, to_char(now(), 'YYYY'))"),
        with("delete from tags where case when name = 'a' then created_at < now() end"),
        with("update transactions set category_id = case type when 'INCOME' then 1 else 2 end where user_id = 1"),
        with("update tags t set name = (select case t.name when 'a' then 'b' end) where user_id = 1"),
        with("update transactions set note = case when type::text = 'INCOME' then 'a' end where user_id = 1"),
        with("update transactions set type = case when note = 'a' then note::transaction_type end where user_id = 1"),
        with("with a as (update tags set name = name returning now()) select * from a"),
        with("update users set name = case when name is null then current_setting('a') end"),
    ];
    for text in wrong {
        let faults = mutable.faults(&node_tree::read(&mut connection, &text, &[]).await);
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
    }
    let right = [
        with("update tags set updated_at = now() where user_id = 1 returning id"),
        with("select case name when 'a' then now() end from tags"),
        with(
            "insert into usage as u (user_id) values (1) on conflict (user_id) do update
            set counted_at = excluded.counted_at, tags = u.tags + 1
            where excluded.counted_at - u.counted_at > interval '1 day'",
        ),
        with("update tags set name = case when name = 'a' then name || ' ' || color end where user_id = 1"),
        with("insert into invites (code_hash, uses_left, expires_at) values ('a', 1, now()) returning now()"),
    ];
    for text in right {
        let faults = mutable.faults(&node_tree::read(&mut connection, &text, &[]).await);
        assert_eq!(faults, [""; 0], "{text}");
    }
}
