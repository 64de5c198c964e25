//! Drift: whatever is done to a database by hand is told, by its name.
