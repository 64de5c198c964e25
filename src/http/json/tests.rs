use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// The same document as `serde_json` has it, whose numbers keep their text, too.
fn as_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(text) => Value::Number(text.parse().expect("a number")),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(elements) => elements.iter().map(as_value).collect(),
        Json::Object(Fields(fields)) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), as_value(value))).collect())
        }
    }
}

fn problem(text: &str) -> String {
    parse(text.as_bytes()).expect_err(text).to_string()
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    assert_eq!(problem(""), "unexpected end at line 1 column 1");
    assert_eq!(problem("{"), "expected a key in double quotes at line 1 column 2");
    assert_eq!(problem("{\"ก\" 1}"), "expected `:` at line 1 column 6");
    assert_eq!(problem("{\n  \"a\": 01}"), "expected `,` or `}` at line 2 column 9");
    assert_eq!(problem("[1,]"), "expected a value at line 1 column 4");
    assert_eq!(problem("{}}"), "trailing characters at line 1 column 3");
    assert_eq!(problem("\"\\ud800\""), "half of a surrogate pair at line 1 column 8");
    assert_eq!(problem("\"a\nb\""), "a control character in a string at line 1 column 3");
    assert_eq!(parse(b"\"caf\xe9\"").expect_err("latin").to_string(), "not valid UTF-8 at line 1 column 5");
}

#[test]
fn depth_is_counted_whatever_the_levels_are_made_of() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let levels = open.matches(['[', '{']).count();
        let nested = |times: usize| format!("{}1{}", open.repeat(times), close.repeat(times));
        assert!(parse(nested(MAX_DEPTH / levels).as_bytes()).is_ok());
        for times in [MAX_DEPTH / levels + 1, 1_000, 100_000] {
            assert!(problem(&nested(times)).starts_with("nested deeper than 32 levels"), "{open} {times}");
            assert!(parse(open.repeat(times).as_bytes()).is_err());
        }
    }
}

#[test]
fn a_string_that_holds_json_stays_a_string() {
    let bomb = (0..40).fold("1".to_owned(), |inner, _| {
        let escaped = inner.replace('\\', "\\u005c").replace('"', "\\u0022");
        format!("{}{{\"$serde_json::private::RawValue\":\"{escaped}\"}}{}", "[".repeat(8), "]".repeat(8))
    });
    let Ok(Json::Array(_)) = parse(bomb.as_bytes()) else { panic!("an array") };
    let magic = r#"{"$serde_json::private::Number":"5"}"#;
    let Ok(Json::Object(mut fields)) = parse(magic.as_bytes()) else { panic!("an object") };
    assert_eq!(fields.take("$serde_json::private::Number"), Some(Json::String("5".to_owned())));
}

#[test]
fn a_key_that_is_given_twice_is_refused_in_objects_of_any_size() {
    assert_eq!(problem(r#"{"a":1,"b":2,"\u0061":3}"#), "the key \"a\" is given twice at line 1 column 25");
    let many: String = (0..1_000).map(|number| format!("\"{number}\":1,")).collect();
    assert!(problem(&format!("{{{many}\"7\":1}}")).starts_with("the key \"7\" is given twice"));
    assert!(parse(format!("{{{many}\"x\":1}}").as_bytes()).is_ok());
}

#[test]
fn values_and_digits_are_counted() {
    let elements = |count: usize| format!("[{}1]", "1,".repeat(count - 1));
    assert!(parse(elements(MAX_VALUES - 1).as_bytes()).is_ok());
    assert!(problem(&elements(MAX_VALUES)).starts_with("more than 20000 values"));
    assert!(parse("9".repeat(MAX_NUMBER).as_bytes()).is_ok());
    assert!(problem(&"9".repeat(MAX_NUMBER + 1)).starts_with("a number of more than 400 characters"));
}

proptest! {
    #[test]
    fn what_serde_json_writes_is_read_as_it_was(text in "\\PC*", number in any::<f64>(), whole in any::<i64>()) {
        let number = if number.is_finite() { number } else { 0.5 };
        let value = serde_json::json!({"a": [text, null, true, {text.clone(): number}], "b": whole});
        for written in [value.to_string(), serde_json::to_string_pretty(&value).expect("written")] {
            prop_assert_eq!(as_value(&parse(written.as_bytes()).expect("read")), value.clone());
        }
    }

    #[test]
    fn what_is_read_is_what_serde_json_reads(text in r#"[\[\]{}:,"\\ut01e+.\-ndfalsr \n]{0,24}"#) {
        let theirs = serde_json::from_str::<Value>(&text);
        match parse(text.as_bytes()) {
            Ok(ours) => prop_assert_eq!(as_value(&ours), theirs.expect("theirs")),
            Err(error) => prop_assert!(
                theirs.is_err() || error.to_string().contains("given twice"), "{}: {}", text, error
            ),
        }
    }

    #[test]
    fn bytes_of_any_kind_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let theirs = serde_json::from_slice::<Value>(&bytes);
        prop_assert!(parse(&bytes).is_err() || theirs.is_ok());
    }
}
