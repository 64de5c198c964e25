//! Fitness for sharding by `user_id`, held without a cluster: see scripts/citus/README.md.

mod statements;
mod walk;
