//! The rules of fields, by the kind of their values.

mod list;
mod scalar;
mod text;

pub use list::{DistinctList, List, Nested};
pub use scalar::{Color, Day, Flag, Id, OneOf, SecretText, Whole, WordChoice};
pub use text::{Name, Note, OptionalText, Text, Verbatim};
