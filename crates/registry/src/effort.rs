//! How much work a schema can make of one value.
//!
//! Ten definitions that each refer to the next one twice are a few hundred bytes
//! and a thousand checks; forty of them are more than any machine finishes. So the
//! schema is counted with every reference written out, and refused above a bound.
//! A reference back into itself counts once: how often it is followed depends on
//! how deep the value is, and that is bounded elsewhere.

use std::collections::HashMap;

use serde_json::Value;

/// Subschemas of one schema, references written out.
const CHECKS_MAX: u64 = 100_000;
/// Subschemas within each other, references written out.
const DEPTH_MAX: usize = 400;

/// Keywords that hold one schema, or a list of them.
const SCHEMAS: [&str; 16] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "items",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "contentSchema",
];
/// Keywords that hold schemas by name.
const NAMED_SCHEMAS: [&str; 4] = [
    "properties",
    "patternProperties",
    "dependentSchemas",
    "dependencies",
];
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Whether validating against `schema` stays within bounds.
pub(crate) fn is_bounded(schema: &Value) -> bool {
    let mut count = Count {
        root: schema,
        names: HashMap::new(),
        checks: HashMap::new(),
    };
    collect_names(schema, 0, &mut count.names);
    count
        .of(schema, 0)
        .is_some_and(|checks| checks <= CHECKS_MAX)
}

struct Count<'a> {
    root: &'a Value,
    /// What `$id` and anchors name; an anchor with its `#`.
    names: HashMap<String, &'a Value>,
    /// By address. `None` while it is being counted.
    checks: HashMap<*const Value, Option<u64>>,
}

impl<'a> Count<'a> {
    /// Checks in `schema`, or `None` if it goes too deep.
    fn of(&mut self, schema: &'a Value, depth: usize) -> Option<u64> {
        let Value::Object(keywords) = schema else {
            return Some(1);
        };
        if depth > DEPTH_MAX {
            return None;
        }
        let address: *const Value = schema;
        if let Some(known) = self.checks.get(&address) {
            return Some(known.unwrap_or(1));
        }
        self.checks.insert(address, None);
        let mut total = 1_u64;
        for (keyword, value) in keywords {
            for part in self.parts(keyword, value) {
                total = total.saturating_add(self.of(part, depth + 1)?);
            }
        }
        self.checks.insert(address, Some(total));
        Some(total)
    }

    fn parts(&self, keyword: &str, value: &'a Value) -> Vec<&'a Value> {
        match value {
            Value::String(target) if REFERENCES.contains(&keyword) => {
                self.target(target).into_iter().collect()
            }
            Value::Array(list) if SCHEMAS.contains(&keyword) => list.iter().collect(),
            Value::Object(map) if NAMED_SCHEMAS.contains(&keyword) => map.values().collect(),
            Value::Object(_) if SCHEMAS.contains(&keyword) => vec![value],
            _ => Vec::new(),
        }
    }

    /// The schema that a reference leads to, whichever way it is named.
    fn target(&self, reference: &str) -> Option<&'a Value> {
        if let Some(named) = self.names.get(reference) {
            return Some(named);
        }
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if fragment.is_empty() {
            return Some(self.names.get(document).unwrap_or(&self.root));
        }
        if fragment.starts_with('/') {
            return self.root.pointer(&percent_decoded(fragment));
        }
        self.names.get(&format!("#{fragment}")).copied()
    }
}

fn collect_names<'a>(value: &'a Value, depth: usize, names: &mut HashMap<String, &'a Value>) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Array(items) => {
            for item in items {
                collect_names(item, depth + 1, names);
            }
        }
        Value::Object(map) => {
            for (keyword, item) in map {
                match (keyword.as_str(), item) {
                    ("$id", Value::String(name)) => {
                        names.insert(name.clone(), value);
                    }
                    ("$anchor" | "$dynamicAnchor", Value::String(name)) => {
                        names.insert(format!("#{name}"), value);
                    }
                    _ => collect_names(item, depth + 1, names),
                }
            }
        }
        _ => {}
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = text
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
