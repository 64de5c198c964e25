//! Names that take each other's places: in which order they are given, and which were given already.

use std::collections::BTreeSet;

/// A name that is said to have been another: its place among those that are said, the old name and the new one.
pub(super) type Said = (usize, String, String);

/// What is to be made of names that were said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The name is free, and is given.
    Give(usize),
    /// These take each other's names in turn; the last takes the first one's.
    Turn(Vec<usize>),
}

/// Why a name cannot be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// Nothing has the old name, and nothing the new one.
    Missing(usize),
    /// Something has the old name that should not be there, and something the new one.
    Both(usize),
    /// Two are said to have been the same, or one to have been two.
    Twice(usize),
}

/// The names that are still to be given, each when it is free. Those that were given before are passed over.
pub(super) fn order(
    said: &[Said],
    is_there: impl Fn(&str) -> bool,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Step>, Problem> {
    for (number, (place, old, new)) in said.iter().enumerate() {
        if said[..number].iter().any(|(_, other_old, other_new)| other_old == old || other_new == new) {
            return Err(Problem::Twice(*place));
        }
    }
    let mut names: BTreeSet<&str> =
        said.iter().flat_map(|(_, old, new)| [old.as_str(), new.as_str()]).filter(|name| is_there(name)).collect();
    let mut open: Vec<&Said> = said.iter().collect();
    let mut steps = Vec::new();
    // Those whose new name nobody else gives up come first.
    while let Some(at) = open.iter().position(|(_, _, new)| !open.iter().any(|(_, old, _)| old == new)) {
        let (place, old, new) = open.remove(at);
        match (names.contains(old.as_str()), names.contains(new.as_str())) {
            (true, false) => {
                names.remove(old.as_str());
                names.insert(new);
                steps.push(Step::Give(*place));
            }
            (false, false) => return Err(Problem::Missing(*place)),
            (true, true) if !is_wanted(old) => return Err(Problem::Both(*place)),
            (_, true) => {}
        }
    }
    while !open.is_empty() {
        let mut turn = vec![open.remove(0)];
        while let Some(at) = open.iter().position(|(_, old, _)| turn.last().is_some_and(|(_, _, new)| new == old)) {
            turn.push(open.remove(at));
        }
        if let Some((place, ..)) = turn.iter().find(|(_, old, _)| !names.contains(old.as_str())) {
            return Err(Problem::Missing(*place));
        }
        steps.push(Step::Turn(turn.iter().map(|(place, ..)| *place).collect()));
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(said: &[(&str, &str)], there: &str, wanted: &str) -> Result<Vec<Step>, Problem> {
        let said: Vec<Said> =
            said.iter().enumerate().map(|(at, (old, new))| (at, (*old).to_owned(), (*new).to_owned())).collect();
        order(&said, |name| there.contains(name), |name| wanted.contains(name))
    }

    #[test]
    fn a_name_is_given_once() {
        assert_eq!(ordered(&[("a", "b")], "a", "b"), Ok(vec![Step::Give(0)]));
        assert_eq!(ordered(&[("a", "b")], "b", "b"), Ok(vec![]));
        assert_eq!(ordered(&[("a", "b")], "ab", "ab"), Ok(vec![]));
        assert_eq!(ordered(&[("a", "b")], "ab", "b"), Err(Problem::Both(0)));
        assert_eq!(ordered(&[("a", "b")], "c", "b"), Err(Problem::Missing(0)));
        assert_eq!(ordered(&[("a", "b"), ("a", "c")], "a", "bc"), Err(Problem::Twice(1)));
    }

    #[test]
    fn a_name_that_is_given_up_is_given_on() {
        let chain = [("a", "b"), ("b", "c")];
        assert_eq!(ordered(&chain, "ab", "bc"), Ok(vec![Step::Give(1), Step::Give(0)]));
        assert_eq!(ordered(&chain, "bc", "bc"), Ok(vec![]));
        assert_eq!(ordered(&chain, "ac", "bc"), Ok(vec![Step::Give(0)]));
    }

    #[test]
    fn names_are_swapped_in_turn() {
        assert_eq!(ordered(&[("a", "b"), ("b", "a")], "ab", "ab"), Ok(vec![Step::Turn(vec![0, 1])]));
        let three = [("a", "b"), ("c", "a"), ("b", "c")];
        assert_eq!(ordered(&three, "abc", "abc"), Ok(vec![Step::Turn(vec![0, 2, 1])]));
        assert_eq!(ordered(&[("a", "b"), ("b", "a")], "a", "ab"), Err(Problem::Missing(1)));
    }
}
