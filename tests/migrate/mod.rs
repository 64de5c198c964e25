//! The migrations, on whole databases.

mod deploy;
