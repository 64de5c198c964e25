//! Files of migrations: reading, splitting, checking and writing them.

pub(crate) mod checkout;
pub(crate) mod checksum;
pub(crate) mod script;
pub(crate) mod source;
pub(crate) mod squashed;
pub(crate) mod statements;
pub(crate) mod write;
