//! The words of the trade: money, days, time. Pure: nothing here knows of HTTP, SQL or configuration.

pub mod civil_date;
pub mod clock;
pub mod currency;
pub mod money;
pub mod name;
pub mod number;
pub mod search;
pub mod transaction_type;
