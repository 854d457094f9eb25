use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::schema::{CompiledSchema, SchemaError};

fn compile(schema: &Value) -> Result<CompiledSchema, SchemaError> {
    CompiledSchema::compile(&schema.to_string())
}

#[test]
fn a_violation_names_place_and_rule_and_hides_the_value() {
    let schema = compile(&json!({
        "definitions": {"record:A": {
            "type": "object",
            "required": ["a"],
            "optional": ["b"],
            "properties": {"a": {"type": "array", "items": {"type": "string", "maxLength": 3}}},
        }},
        "$ref": "#/definitions/record:A",
    }))
    .unwrap();
    schema.check(&json!({"a": ["x"], "b": 1})).unwrap();
    let violation = schema.check(&json!({"a": ["x", "hunter2"]})).unwrap_err();
    assert_eq!(violation.pointer, "/a/1");
    assert!(violation.rule.contains('3'), "{violation}");
    assert!(!violation.to_string().contains("hunter2"));
}

#[test]
fn violations_are_short_whatever_the_value() {
    let schema = compile(&json!({"additionalProperties": {"type": "null"}, "maxProperties": 1}));
    let schema = schema.unwrap();
    let long = "k".repeat(100_000);
    let violation = schema.check(&json!({ long: 1 })).unwrap_err();
    assert!(
        violation.to_string().len() < 1_000,
        "{}",
        violation.to_string().len()
    );
    let closed = compile(&json!({"additionalProperties": false})).unwrap();
    let many: Value = (0..10_000).map(|n| (format!("key{n}"), json!(1))).collect();
    assert!(closed.check(&many).unwrap_err().to_string().len() < 1_000);
}

#[test]
fn other_documents_are_not_fetched() {
    for target in [
        "http://127.0.0.1:1/x.json",
        "file:///etc/passwd",
        "other.json#/a",
    ] {
        let error = compile(&json!({"properties": {"a": {"$ref": target}}})).unwrap_err();
        assert!(
            matches!(error, SchemaError::Remote { .. }),
            "{target}: {error}"
        );
    }
    let own = json!({
        "$id": "https://acme.example/s",
        "definitions": {"a": {"type": "string"}},
        "properties": {"a": {"$ref": "https://acme.example/s#/definitions/a"}},
    });
    assert!(compile(&own).is_ok());
}

#[test]
fn unusable_schemas_are_refused_with_the_place() {
    let cases = [
        (json!({"type": "strin"}), "/type"),
        (
            json!({"properties": {"a": {"minLength": "x"}}}),
            "/properties/a/minLength",
        ),
        (
            json!({"properties": {"a": {"pattern": "(?=a)"}}}),
            "/properties/a/pattern",
        ),
        (
            json!({"properties": {"a": {"pattern": "(a"}}}),
            "/properties/a/pattern",
        ),
        (json!({"pattern": "((a{200}){200}){200}"}), "/pattern"),
    ];
    for (schema, place) in cases {
        match compile(&schema) {
            Err(SchemaError::Unusable { pointer, .. }) => assert_eq!(pointer, place),
            other => panic!("{schema}: {other:?}"),
        }
    }
    assert!(compile(&json!({"$ref": "#/definitions/none"})).is_err());
    assert!(compile(&json!({"$schema": "https://acme.example/dialect"})).is_err());
    for text in ["", "{", "[]", "1", "\"x\"", "null"] {
        assert!(CompiledSchema::compile(text).is_err(), "{text}");
    }
    let long = format!("{{\"description\":\"{}\"}}", "x".repeat(300_000));
    assert!(matches!(
        CompiledSchema::compile(&long),
        Err(SchemaError::TooLarge(_))
    ));
}

#[test]
fn hostile_schemas_and_values_neither_hang_nor_overflow() {
    let began = Instant::now();
    let slow = compile(&json!({"pattern": "^(a+)+$"})).unwrap();
    assert!(
        slow.check(&json!(format!("{}b", "a".repeat(50_000))))
            .is_err()
    );
    let endless = [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"not": {"$ref": "#"}}),
        json!({"definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}},
               "$ref": "#/definitions/a"}),
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema",
               "$dynamicAnchor": "x", "anyOf": [{"$dynamicRef": "#x"}]}),
    ];
    for schema in endless {
        if let Ok(compiled) = compile(&schema) {
            let _ = compiled.check(&json!({"a": [1, {"b": 2}]}));
        }
    }
    let recursive = compile(&json!({"additionalProperties": {"$ref": "#"}})).unwrap();
    let mut deep = json!(1);
    for _ in 0..120 {
        deep = json!({ "a": deep });
    }
    let _ = recursive.check(&deep);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}

/// A chain of definitions, each of which refers to the next one twice.
fn doubling(length: usize, twice: fn(Value) -> Value) -> Value {
    let mut definitions = serde_json::Map::new();
    for n in 0..length {
        let next = json!({"$ref": format!("#/definitions/d{}%20", n + 1)});
        definitions.insert(format!("d{n} "), twice(next));
    }
    definitions.insert(format!("d{length} "), json!({"type": "object"}));
    json!({"definitions": definitions, "$ref": "#/definitions/d0%20"})
}

#[test]
fn schemas_that_make_endless_work_are_refused() {
    let twices: [fn(Value) -> Value; 3] = [
        |next| json!({"allOf": [next, next]}),
        |next| json!({"anyOf": [{"not": next}], "if": next}),
        |next| json!({"properties": {"a": {"oneOf": [next, next]}}}),
    ];
    for twice in twices {
        compile(&doubling(8, twice)).unwrap();
        let error = compile(&doubling(40, twice)).unwrap_err();
        assert_eq!(error, SchemaError::TooMuchWork);
    }
    let long_chain = doubling(2_000, |next| next);
    assert_eq!(compile(&long_chain).unwrap_err(), SchemaError::TooMuchWork);
    let anchors = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": (0..40).map(|n| {
            let next = json!({"$ref": format!("#a{}", n + 1)});
            (format!("{n}"), json!({"$anchor": format!("a{n}"), "allOf": [next, next]}))
        }).chain([("end".to_owned(), json!({"$anchor": "a40"}))]).collect::<Value>(),
        "$ref": "#a0",
    });
    assert_eq!(compile(&anchors).unwrap_err(), SchemaError::TooMuchWork);
}
