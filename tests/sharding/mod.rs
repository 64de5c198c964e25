//! Fitness for sharding by `user_id`, held without a cluster: see scripts/citus/README.md.

mod catalog;
mod node_tree;
mod places;
mod statements;
mod walk;
