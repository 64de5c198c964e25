//! Reports: sums over transactions. They read what other features write, and write nothing.

mod dashboard;

pub use dashboard::FEATURE;
