//! Generates inputs for a given time.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

/// The number of inputs in a run of `cargo test`.
const CASES: u32 = 300;

/// The number of inputs between two checks of the time.
const BATCH: u32 = 500;

/// Checks a property for many inputs, and panics with the smallest input that violates it.
pub(super) fn fuzz<S>(target: &str, inputs: &S, holds: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S: Strategy,
    S::Value: Debug,
{
    let seconds: Option<u64> = number("FUZZ_SECONDS");
    let mut seed = number("FUZZ_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20);
    let began = Instant::now();
    let mut tried = 0_u64;
    loop {
        let cases = if seconds.is_some() { BATCH } else { CASES };
        let config = Config { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
        match TestRunner::new(config).run(inputs, &holds) {
            Ok(()) => {}
            Err(TestError::Fail(reason, input)) => {
                panic!("{target}, FUZZ_SEED={seed}: {reason}\nthe smallest input found: {input:?}")
            }
            Err(TestError::Abort(reason)) => panic!("{target}, FUZZ_SEED={seed}: {reason}"),
        }
        tried += u64::from(cases);
        seed += 1;
        if began.elapsed() >= Duration::from_secs(seconds.unwrap_or(0)) {
            break;
        }
    }
    if seconds.is_some() {
        #[expect(clippy::print_stdout, reason = "the recipe shows it")]
        {
            println!("{target}: {tried} inputs in {} s, none failed", began.elapsed().as_secs());
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// A mutation of an input.
#[derive(Debug, Clone)]
enum Edit {
    Put(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Repeat(usize, usize, usize),
    Cut(usize),
    Flip(usize, u8),
}

/// Mutated inputs: a valid seed, changed in a few places, with words that have a meaning for the parser.
pub(super) fn near(seeds: &[&str], words: &[&str]) -> BoxedStrategy<Vec<u8>> {
    let own = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    let word = prop_oneof![
        prop::sample::select(own(words)),
        prop::collection::vec(any::<u8>(), 1..8),
        "\\PC{1,8}".prop_map(String::into_bytes),
    ];
    let place = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    let edit = prop_oneof![
        (place.clone(), any::<u8>()).prop_map(|(at, byte)| Edit::Put(at, byte)),
        (place.clone(), word).prop_map(|(at, word)| Edit::Insert(at, word)),
        (place.clone(), 1_usize..12).prop_map(|(at, count)| Edit::Remove(at, count)),
        (place.clone(), 1_usize..40, 1_usize..60).prop_map(|(at, count, times)| Edit::Repeat(at, count, times)),
        place.clone().prop_map(Edit::Cut),
        (place, 0_u8..8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
    ];
    let mutated = (prop::sample::select(own(seeds)), prop::collection::vec(edit, 0..6)).prop_map(|(seed, edits)| {
        edits.into_iter().fold(seed, |mut bytes, edit| {
            apply(&mut bytes, edit);
            bytes
        })
    });
    prop_oneof![
        8 => mutated,
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => "\\PC{0,80}".prop_map(String::into_bytes),
    ]
    .boxed()
}

/// Positions are arbitrary; they are reduced to the current length of the input.
fn apply(bytes: &mut Vec<u8>, edit: Edit) {
    let within = |at: usize, bytes: &[u8]| at % (bytes.len() + 1);
    match edit {
        Edit::Put(at, byte) => {
            let at = within(at, bytes);
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        Edit::Insert(at, word) => {
            let at = within(at, bytes);
            bytes.splice(at..at, word);
        }
        Edit::Remove(at, count) => {
            let at = within(at, bytes);
            let end = (at + count).min(bytes.len());
            bytes.drain(at..end);
        }
        Edit::Repeat(at, count, times) => {
            let at = within(at, bytes);
            let end = (at + count).min(bytes.len());
            let again = bytes[at..end].repeat(times);
            bytes.splice(at..at, again);
        }
        Edit::Cut(at) => bytes.truncate(within(at, bytes)),
        Edit::Flip(at, bit) => {
            let at = within(at, bytes);
            if let Some(place) = bytes.get_mut(at) {
                *place ^= 1 << bit;
            }
        }
    }
}
