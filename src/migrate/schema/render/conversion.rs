//! What a change of type means for the values that are there.

use super::super::statement::{Danger, Hazard};

/// What becomes of values that get another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conversion {
    /// They stay as they are stored.
    Same,
    /// They are stored anew, and mean the same.
    Exact,
    /// Some may have no place in the new type.
    MayFail,
    /// Some may come out as others.
    Loses,
}

impl Conversion {
    pub(super) fn hazards(self, table: &str, column: &str, old: &str, new: &str) -> Vec<Hazard> {
        let hazard = |danger, text: String| Hazard { danger, text };
        let rewrite = hazard(Danger::Rewrite, format!("{table} is written anew, and cannot be used meanwhile"));
        match self {
            Self::Same => Vec::new(),
            Self::Exact => vec![rewrite],
            Self::MayFail => {
                vec![hazard(Danger::MayFail, format!("each value of {column} has to be one of {new}")), rewrite]
            }
            Self::Loses => {
                vec![
                    hazard(Danger::DataLoss, format!("what values of {column} hold as {old} and {new} does not")),
                    rewrite,
                ]
            }
        }
    }
}

/// The name of a type, and the numbers behind it.
fn parts(data_type: &str) -> (String, Vec<u32>) {
    let Some((before, rest)) = data_type.split_once('(') else { return (data_type.to_owned(), Vec::new()) };
    let Some((numbers, after)) = rest.split_once(')') else { return (data_type.to_owned(), Vec::new()) };
    let numbers = numbers.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    (format!("{}{after}", before.trim_end()), numbers)
}

pub(super) fn conversion(old: &str, new: &str) -> Conversion {
    const WHOLE: &[&str] = &["smallint", "integer", "bigint", "numeric"];
    let ((old, old_numbers), (new, new_numbers)) = (parts(old), parts(new));
    let rank = |name: &str| WHOLE.iter().position(|whole| *whole == name);
    let first = |numbers: &[u32]| numbers.first().copied();
    match (old.as_str(), new.as_str()) {
        ("numeric", "numeric") => match (old_numbers.as_slice(), new_numbers.as_slice()) {
            (_, []) => Conversion::Same,
            ([precision, scale], [wider, same]) if scale == same && wider >= precision => Conversion::Same,
            ([precision, scale], [wider, more])
                if more >= scale && wider.saturating_sub(*more) >= precision - scale =>
            {
                Conversion::Exact
            }
            ([_, scale], [_, more]) if more >= scale => Conversion::MayFail,
            _ => Conversion::Loses,
        },
        ("character varying", "text") => Conversion::Same,
        ("character varying" | "text", "character varying") => match (first(&old_numbers), first(&new_numbers)) {
            (_, None) => Conversion::Same,
            (Some(old), Some(new)) if new >= old => Conversion::Same,
            _ => Conversion::MayFail,
        },
        (old, new) if old == new => match (first(&old_numbers), first(&new_numbers)) {
            (_, None) => Conversion::Exact,
            (Some(old), Some(new)) if new >= old => Conversion::Exact,
            _ => Conversion::Loses,
        },
        (old, new) if rank(old).is_some() && rank(new).is_some() => {
            let fits = rank(new) > rank(old) && new_numbers.is_empty();
            if fits {
                Conversion::Exact
            } else if rank(old) == Some(3) {
                Conversion::Loses
            } else {
                Conversion::MayFail
            }
        }
        (_, "text")
        | ("real", "double precision")
        | ("date", "timestamp without time zone" | "timestamp with time zone")
        | ("timestamp without time zone", "timestamp with time zone")
        | ("timestamp with time zone", "timestamp without time zone")
        | ("json", "jsonb")
        | ("jsonb", "json") => Conversion::Exact,
        ("text" | "character varying", _) => Conversion::MayFail,
        _ => Conversion::Loses,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_change_says_what_becomes_of_the_values() {
        for (old, new, expected) in [
            ("numeric(10,2)", "numeric(12,2)", Conversion::Same),
            ("numeric(10,2)", "numeric(14,4)", Conversion::Exact),
            ("numeric(10,2)", "numeric(10,4)", Conversion::MayFail),
            ("numeric(10,4)", "numeric(10,2)", Conversion::Loses),
            ("numeric", "numeric(10,2)", Conversion::Loses),
            ("integer", "bigint", Conversion::Exact),
            ("bigint", "integer", Conversion::MayFail),
            ("numeric(8,2)", "integer", Conversion::Loses),
            ("character varying(20)", "text", Conversion::Same),
            ("character varying(20)", "character varying(40)", Conversion::Same),
            ("text", "character varying(40)", Conversion::MayFail),
            ("timestamp with time zone", "date", Conversion::Loses),
            ("timestamp(6) with time zone", "timestamp(0) with time zone", Conversion::Loses),
            ("uuid", "text", Conversion::Exact),
        ] {
            assert_eq!(conversion(old, new), expected, "{old} -> {new}");
        }
    }
}
