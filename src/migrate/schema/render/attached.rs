//! Comments, privileges and owners.

use std::collections::BTreeSet;

use super::super::catalog::Catalog;
use super::super::object::{Kind, Object};
use super::super::statement::Statement;
use super::{Rendered, literal, one};

/// How SQL names what something is said of.
fn subject(catalog: &Catalog, attached: &Object) -> Option<(Kind, String)> {
    let subject = catalog.get(attached.parent.as_ref()?)?;
    let (address, ident) = (&subject.address, &subject.ident);
    let kind = subject.kind();
    let text = match kind {
        Kind::Other => return None,
        Kind::Column | Kind::ViewColumn => format!("column {address}.{ident}"),
        Kind::Constraint | Kind::ForeignKey => format!("constraint {ident} on {address}"),
        Kind::DomainConstraint => format!("constraint {ident} on domain {address}"),
        Kind::Trigger | Kind::Policy | Kind::Rule => format!("{kind} {ident} on {address}"),
        Kind::Enum | Kind::RangeType | Kind::CompositeType => format!("type {address}"),
        _ => format!("{kind} {address}"),
    };
    Some((kind, text))
}

pub(super) fn comment(catalog: &Catalog, to: &Object) -> Vec<Statement> {
    let Some((_, subject)) = subject(catalog, to) else { return Vec::new() };
    one(format!("comment on {subject} is {}", literal(to.text("text").unwrap_or_default())))
}

pub(super) fn no_comment(catalog: &Catalog, from: &Object) -> Vec<Statement> {
    subject(catalog, from).map_or_else(Vec::new, |(_, subject)| one(format!("comment on {subject} is null")))
}

pub(super) fn owner(catalog: &Catalog, attached: &Object, owner: Option<&str>) -> Vec<Statement> {
    let Some((_, subject)) = subject(catalog, attached) else { return Vec::new() };
    one(format!("alter {subject} owner to {}", owner.unwrap_or("current_user")))
}

/// What is granted and revoked so that somebody may do what is said, instead of what was said before.
pub(super) fn privileges(catalog: &Catalog, from: Option<&Object>, to: Option<&Object>) -> Rendered {
    let attached = to.or(from).ok_or("nothing is said of it")?;
    let Some(target) = target(catalog, attached) else { return Err("what it is on is not known".into()) };
    let set = |object: Option<&Object>, property: &str| -> BTreeSet<String> {
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

struct Target {
    on: String,
    /// Only these, not the whole table.
    column: Option<String>,
}

impl Target {
    fn privilege(&self, privilege: &str) -> String {
        let privilege = privilege.to_lowercase();
        self.column.as_ref().map_or_else(|| privilege.clone(), |column| format!("{privilege} ({column})"))
    }
}

fn target(catalog: &Catalog, attached: &Object) -> Option<Target> {
    let subject = catalog.get(attached.parent.as_ref()?)?;
    let address = &subject.address;
    let word = match subject.kind() {
        Kind::Column | Kind::ViewColumn | Kind::Table | Kind::View | Kind::MaterializedView => "table",
        Kind::Enum => "type",
        kind => kind.word(),
    };
    let column = matches!(subject.kind(), Kind::Column | Kind::ViewColumn).then(|| subject.ident.clone());
    Some(Target { on: format!("{word} {address}"), column })
}
