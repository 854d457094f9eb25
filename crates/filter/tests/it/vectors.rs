//! The vectors that Jayway computed, against this engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use serde_json::Value;
use triggerfish_filter::{Limits, Path, Validation, Verdict, validate};

pub(crate) struct Vectors {
    pub(crate) documents: BTreeMap<String, Value>,
    pub(crate) vectors: Vec<Vector>,
}

pub(crate) struct Vector {
    pub(crate) topic: String,
    pub(crate) path: String,
    pub(crate) document: String,
    valid: bool,
    definite: bool,
    result: Option<Value>,
    matches: bool,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

pub(crate) fn read() -> Vectors {
    let text = fs::read_to_string(folder().join("jsonpath-vectors.jsonl")).expect("readable");
    let (mut documents, mut vectors) = (BTreeMap::new(), Vec::new());
    for line in text.lines() {
        let mut line: Value = serde_json::from_str(line).expect("a line is JSON");
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        if line.get("id").is_some() {
            documents.insert(text("id"), line["document"].take());
            continue;
        }
        let flag = |name: &str| line[name].as_bool().unwrap_or_default();
        vectors.push(Vector {
            topic: text("topic"),
            path: text("path"),
            document: text("doc"),
            valid: flag("valid"),
            definite: flag("definite"),
            matches: flag("matches"),
            result: line.get("result").cloned(),
        });
    }
    Vectors { documents, vectors }
}

/// Equal, with numbers compared by value and members without order.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, one)| other.get(name).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}

/// What differs from the vector, if anything.
fn difference(vector: &Vector, document: &Value) -> Option<String> {
    let compiled = Path::compile(&vector.path);
    let path = match (compiled, vector.valid) {
        (Ok(path), true) => path,
        (Err(_), false) => return None,
        (Ok(_), false) => return Some("compiles, but should not".to_owned()),
        (Err(error), true) => return Some(format!("should compile: {error}")),
    };
    if path.is_definite() != vector.definite {
        return Some(format!("definite is {}", path.is_definite()));
    }
    let verdict = path.matches(document);
    if verdict.is_match() != vector.matches {
        return Some(format!("verdict is {verdict:?}"));
    }
    let result = path
        .evaluate(document, &Limits::default())
        .map(|found| found.to_value());
    match (result, &vector.result) {
        (Ok(value), Some(expected)) if same(&value, expected) => None,
        (Err(_), None) => None,
        (result, expected) => Some(format!("result is {result:?}, should be {expected:?}")),
    }
}

#[test]
fn agree_except_where_listed() {
    let Vectors { documents, vectors } = read();
    assert_eq!(vectors.len(), 722, "vectors are missing");
    let differing: BTreeMap<(String, String), String> = vectors
        .iter()
        .filter_map(|vector| {
            let difference = difference(vector, &documents[&vector.document])?;
            Some(((vector.document.clone(), vector.path.clone()), difference))
        })
        .collect();
    let listed: BTreeSet<(String, String)> =
        fs::read_to_string(folder().join("known-differences.txt"))
            .expect("readable")
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(|line| {
                let mut fields = line.split('\t').map(str::to_owned);
                let field = "a line is document TAB path TAB reason";
                let key = (fields.next().expect(field), fields.next().expect(field));
                fields.next().expect(field);
                key
            })
            .collect();
    let found: BTreeSet<_> = differing.keys().cloned().collect();
    for (key, difference) in &differing {
        eprintln!("{} {}: {difference}", key.0, key.1);
    }
    assert_eq!(
        found, listed,
        "differing vectors and the listed ones are not the same"
    );
    assert!(
        found.len() * 100 <= vectors.len() * 3,
        "more than 3 % differ"
    );
}

#[test]
fn validation_follows_the_vectors() {
    let Vectors { documents, vectors } = read();
    for vector in vectors.iter().filter(|vector| vector.topic == "events") {
        let present = match &vector.result {
            Some(Value::Array(hits)) if !vector.definite => !hits.is_empty(),
            result => result.is_some(),
        };
        let expected = Validation {
            is_valid_json_path: vector.valid,
            is_path_exist: present,
            is_valid: vector.matches,
        };
        let document = &documents[&vector.document];
        let validation = validate(&vector.path, document, &Limits::default());
        assert_eq!(validation, expected, "{}", vector.path);
    }
}

#[test]
fn hard_errors_are_told_from_filters_that_do_not_match() {
    let Vectors { documents, .. } = read();
    let event = &documents["ev-preapproval"];
    for (path, unevaluable) in [
        ("$.requestedItems", None),
        ("$.nope", Some(false)),
        ("$[?(@.accessRequestId == 'other')]", Some(false)),
        ("$[?(!(@.accessRequestId anyof ['x']))]", Some(false)),
        ("$.accessRequestId.nope()", Some(false)),
        ("$[?(@.requestedItems contains 'VPN')]", Some(true)),
        ("$[?(@.requestedBy empty true)]", Some(true)),
        ("$.requestedItems.sum()", Some(true)),
    ] {
        let verdict = Path::compile(path).expect(path).matches(event);
        let expected = match unevaluable {
            None => matches!(verdict, Verdict::Match),
            Some(false) => matches!(verdict, Verdict::NoMatch),
            Some(true) => matches!(verdict, Verdict::Unevaluable(_)),
        };
        assert!(expected, "{path}: {verdict:?}");
    }
}
