//! Clients that mean harm, or are broken: what they get, and that nobody else notices.

mod bodies;
mod bombs;
mod connections;
mod protocol;
mod readers;
