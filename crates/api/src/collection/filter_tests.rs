use proptest::prelude::*;
use triggerfish_core::Timestamp;

use super::*;
use crate::collection::field::{Kind, Usage, Value};

#[derive(Debug)]
struct Row {
    id: &'static str,
    name: Option<&'static str>,
    at: Option<&'static str>,
}

static FIELDS: [Field<Row>; 3] = [
    Field {
        name: "id",
        kind: Kind::Exact,
        usage: Usage::Both,
        value: |row| row.id.into(),
    },
    Field {
        name: "name",
        kind: Kind::Text,
        usage: Usage::Filter,
        value: |row| row.name.map_or(Value::Null, Value::from),
    },
    Field {
        name: "at",
        kind: Kind::Time,
        usage: Usage::Filter,
        value: |row| {
            row.at
                .and_then(Timestamp::parse)
                .map_or(Value::Null, Value::Time)
        },
    },
];

const ROW: Row = Row {
    id: "idn:b",
    name: Some("Say \"Hi\" \\ #1"),
    at: Some("2026-05-01T12:00:00Z"),
};
const EMPTY: Row = Row {
    id: "idn:z",
    name: None,
    at: None,
};

fn holds(text: &str) -> bool {
    matches(text, &ROW)
}

fn matches(text: &str, row: &Row) -> bool {
    Filter::parse(text, &FIELDS)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .expect("not empty")
        .matches(row)
}

fn refused(text: &str) -> String {
    Filter::parse(text, &FIELDS).unwrap_err().to_string()
}

#[test]
fn comparisons() {
    for (text, expected) in [
        (r#"id eq "idn:b""#, true),
        (r#"id eq "IDN:B""#, false),
        ("id eq idn:b", true),
        (r#"name eq "say \"hi\" \\ #1""#, true),
        (r#"id ne "idn:b""#, false),
        (r#"id ge "idn:b" and id le "idn:b""#, true),
        (r#"id gt "idn:a" and id lt "idn:c""#, true),
        (r#"name co "HI""#, true),
        (r#"name sw "say""#, true),
        (r#"name sw "hi""#, false),
        (r#"id in ("x", "idn:b")"#, true),
        (r#"id in ("x","y")"#, false),
        ("pr name", true),
        ("name pr", true),
        ("name isnull", false),
        ("at eq 2026-05-01T14:00:00+02:00", true),
        (r#"at gt "2026-05-01T11:59:59.999999Z""#, true),
        ("at lt 2026-05-01T12:00:00Z", false),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
}

#[test]
fn missing_values_are_never_greater_or_smaller() {
    for (text, expected) in [
        (r#"name eq "x""#, false),
        (r#"name ne "x""#, true),
        (r#"name lt "x""#, false),
        (r#"not name lt "x""#, true),
        ("at le 2026-05-01T12:00:00Z", false),
        ("name isnull", true),
        ("isnull name", true),
        ("pr at", false),
    ] {
        assert_eq!(matches(text, &EMPTY), expected, "{text}");
    }
}

#[test]
fn not_binds_closer_than_and_and_and_than_or() {
    let (t, f) = (r#"id eq "idn:b""#, r#"id eq "no""#);
    for (text, expected) in [
        (format!("{t} or {f} and {f}"), true),
        (format!("({t} or {f}) and {f}"), false),
        (format!("not {f} and {t}"), true),
        (format!("not ({f} or {t})"), false),
        (format!("not {t} or {t}"), true),
        (format!("not not {t}"), true),
    ] {
        assert_eq!(holds(&text), expected, "{text}");
    }
}

#[test]
fn refusals_name_the_cause() {
    for (text, part) in [
        (r#"nope eq "a""#, "\"nope\""),
        (r#"id xx "a""#, "\"xx\""),
        (r#"id EQ "a""#, "\"EQ\""),
        (
            r#"id ca "a""#,
            "operator ca is not supported for field \"id\"",
        ),
        (
            r#"at co "a""#,
            "operator co is not supported for field \"at\"",
        ),
        (r#"at eq "soon""#, "\"soon\" is not a value of field \"at\""),
        (r#"id eq "a"#, "closing quote"),
        (r#"id eq "a\n""#, "escape"),
        ("id eq", "expected a value, found the end"),
        ("id", "expected an operator, found the end"),
        (r#"(id eq "a""#, "closing parenthesis"),
        (r#"id eq "a" id eq "b""#, "expected and, or, or the end"),
        (r#"id eq "a" and"#, "expected a field"),
        ("id in ()", "expected a value, found )"),
        ("()", "expected a field"),
    ] {
        let text_of = refused(text);
        assert!(text_of.contains(part), "{text}: {text_of}");
    }
    assert_eq!(
        refused(&format!("{}id pr", "(".repeat(100_000))),
        FilterError::TooDeep.to_string()
    );
    assert!(Filter::parse("  ", &FIELDS).unwrap().is_none());
}

#[test]
fn finds_what_rows_must_equal() {
    let required = |text: &str| {
        Filter::parse(text, &FIELDS)
            .unwrap()
            .unwrap()
            .required("id")
            .map(str::to_owned)
    };
    assert_eq!(required(r#"id eq "A""#).as_deref(), Some("A"));
    assert_eq!(required(r#"pr name and id eq "A""#).as_deref(), Some("A"));
    assert_eq!(required(r#"pr name or id eq "A""#), None);
    assert_eq!(required(r#"not id eq "A""#), None);
}

proptest! {
    #[test]
    fn never_panics(text in ".{0,80}") {
        if let Ok(Some(filter)) = Filter::parse(&text, &FIELDS) {
            let _ = filter.matches(&ROW);
        }
    }

    #[test]
    fn never_panics_on_its_own_words(words in proptest::collection::vec(
        prop::sample::select(vec!["id", "at", "eq", "in", "pr", "not", "and", "or", "(", ")", ",", "\"a\"", "\\", "\""]), 0..20)
    ) {
        if let Ok(Some(filter)) = Filter::parse(&words.join(" "), &FIELDS) {
            let _ = filter.matches(&ROW);
        }
    }

    #[test]
    fn any_text_can_be_quoted(text in ".{0,20}") {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let filter = Filter::parse(&format!("id eq \"{quoted}\""), &FIELDS).unwrap().unwrap();
        prop_assert_eq!(filter.required("id"), Some(text.as_str()));
    }
}
