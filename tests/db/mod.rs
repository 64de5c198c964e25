//! Connection pools, tested without a server around them.

mod healing;
mod lane;
mod pool;
