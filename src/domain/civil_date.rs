//! Civil dates: a day as a person wrote it, independent of time zones.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

/// Reads a date from `YYYY-MM-DD` or from an ISO 8601 date-time. Of a date-time the date *as written* counts:
/// `2026-02-16T23:30:00-05:00` is the 16th, not the 17th of UTC.
///
/// The time and the offset are checked, too. Returns `None` for anything that is not valid.
#[must_use]
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    let (day, rest) = text.split_at_checked(10)?;
    let day = plain_day(day)?;
    match rest.as_bytes().first() {
        None => Some(day),
        Some(b'T' | b't' | b' ') => time_of_day(&rest[1..]).then_some(day),
        Some(_) => None,
    }
}

/// The current date in a time zone.
#[must_use]
pub fn today(now: DateTime<Utc>, zone: Tz) -> NaiveDate {
    now.with_timezone(&zone).date_naive()
}

/// Reads `YYYY-MM-DD` with a year from 1 to 9999, the range that both PostgreSQL and every client can hold.
fn plain_day(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let digits_at = |range: std::ops::Range<usize>| -> Option<u32> {
        let part = text.get(range)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = i32::try_from(digits_at(0..4)?).ok()?;
    (year >= 1).then(|| NaiveDate::from_ymd_opt(year, digits_at(5..7)?, digits_at(8..10)?))?
}

/// Checks `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fff`, followed by `Z`, `±HH:MM`, `±HHMM`, `±HH` or nothing.
fn time_of_day(text: &str) -> bool {
    let end = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock, offset) = text.split_at(end);
    let clock_is_right = if clock.len() == 5 {
        NaiveTime::parse_from_str(clock, "%H:%M").is_ok()
    } else {
        let (whole, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
        whole.len() == 8
            && NaiveTime::parse_from_str(whole, "%H:%M:%S").is_ok()
            && (1..=9).contains(&fraction.len())
            && fraction.bytes().all(|byte| byte.is_ascii_digit())
    };
    clock_is_right && offset_is_right(offset)
}

fn offset_is_right(text: &str) -> bool {
    if matches!(text, "" | "Z" | "z") {
        return true;
    }
    let Some(digits) = text.strip_prefix(['+', '-']) else { return false };
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 if digits.is_ascii() => digits.split_at(2),
        5 => match digits.split_once(':') {
            Some(parts) => parts,
            None => return false,
        },
        _ => return false,
    };
    let below = |part: &str, limit: u8| {
        part.len() == 2
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u8>().is_ok_and(|number| number < limit)
    };
    below(hours, 24) && below(minutes, 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_day_as_written_counts() {
        for text in [
            "2026-02-16",
            "2026-02-16T00:00:00.000Z",
            "2026-02-16T23:30:00-05:00",
            "2026-02-16T00:30:00+14:00",
            "2026-02-16T09:30",
            "2026-02-16T09:30:00+0700",
            "2026-02-16T09:30:00+07",
            "2026-02-16 09:30:00",
            "2026-02-16T23:59:60Z",
        ] {
            assert_eq!(parse_day(text), NaiveDate::from_ymd_opt(2026, 2, 16), "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2026",
            "2026-02",
            "2026-2-16",
            "2026-02-30",
            "2026-13-01",
            "2026-00-10",
            "0000-01-01",
            "2025-02-29",
            "+026-02-16",
            "16/02/2026",
            "2026-02-16T",
            "2026-02-16T25:00:00Z",
            "2026-02-16T09:30:00+99:00",
            "2026-02-16T09:30:00.Z",
            "2026-02-16T09:30:00ZZ",
            "2026-02-16X09:30:00Z",
            "2026-02-16Z",
            " 2026-02-16",
            "๒๐๒๖-๐๒-๑๖",
            "2026-02-16T09:30:00+é:00",
        ] {
            assert_eq!(parse_day(text), None, "{text}");
        }
    }

    #[test]
    fn today_is_the_day_where_the_user_is() {
        let now = DateTime::from_timestamp(1_767_200_400, 0).expect("an instant"); // 2025-12-31T17:00:00Z
        assert_eq!(today(now, chrono_tz::Asia::Bangkok).to_string(), "2026-01-01");
        assert_eq!(today(now, chrono_tz::America::New_York).to_string(), "2025-12-31");
    }

    proptest! {
        #[test]
        fn every_day_is_read_back(days in 0_i64..3_652_058, hour in 0_u32..24, offset in -11_i32..=14) {
            let day = NaiveDate::from_ymd_opt(1, 1, 1).expect("a day") + chrono::TimeDelta::days(days);
            prop_assert_eq!(parse_day(&day.to_string()), Some(day));
            let instant = format!("{day}T{hour:02}:15:00.123{}{:02}:00", if offset < 0 { '-' } else { '+' }, offset.abs());
            prop_assert_eq!(parse_day(&instant), Some(day));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*") {
            let _ = parse_day(&text);
        }

        #[test]
        fn no_date_like_text_makes_the_reader_panic(text in "[0-9é]{0,4}-[0-9]{0,2}-[0-9]{0,2}[TtZ ]?[0-9:é]{0,8}[.,]?[0-9]{0,9}[Zz+-]?[0-9:é]{0,5}") {
            let _ = parse_day(&text);
        }
    }
}
