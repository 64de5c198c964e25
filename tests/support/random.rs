//! Reproducible random numbers.

use std::collections::BTreeMap;

/// A generator that gives the same numbers for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Takes the seed from `SEED`, or from the clock, and prints it, so that a failure can be reproduced.
    pub(crate) fn seeded() -> Self {
        let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let seed = given.unwrap_or_else(|| now.as_secs() * 1_000_000 + u64::from(now.subsec_micros()));
        Self::told(seed)
    }

    #[expect(clippy::print_stdout, reason = "whoever reads the output of a failed test needs it")]
    fn told(seed: u64) -> Self {
        println!("SEED={seed}");
        Self(seed)
    }

    /// The next number (splitmix64).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).expect("a small number");
        usize::try_from(self.next() % limit).expect("a small number")
    }

    /// True once in `times` calls on average.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    pub(crate) fn key<V>(&mut self, map: &BTreeMap<&'static str, V>) -> Option<&'static str> {
        let keys: Vec<&'static str> = map.keys().copied().collect();
        (!keys.is_empty()).then(|| self.pick(&keys))
    }
}
