//! Tests of reading: what is taken, and how faults are told.

use super::{FromJson, Node};
use crate::json::{Fault, read};

#[derive(Debug, PartialEq)]
struct Settings {
    name: Option<String>,
    limits: Vec<u32>,
    is_on: bool,
}

impl FromJson for Settings {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let object = node.object(&["name", "limits", "is_on"])?;
        Ok(Self {
            name: object.or("name", None)?,
            limits: object.or("limits", Vec::new())?,
            is_on: object.required("is_on")?,
        })
    }
}

fn fault(json: &str) -> String {
    read::<Settings>(json.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_configuration_is_read_with_its_defaults() {
    let settings = read(br#" { "is_on" : true, "limits": [ 1, 23 ], "name": null } "#);
    let expected = Settings {
        name: None,
        limits: vec![1, 23],
        is_on: true,
    };
    assert_eq!(settings, Ok(expected));
}

#[test]
fn strings_are_unescaped() {
    let text: Result<String, _> = read(br#""a\"\\\/\n\u00e9\ud83d\ude00\u0041""#);
    assert_eq!(text.unwrap(), "a\"\\/\né😀A");
    for broken in [
        r#""\ud83d""#,
        r#""\ude00""#,
        r#""\u12""#,
        r#""\x""#,
        "\"a\nb\"",
        r#""a"#,
    ] {
        assert!(read::<String>(broken.as_bytes()).is_err(), "{broken}");
    }
    assert!(read::<String>(b"\"\xff\"").is_err());
}

#[test]
fn a_fault_names_the_path() {
    assert_eq!(fault("{}"), "is_on: is missing");
    assert_eq!(
        fault(r#"{"is_on": 1}"#),
        "is_on: expected true or false, found a number"
    );
    assert_eq!(
        fault(r#"{"limits": [1, "2"]}"#),
        "limits[1]: expected a number, found a string"
    );
    assert_eq!(
        fault(r#"{"limits": [-1]}"#),
        "limits[0]: expected a whole number, found -1"
    );
    assert_eq!(
        fault(r#"{"limits": [1.5]}"#),
        "limits[0]: expected a whole number, found 1.5"
    );
    assert_eq!(
        fault(r#"{"limits": [4294967296]}"#),
        "limits[0]: must be at most 4294967295"
    );
    assert_eq!(
        fault(r#"{"ison": true}"#),
        "ison: unknown field, expected one of `name`, `limits`, `is_on`"
    );
    assert_eq!(fault("[]"), "expected an object, found an array");
}

#[test]
fn what_is_not_json_is_told_by_line_and_column() {
    for (json, expected) in [
        (
            "{\n  \"a\": ?\n}",
            "line 2 column 8: a JSON value is expected",
        ),
        ("{\"a\" 1}", "line 1 column 6: `:` is expected"),
        (
            "{\"a\": 1 \"b\": 2}",
            "line 1 column 9: `,` or the end of the list is expected",
        ),
        (
            "{\"a\": 1, \"a\": 2}",
            "line 1 column 13: this name is there twice",
        ),
        ("{a: 1}", "line 1 column 2: a name in quotes is expected"),
        ("{} x", "line 1 column 4: nothing more is expected"),
        ("[1,]", "line 1 column 4: a JSON value is expected"),
        (
            "{",
            "line 1 column 2: `,` or the end of the list is expected",
        ),
        ("\n\u{b}\n", "use StringValue"),
        ("rules:\n  - a", "line 1 column 1: a JSON value is expected"),
    ] {
        let fault = fault(json);
        assert!(fault.contains(expected), "{fault}\n  expected {expected}");
    }
}

#[test]
fn whatever_the_bytes_are_the_answer_is_a_value_or_a_fault() {
    let pieces = [
        "{", "}", "[", "]", ":", ",", "\"", "\\", "u", "d83d", "a", "-1", "1e9", " ", "null", "é",
    ];
    let mut faults = 0;
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..20_000 {
        let mut json = String::from("{\"limits\":[");
        for _ in 0..12 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let piece = usize::try_from(random % 16).unwrap();
            json.push_str(pieces[piece]);
        }
        let cut = json.len() - usize::from(random & 1 == 1);
        faults += u32::from(read::<Settings>(&json.as_bytes()[..cut]).is_err());
        assert!(faults > 0);
    }
}

#[test]
fn nesting_has_an_end() {
    let deep = "[".repeat(100_000);
    assert!(fault(&deep).contains("too many levels"));
}
