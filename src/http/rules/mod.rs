//! The rules of fields, by the kind of their values.

mod list;
mod scalar;
mod text;

pub use list::{DistinctList, List, Nested};
pub use scalar::{Choice, Color, Day, Flag, Id, OneOf, SecretText, Whole};
pub use text::{Name, Note, OptionalText, Text, Verbatim};
