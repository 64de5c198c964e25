//! Domain types and rules: money, currencies, dates, names, text search. Nothing here knows HTTP, SQL statements or the
//! configuration.

pub mod civil_date;
pub mod clock;
pub mod currency;
pub mod money;
pub mod name;
pub mod number;
pub mod search;
pub mod transaction_type;
