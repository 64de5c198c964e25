//! Parsers of single values, called directly.

use app::domain::civil_date::parse_day;
use app::domain::currency::Currency;
use app::domain::money::Amount;
use app::http::client_address::{client_address, network_of};
use app::http::{etag, json};
use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderValue, IF_NONE_MATCH};

use super::engine::{fuzz, near};

#[test]
fn no_text_is_more_than_an_amount_may_be() {
    let seeds = ["150", "150.50", "0.0001", "1.5e2", "999999999999", "123456789012345", "-1", "1e-4", "+5", "00012.10"];
    let words = [
        "e",
        "E",
        ".",
        "-",
        "+",
        "0",
        "000000000000",
        "999999999999999",
        "e999999999999",
        "e-99999999999",
        "٣",
        "\u{a0}",
    ];
    fuzz("amounts", &near(&seeds, &words), |bytes| {
        if let Ok(amount) = Amount::parse(&String::from_utf8_lossy(&bytes)) {
            let value = amount.value().normalize();
            prop_assert!(value.is_sign_positive() && !value.is_zero(), "{value}");
            prop_assert!(value.scale() <= 4, "{value}");
            prop_assert!(value.mantissa() < 10_i128.pow(15) || value.scale() == 0, "{value}");
            prop_assert_eq!(Amount::parse(&value.to_string()).map(|again| again.value().normalize()), Ok(value));
        }
        Ok(())
    });
}

#[test]
fn what_the_reader_takes_is_json_and_what_it_refuses_is_none_or_too_much() {
    const BOUNDS: &[&str] = &[
        "nested deeper than",
        "more than 20000 values",
        "is given twice",
        "a number of more than",
        // serde_json only detects it if it keeps the string.
        "half of a surrogate pair",
    ];
    let seeds = [
        r#"{"title":"กาแฟ\u0041","amount":75.50,"tags":["a",{"b":[null,true,false]}],"n":-1e-7}"#,
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        r#"{"$serde_json::private::RawValue":"[1]","$serde_json::private::Number":"1"}"#,
        r#"  "\ud83d\ude00 \\ \/ \b\f\n\r\t"  "#,
        "-0.0E+10",
        "null",
    ];
    let words = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u",
        "\\ud800",
        "\\udc00",
        "null",
        "true",
        "-",
        "+",
        "e",
        "E",
        ".",
        "0",
        "00",
        "\u{feff}",
        "\0",
        "\u{7f}",
        "\u{2028}",
        "NaN",
        "Infinity",
        "//",
        "{\"a\":1,\"a\":1}",
        "99999999999999999999999999999999",
    ];
    fuzz("JSON", &near(&seeds, &words), |bytes| {
        // From text and not from bytes, because serde_json does not validate bytes that it skips.
        let text = std::str::from_utf8(&bytes);
        let known = text.is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        match json::parse(&bytes) {
            Ok(value) => {
                prop_assert!(known, "{value:?} was read of what is no JSON");
                if let (json::Json::String(text), Ok(same)) = (&value, serde_json::from_slice::<String>(&bytes)) {
                    prop_assert_eq!(text, &same);
                }
            }
            Err(error) => {
                let error = error.to_string();
                let too_much = BOUNDS.iter().any(|bound| error.contains(bound));
                prop_assert!(too_much || !known, "refused, and is JSON: {error}");
            }
        }
        Ok(())
    });
}

#[test]
fn a_day_is_one_that_the_calendar_has() {
    let seeds = [
        "2026-02-16",
        "2024-02-29",
        "2026-02-16T23:30:00-05:00",
        "2026-02-16T23:30:00.123Z",
        "2026-02-16 09:00",
        "0001-01-01",
        "9999-12-31",
        "+12026-01-01",
    ];
    let words = ["-", ":", "T", "Z", "z", "+14:00", "-00:00", "60", "99", ".999999999999", "２", "0000", "\u{2212}"];
    fuzz("days", &near(&seeds, &words), |bytes| {
        let text = String::from_utf8_lossy(&bytes);
        if let Some(day) = parse_day(&text) {
            prop_assert_eq!(day.format("%Y-%m-%d").to_string(), text.get(..10).unwrap_or_default());
        }
        Ok(())
    });
}

#[test]
fn a_currency_is_three_letters() {
    fuzz("currencies", &near(&["THB", "JPY", "usd", "BHD"], &["T", "€", "\0"]), |bytes| {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(currency) = text.parse::<Currency>() {
            prop_assert!(currency.code().eq_ignore_ascii_case(text.trim()), "{}", currency.code());
        }
        Ok(())
    });
}

#[test]
fn who_is_not_trusted_says_nothing_of_where_he_comes_from() {
    let seeds = [
        "1.2.3.4",
        "6.6.6.6, 198.51.100.1, 10.0.0.2",
        "2001:db8::1",
        "[2001:db8::1]:4711",
        "1.2.3.4:4711",
        "::ffff:10.0.0.1",
    ];
    let words = [",", " ", ":", "[", "]", "10.0.0.1", "unknown", "for=", "%eth0", "999", "::"];
    let trusted = ["10.0.0.0/8".parse().expect("a network")];
    fuzz("client addresses", &(near(&seeds, &words), near(&seeds, &words)), |(first, second)| {
        let mut headers = HeaderMap::new();
        for value in [first, second] {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append("x-forwarded-for", value);
            }
        }
        let stranger = "203.0.113.9".parse().expect("an address");
        prop_assert_eq!(client_address(stranger, &headers, &trusted), stranger);
        let proxy = "10.0.0.1".parse().expect("an address");
        let found = client_address(proxy, &headers, &trusted);
        prop_assert_eq!(network_of(network_of(found)), network_of(found));
        Ok(())
    });
}

#[test]
fn a_tag_matches_only_where_it_stands() {
    let tag = etag::of(b"{}");
    let weak = format!("W/{tag}");
    let two = format!("\"0\", {tag}");
    let seeds = [tag.as_str(), &weak, &two, "*", "\"0\"", ""];
    fuzz("tags", &near(&seeds, &[",", "\"", "W/", "*", " ", &tag]), |bytes| {
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, value)]);
        if etag::matches(&headers, IF_NONE_MATCH, &tag) == Some(true) {
            let text = String::from_utf8_lossy(&bytes);
            prop_assert!(text.contains(&tag) || text.contains('*'), "{text}");
        }
        Ok(())
    });
}
