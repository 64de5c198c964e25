//! SQL of comments, privileges and owners.

use std::collections::BTreeSet;

use crate::schema::catalog::Catalog;
use crate::schema::object::{ObjectKind, SchemaObject};
use crate::schema::render::fragments::{RenderResult, one};
use crate::schema::statement::PlannedStatement;
use crate::sql_text::readable_literal;

/// The SQL name of the object that a comment or an owner belongs to, with its kind.
fn subject(catalog: &Catalog, attached: &SchemaObject) -> Option<(ObjectKind, String)> {
    let subject = catalog.get(attached.parent.as_ref()?)?;
    let (address, ident) = (&subject.address, &subject.ident);
    let kind = subject.kind();
    let text = match kind {
        ObjectKind::Other => return None,
        ObjectKind::Column | ObjectKind::ViewColumn => format!("column {address}.{ident}"),
        ObjectKind::Constraint | ObjectKind::ForeignKey => format!("constraint {ident} on {address}"),
        ObjectKind::DomainConstraint => format!("constraint {ident} on domain {address}"),
        ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule => format!("{kind} {ident} on {address}"),
        ObjectKind::Enum | ObjectKind::RangeType | ObjectKind::CompositeType => format!("type {address}"),
        _ => format!("{kind} {address}"),
    };
    Some((kind, text))
}

pub(crate) fn comment(catalog: &Catalog, to: &SchemaObject) -> Vec<PlannedStatement> {
    let Some((_, subject)) = subject(catalog, to) else { return Vec::new() };
    one(format!("comment on {subject} is {}", readable_literal(to.text("text").unwrap_or_default())))
}

pub(crate) fn no_comment(catalog: &Catalog, from: &SchemaObject) -> Vec<PlannedStatement> {
    subject(catalog, from).map_or_else(Vec::new, |(_, subject)| one(format!("comment on {subject} is null")))
}

pub(crate) fn owner(catalog: &Catalog, attached: &SchemaObject, owner: Option<&str>) -> Vec<PlannedStatement> {
    let Some((_, subject)) = subject(catalog, attached) else { return Vec::new() };
    one(format!("alter {subject} owner to {}", owner.unwrap_or("current_user")))
}

/// The grants and revokes that lead from the old privileges of a role to the new ones.
pub(crate) fn privileges(catalog: &Catalog, from: Option<&SchemaObject>, to: Option<&SchemaObject>) -> RenderResult {
    let attached = to.or(from).ok_or("it has no privileges")?;
    let Some(target) = target(catalog, attached) else { return Err("its object is unknown".into()) };
    let set = |object: Option<&SchemaObject>, property: &str| -> BTreeSet<String> {
        object.into_iter().flat_map(|object| object.list(property)).map(str::to_owned).collect()
    };
    let who = &attached.ident;
    let (held, holds) = (set(from, "granted"), set(to, "granted"));
    let (lacked, lacks) = (set(from, "revoked"), set(to, "revoked"));
    let (gave, gives) = (set(from, "with grant option"), set(to, "with grant option"));
    let mut statements = Vec::new();
    let mut add = |privileges: BTreeSet<String>, sql: &dyn Fn(String) -> String| {
        if !privileges.is_empty() {
            let words = privileges.iter().map(|privilege| target.privilege(privilege)).collect::<Vec<_>>().join(", ");
            statements.extend(one(sql(words)));
        }
    };
    let on = &target.on;
    add(gave.difference(&gives).cloned().collect(), &|words| {
        format!("revoke grant option for {words} on {on} from {who}")
    });
    add(held.difference(&holds).chain(lacks.difference(&lacked)).cloned().collect(), &|words| {
        format!("revoke {words} on {on} from {who}")
    });
    let plain = holds.difference(&held).filter(|privilege| !gives.contains(*privilege));
    add(plain.chain(lacked.difference(&lacks)).cloned().collect(), &|words| format!("grant {words} on {on} to {who}"));
    add(gives.difference(&gave).cloned().collect(), &|words| {
        format!("grant {words} on {on} to {who} with grant option")
    });
    Ok(statements)
}

struct GrantTarget {
    on: String,
    /// The column, if the privileges are not on the whole table.
    column: Option<String>,
}

impl GrantTarget {
    fn privilege(&self, privilege: &str) -> String {
        let privilege = privilege.to_lowercase();
        self.column.as_ref().map_or_else(|| privilege.clone(), |column| format!("{privilege} ({column})"))
    }
}

fn target(catalog: &Catalog, attached: &SchemaObject) -> Option<GrantTarget> {
    let subject = catalog.get(attached.parent.as_ref()?)?;
    let address = &subject.address;
    let word = match subject.kind() {
        ObjectKind::Column
        | ObjectKind::ViewColumn
        | ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::MaterializedView => "table",
        ObjectKind::Enum => "type",
        kind => kind.word(),
    };
    let column = matches!(subject.kind(), ObjectKind::Column | ObjectKind::ViewColumn).then(|| subject.ident.clone());
    Some(GrantTarget { on: format!("{word} {address}"), column })
}
