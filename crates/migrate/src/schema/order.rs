//! Topological order of steps.

use std::collections::{BTreeMap, BTreeSet};

/// Each step after those that it depends on (`before[step]`), and among those that could be next, the smallest. In a cycle the
/// smallest goes first; the trial shows whether that works.
pub(crate) fn ordered<T: Ord + Clone>(steps: &BTreeSet<T>, before: &BTreeMap<T, BTreeSet<T>>) -> Vec<T> {
    let mut waits: BTreeMap<&T, usize> = BTreeMap::new();
    let mut after: BTreeMap<&T, Vec<&T>> = BTreeMap::new();
    for step in steps {
        let earlier = before.get(step).into_iter().flatten().filter(|other| steps.contains(*other) && *other != step);
        let mut number = 0;
        for other in earlier {
            after.entry(other).or_default().push(step);
            number += 1;
        }
        waits.insert(step, number);
    }
    let mut ready: BTreeSet<&T> = waits.iter().filter(|(_, number)| **number == 0).map(|(step, _)| *step).collect();
    let mut order = Vec::with_capacity(steps.len());
    while !waits.is_empty() {
        let Some(next) = ready.pop_first().or_else(|| waits.keys().next().copied()) else { break };
        waits.remove(next);
        order.push(next.clone());
        for step in after.get(next).into_iter().flatten() {
            if let Some(number) = waits.get_mut(*step) {
                *number -= 1;
                if *number == 0 {
                    ready.insert(step);
                }
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(steps: &[u8], before: &[(u8, u8)]) -> Vec<u8> {
        let mut map: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
        for (earlier, later) in before {
            map.entry(*later).or_default().insert(*earlier);
        }
        ordered(&steps.iter().copied().collect(), &map)
    }

    #[test]
    fn each_comes_after_what_it_waits_for_and_the_smallest_first() {
        assert_eq!(order(&[1, 2, 3, 4], &[(4, 1), (3, 2)]), [3, 2, 4, 1]);
        assert_eq!(order(&[1, 2, 3], &[]), [1, 2, 3]);
    }

    #[test]
    fn a_circle_is_broken_and_nothing_is_lost() {
        assert_eq!(order(&[1, 2, 3], &[(1, 2), (2, 1), (2, 3)]), [1, 2, 3]);
        assert_eq!(order(&[1], &[(9, 1)]), [1]);
    }
}
