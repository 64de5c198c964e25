//! Consequences of a change of type for the existing values.

use crate::schema::statement::{Hazard, HazardKind};

/// The consequence of a change of type for the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// They stay as they are stored.
    Same,
    /// They are rewritten, and mean the same.
    Exact,
    /// Some may not fit into the new type.
    MayFail,
    /// Some may become other values.
    Loses,
}

impl Conversion {
    pub(crate) fn hazards(self, table: &str, column: &str, old: &str, new: &str) -> Vec<Hazard> {
        let hazard = |kind, text: String| Hazard { kind, text };
        let rewrite = hazard(HazardKind::Rewrite, format!("{table} is rewritten, and cannot be used meanwhile"));
        match self {
            Self::Same => Vec::new(),
            Self::Exact => vec![rewrite],
            Self::MayFail => {
                let blanks = if is_text(&parts(new).0) { "; only blanks at its end are truncated" } else { "" };
                let text = format!("each value of {column} has to fit into {new}{blanks}");
                vec![hazard(HazardKind::MayFail, text), rewrite]
            }
            Self::Loses => {
                vec![
                    hazard(
                        HazardKind::DataLoss,
                        format!("the parts of {column} that fit into {old} and not into {new}"),
                    ),
                    rewrite,
                ]
            }
        }
    }

    /// The same if each value is checked or converted.
    pub(crate) fn one_by_one(self) -> Self {
        if self == Self::Same { Self::Exact } else { self }
    }
}

/// The name of a type and its modifiers. A negative modifier counts as one that nothing fits.
fn parts(data_type: &str) -> (String, Vec<Option<u32>>) {
    let Some((before, rest)) = data_type.split_once('(') else { return (data_type.to_owned(), Vec::new()) };
    let Some((numbers, after)) = rest.split_once(')') else { return (data_type.to_owned(), Vec::new()) };
    let numbers = numbers.split(',').map(|number| number.trim().parse().ok()).collect();
    (format!("{}{after}", before.trim_end()), numbers)
}

const TEXTS: &[&str] = &["text", "character varying", "character", "bpchar"];
const TIMES: &[&str] = &["date", "timestamp without time zone", "timestamp with time zone"];
const NUMBERS: &[&str] = &["smallint", "integer", "bigint", "numeric", "real", "double precision"];
/// The digits of each integer type: the maximum, and those that every value with that many digits fits.
const WHOLE: &[(&str, u32, u32)] = &[("smallint", 5, 4), ("integer", 10, 9), ("bigint", 19, 18)];
/// The digits of a second that times are rounded to by default.
const MICROSECONDS: u32 = 6;

fn is_text(name: &str) -> bool {
    TEXTS.contains(&name)
}

/// True if PostgreSQL converts the types on assignment. Values that do not fit fail then, where an explicit cast would truncate
/// them.
pub(crate) fn is_assigned(old: &str, new: &str) -> bool {
    if let (Some(old), Some(new)) = (old.strip_suffix("[]"), new.strip_suffix("[]")) {
        return is_assigned(old, new);
    }
    let ((old, _), (new, _)) = (parts(old), parts(new));
    let both = |list: &[&str]| list.contains(&old.as_str()) && list.contains(&new.as_str());
    let is_bits = |name: &str| name.starts_with("bit");
    old == new
        || is_text(&new)
        || both(NUMBERS)
        || both(TIMES)
        || both(&["json", "jsonb"])
        || both(&["cidr", "inet"])
        || is_bits(&old) && is_bits(&new)
        || old.starts_with("interval") && new.starts_with("interval")
}

/// The consequence of a change from one type to another.
pub(crate) fn conversion(old: &str, new: &str) -> Conversion {
    if old == new {
        return Conversion::Same;
    }
    if let (Some(old), Some(new)) = (old.strip_suffix("[]"), new.strip_suffix("[]")) {
        return conversion(old, new).one_by_one();
    }
    let ((old, old_numbers), (new, new_numbers)) = (parts(old), parts(new));
    let first = |numbers: &[Option<u32>]| numbers.first().copied().flatten();
    let (from, to) = (first(&old_numbers), first(&new_numbers));
    let fits = to.is_none() || from.is_some_and(|from| to >= Some(from));
    let if_it_fits = |conversion| if fits { conversion } else { Conversion::MayFail };
    match (old.as_str(), new.as_str()) {
        ("text" | "character varying", "text" | "character varying") => if_it_fits(Conversion::Same),
        // A `char` does not keep blanks at its end.
        ("text" | "character varying", "character" | "bpchar") => Conversion::Loses,
        ("character" | "bpchar", new) if is_text(new) => if_it_fits(Conversion::Exact),
        (_, "text") => Conversion::Exact,
        (_, new) if is_text(new) => {
            if to.is_none() {
                Conversion::Exact
            } else {
                Conversion::MayFail
            }
        }
        (old, new) if NUMBERS.contains(&old) && NUMBERS.contains(&new) => {
            numbers((old, &old_numbers), (new, &new_numbers))
        }
        ("bit varying", "bit varying") => if_it_fits(Conversion::Same),
        ("bit", "bit varying") => if_it_fits(Conversion::Exact),
        ("bit" | "bit varying", "bit") => Conversion::MayFail,
        (old, new) if old == new => {
            let precision = |numbers: Option<u32>| numbers.unwrap_or(MICROSECONDS);
            if precision(to) >= precision(from) { Conversion::Same } else { Conversion::Loses }
        }
        (old, "interval") if old.starts_with("interval") && to.is_none() => Conversion::Same,
        ("cidr", "inet") => Conversion::Same,
        ("date", "timestamp without time zone" | "timestamp with time zone") | ("jsonb", "json") => Conversion::Exact,
        ("text" | "character varying", "boolean" | "uuid") => Conversion::MayFail,
        _ => Conversion::Loses,
    }
}

fn numbers((old, old_numbers): (&str, &[Option<u32>]), (new, new_numbers): (&str, &[Option<u32>])) -> Conversion {
    let digits = |name: &str| WHOLE.iter().find(|(whole, ..)| *whole == name).copied();
    match (digits(old), digits(new)) {
        (Some((_, old, _)), Some((_, new, _))) if new >= old => return Conversion::Exact,
        (Some(_), Some(_)) => return Conversion::MayFail,
        _ => {}
    }
    match (old, old_numbers, new, new_numbers) {
        ("numeric", _, "numeric", []) => Conversion::Same,
        ("numeric", [Some(precision), Some(scale)], "numeric", [Some(wider), Some(more)]) => {
            let whole = |precision: u32, scale: u32| i64::from(precision) - i64::from(scale);
            match (more >= scale, whole(*wider, *more) >= whole(*precision, *scale)) {
                (true, true) if more == scale => Conversion::Same,
                (true, true) => Conversion::Exact,
                (true, false) => Conversion::MayFail,
                (false, _) => Conversion::Loses,
            }
        }
        ("numeric", [Some(precision), Some(0)], new, _) => match digits(new) {
            Some((_, _, always)) if *precision <= always => Conversion::Exact,
            Some(_) => Conversion::MayFail,
            None => Conversion::Loses,
        },
        (old, _, "numeric", scaled) => match (digits(old), scaled) {
            (Some(_), []) => Conversion::Exact,
            (Some((_, most, _)), [Some(precision), Some(scale)]) if precision.saturating_sub(*scale) >= most => {
                Conversion::Exact
            }
            (Some(_), [Some(_), Some(_)]) => Conversion::MayFail,
            _ => Conversion::Loses,
        },
        ("smallint" | "integer" | "real", _, "double precision", _) | ("smallint", _, "real", _) => Conversion::Exact,
        _ => Conversion::Loses,
    }
}

/// True if the new type is the same or a wider one, as a renamed column may have it.
pub(crate) fn is_wider(old: &str, new: &str) -> bool {
    let ((old_name, _), (new_name, _)) = (parts(old), parts(new));
    let alike = old_name == new_name
        || [TEXTS, TIMES, NUMBERS]
            .iter()
            .any(|list| list.contains(&old_name.as_str()) && list.contains(&new_name.as_str()));
    alike && matches!(conversion(old, new), Conversion::Same | Conversion::Exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_change_says_what_becomes_of_the_values() {
        use Conversion::{Exact, Loses, MayFail, Same};
        for (old, new, expected) in [
            ("numeric(10,2)", "numeric(12,2)", Same),
            ("numeric(10,2)", "numeric", Same),
            ("numeric(10,2)", "numeric(14,4)", Exact),
            ("numeric(10,2)", "numeric(10,4)", MayFail),
            ("numeric(10,2)", "numeric(8,2)", MayFail),
            ("numeric(10,4)", "numeric(10,2)", Loses),
            ("numeric(10,2)", "numeric(10,-2)", Loses),
            ("numeric", "numeric(10,2)", Loses),
            ("integer", "bigint", Exact),
            ("bigint", "integer", MayFail),
            ("integer", "numeric(10,0)", Exact),
            ("integer", "numeric(10,2)", MayFail),
            ("integer", "numeric(10,-2)", Loses),
            ("numeric(8,2)", "integer", Loses),
            ("numeric(9,0)", "integer", Exact),
            ("numeric(10,0)", "integer", MayFail),
            ("integer", "double precision", Exact),
            ("bigint", "double precision", Loses),
            ("double precision", "real", Loses),
            ("character varying(20)", "text", Same),
            ("character varying(20)", "character varying(40)", Same),
            ("character varying(40)", "character varying(20)", MayFail),
            ("text", "character varying(40)", MayFail),
            ("text", "character(40)", Loses),
            ("character(4)", "character(8)", Exact),
            ("character(8)", "character(4)", MayFail),
            ("integer", "character varying(4)", MayFail),
            ("integer", "character varying", Exact),
            ("character varying(40)[]", "character varying(20)[]", MayFail),
            ("character varying(20)[]", "character varying(40)[]", Exact),
            ("text", "date", Loses),
            ("text", "time without time zone", Loses),
            ("text", "numeric(10,2)", Loses),
            ("text", "bigint", Loses),
            ("text", "uuid", MayFail),
            ("timestamp with time zone", "date", Loses),
            ("timestamp with time zone", "timestamp without time zone", Loses),
            ("timestamp(6) with time zone", "timestamp(0) with time zone", Loses),
            ("timestamp with time zone", "timestamp(3) with time zone", Loses),
            ("timestamp(0) with time zone", "timestamp with time zone", Same),
            ("time without time zone", "time(0) without time zone", Loses),
            ("interval", "interval(0)", Loses),
            ("interval", "interval year", Loses),
            ("date", "timestamp(0) with time zone", Exact),
            ("bit(3)", "bit(5)", MayFail),
            ("bit varying(5)", "bit varying(3)", MayFail),
            ("json", "jsonb", Loses),
            ("jsonb", "json", Exact),
            ("uuid", "text", Exact),
        ] {
            assert_eq!(conversion(old, new), expected, "{old} -> {new}");
        }
    }

    #[test]
    fn a_name_may_go_to_what_has_more_room() {
        for (old, new) in [("integer", "bigint"), ("character varying(9)", "text"), ("numeric(5,2)", "numeric(9,2)")] {
            assert!(is_wider(old, new) && !is_wider(new, old), "{old} -> {new}");
        }
        for (old, new) in [("integer", "text"), ("boolean", "text"), ("text", "integer")] {
            assert!(!is_wider(old, new), "{old} -> {new}");
        }
    }
}
