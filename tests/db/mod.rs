//! The connections of a server, without a server around them.

mod healing;
mod lane;
mod pool;
