//! The order of renames: a name has to be free before it can be given, and swapped names need a third one.

use std::collections::BTreeSet;

/// A claim that an object was renamed: the index of the claim, the old name and the new one.
pub(crate) type RenameClaim = (usize, String, String);

/// A step of the renames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RenameStep {
    /// The new name is free.
    Rename(usize),
    /// These take each other's names in turn; the last takes that of the first.
    Cycle(Vec<usize>),
}

/// The reason why a rename is impossible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RenameConflict {
    /// No object has the old name, and none the new one.
    Missing(usize),
    /// One object has the old name, which should not exist, and another one the new name.
    Both(usize),
    /// Two claims have the same old name or the same new name.
    Twice(usize),
}

/// The renames that are still to be done, each when its new name is free. Those that were done before are skipped.
pub(crate) fn rename_order(
    claims: &[RenameClaim],
    exists: impl Fn(&str) -> bool,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<RenameStep>, RenameConflict> {
    for (number, (place, old, new)) in claims.iter().enumerate() {
        if claims[..number].iter().any(|(_, other_old, other_new)| other_old == old || other_new == new) {
            return Err(RenameConflict::Twice(*place));
        }
    }
    let mut names: BTreeSet<&str> =
        claims.iter().flat_map(|(_, old, new)| [old.as_str(), new.as_str()]).filter(|name| exists(name)).collect();
    let mut open: Vec<&RenameClaim> = claims.iter().collect();
    let mut steps = Vec::new();
    // Renames whose new name is not the old name of another one come first.
    while let Some(at) = open.iter().position(|(_, _, new)| !open.iter().any(|(_, old, _)| old == new)) {
        let (place, old, new) = open.remove(at);
        match (names.contains(old.as_str()), names.contains(new.as_str())) {
            (true, false) => {
                names.remove(old.as_str());
                names.insert(new);
                steps.push(RenameStep::Rename(*place));
            }
            (false, false) => return Err(RenameConflict::Missing(*place)),
            (true, true) if !is_wanted(old) => return Err(RenameConflict::Both(*place)),
            (_, true) => {}
        }
    }
    while !open.is_empty() {
        let mut turn = vec![open.remove(0)];
        while let Some(at) = open.iter().position(|(_, old, _)| turn.last().is_some_and(|(_, _, new)| new == old)) {
            turn.push(open.remove(at));
        }
        if let Some((place, ..)) = turn.iter().find(|(_, old, _)| !names.contains(old.as_str())) {
            return Err(RenameConflict::Missing(*place));
        }
        steps.push(RenameStep::Cycle(turn.iter().map(|(place, ..)| *place).collect()));
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(claims: &[(&str, &str)], there: &str, wanted: &str) -> Result<Vec<RenameStep>, RenameConflict> {
        let claims: Vec<RenameClaim> =
            claims.iter().enumerate().map(|(at, (old, new))| (at, (*old).to_owned(), (*new).to_owned())).collect();
        rename_order(&claims, |name| there.contains(name), |name| wanted.contains(name))
    }

    #[test]
    fn a_name_is_given_once() {
        assert_eq!(ordered(&[("a", "b")], "a", "b"), Ok(vec![RenameStep::Rename(0)]));
        assert_eq!(ordered(&[("a", "b")], "b", "b"), Ok(vec![]));
        assert_eq!(ordered(&[("a", "b")], "ab", "ab"), Ok(vec![]));
        assert_eq!(ordered(&[("a", "b")], "ab", "b"), Err(RenameConflict::Both(0)));
        assert_eq!(ordered(&[("a", "b")], "c", "b"), Err(RenameConflict::Missing(0)));
        assert_eq!(ordered(&[("a", "b"), ("a", "c")], "a", "bc"), Err(RenameConflict::Twice(1)));
    }

    #[test]
    fn a_name_that_is_given_up_is_given_on() {
        let chain = [("a", "b"), ("b", "c")];
        assert_eq!(ordered(&chain, "ab", "bc"), Ok(vec![RenameStep::Rename(1), RenameStep::Rename(0)]));
        assert_eq!(ordered(&chain, "bc", "bc"), Ok(vec![]));
        assert_eq!(ordered(&chain, "ac", "bc"), Ok(vec![RenameStep::Rename(0)]));
    }

    #[test]
    fn names_are_swapped_in_turn() {
        assert_eq!(ordered(&[("a", "b"), ("b", "a")], "ab", "ab"), Ok(vec![RenameStep::Cycle(vec![0, 1])]));
        let three = [("a", "b"), ("c", "a"), ("b", "c")];
        assert_eq!(ordered(&three, "abc", "abc"), Ok(vec![RenameStep::Cycle(vec![0, 2, 1])]));
        assert_eq!(ordered(&[("a", "b"), ("b", "a")], "a", "ab"), Err(RenameConflict::Missing(1)));
    }
}
