//! Documents: those of the vectors, altered ones and made-up ones.

use serde_json::{Map, Value, json};

use super::generate::Generator;

impl Generator {
    pub(super) fn document(&mut self) -> Value {
        if self.random.one_in(3) {
            return self.value(3);
        }
        let at = self.random.below(self.vectors.documents.len());
        let document = self
            .vectors
            .documents
            .values()
            .nth(at)
            .cloned()
            .unwrap_or_default();
        if self.random.one_in(3) {
            self.altered(document)
        } else {
            document
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        let kinds = if depth == 0 { 4 } else { 8 };
        match self.random.below(kinds) {
            0..=3 => self.random.pick(&self.scalars).clone(),
            4 | 5 => {
                let length = self.random.below(4);
                (0..length).map(|_| self.value(depth - 1)).collect()
            }
            _ => {
                let length = self.random.below(4);
                let mut members = Map::new();
                for _ in 0..length {
                    let name = self.name();
                    members.insert(name, self.value(depth - 1));
                }
                Value::Object(members)
            }
        }
    }

    /// The document with one value somewhere replaced.
    fn altered(&mut self, document: Value) -> Value {
        match document {
            Value::Array(mut elements) if !elements.is_empty() => {
                let at = self.random.below(elements.len());
                elements[at] = self.altered(elements[at].take());
                Value::Array(elements)
            }
            Value::Object(mut members) if !members.is_empty() => {
                let at = self.random.below(members.len());
                let member = members
                    .values_mut()
                    .nth(at)
                    .map(Value::take)
                    .unwrap_or_default();
                let member = self.altered(member);
                if let Some(place) = members.values_mut().nth(at) {
                    *place = member;
                }
                Value::Object(members)
            }
            _ => self.value(1),
        }
    }
}

/// Takes up the names and scalars of a document.
pub(super) fn collect(value: &Value, names: &mut Vec<String>, scalars: &mut Vec<Value>) {
    match value {
        Value::Array(elements) => {
            for element in elements {
                collect(element, names, scalars);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                names.push(name.clone());
                collect(member, names, scalars);
            }
        }
        scalar => scalars.push(scalar.clone()),
    }
}

/// Values on which numbers, texts and list elements are read in a way of their own.
pub(super) fn unusual() -> Vec<Value> {
    json!([
        1e10,
        -0.5,
        0.001,
        1.5e-7,
        1e-5,
        123_456_789_012_i64,
        9_007_199_254_740_993_i64,
        1e21,
        2.0,
        100,
        "",
        " ",
        "$.a",
        " $.a",
        "$",
        "@",
        "[1]",
        "{a:1}",
        " [x] ",
        "{",
        r"\u0041",
        r"\u00zz",
        r"a\b",
        "'q'",
        "\"",
        "''",
        "1.0",
        "1e1",
        "+7",
        "07",
        ".5",
        "0x1",
        "true",
        "null",
        "a\nb",
        "\u{85}",
        "ß",
        "İ",
        "ǅ",
        "😀",
        "\u{ffff}",
        "US Support",
        "john.doe",
        "2024-03-01T00:00:00Z",
        "CORP\\ada",
        "a,b",
        "(x)",
        "/a/"
    ])
    .as_array()
    .cloned()
    .unwrap_or_default()
}

/// The document with one member or element left out, or a part of it by itself.
pub(super) fn smaller(document: &Value) -> Vec<Value> {
    match document {
        Value::Array(elements) => (0..elements.len())
            .flat_map(|at| {
                let mut without = elements.clone();
                let element = without.remove(at);
                let inner = smaller(&element).into_iter().map(move |smaller| {
                    let mut elements = elements.clone();
                    elements[at] = smaller;
                    Value::Array(elements)
                });
                std::iter::once(Value::Array(without))
                    .chain(inner)
                    .collect::<Vec<_>>()
            })
            .collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| {
                let mut without = members.clone();
                without.shift_remove(name);
                let inner = smaller(member).into_iter().map(move |smaller| {
                    let mut members = members.clone();
                    members[name] = smaller;
                    Value::Object(members)
                });
                std::iter::once(Value::Object(without))
                    .chain(inner)
                    .collect::<Vec<_>>()
            })
            .collect(),
        Value::String(text) if text.len() > 1 => vec![json!("x")],
        _ => Vec::new(),
    }
}
