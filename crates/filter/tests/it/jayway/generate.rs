//! Expressions and documents to ask about: mostly what users write, some of it damaged.
//!
//! Left out, because this engine knowingly differs there (`docs/compatibility-filters.md`):
//! whole numbers beyond 64 bits and doubles of more than 15 digits in documents, `append` and path
//! arguments behind indefinite steps, numbers written with digits outside ASCII, surrogate halves,
//! a sign behind `\u`.

use serde_json::Value;

use super::{
    documents::{collect, unusual},
    random::Random,
};
use crate::vectors::Vectors;

#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) path: String,
    pub(super) document: Value,
}

pub(super) struct Generator {
    pub(super) random: Random,
    pub(super) vectors: Vectors,
    /// Names, strings and numbers that occur in the documents: so that expressions hit.
    pub(super) names: Vec<String>,
    pub(super) scalars: Vec<Value>,
}

const OPERATORS: &[&str] = &[
    "==", "==", "==", "!=", "!=", "<", "<=", ">", ">=", "===", "!==", "=~", "in", "nin", "IN",
    "subsetof", "anyof", "noneof", "contains", "contains", "size", "empty", "exists", "type",
    "all", "=", "=>", "like",
];

const NAMES: &[&str] = &[
    "a", "b", "x", "k", "id", "name", "type", "value", "list", "n", "it's",
];

/// Characters that mean something to the grammar.
const MARKS: &[char] = &[
    '$', '@', '.', '[', ']', '(', ')', '?', '!', '=', '<', '>', '~', '&', '|', '\'', '"', '\\',
    '/', ',', ':', '*', '-', ' ', '0', '1', 'a', 'n', 't', '{', '}', '\t', 'é', '😀',
];

impl Generator {
    pub(super) fn new(seed: u64, vectors: Vectors) -> Self {
        let (mut names, mut scalars) = (Vec::new(), Vec::new());
        for document in vectors.documents.values() {
            collect(document, &mut names, &mut scalars);
        }
        scalars.extend(unusual());
        Self {
            random: Random(seed),
            vectors,
            names,
            scalars,
        }
    }

    pub(super) fn case(&mut self) -> Case {
        loop {
            let document = self.document();
            let path = match self.random.below(10) {
                0..=4 => self.path(&document),
                5 | 6 => self.whole_event(&document),
                7 => self.vector(),
                _ => {
                    let path = if self.random.one_in(2) {
                        self.vector()
                    } else {
                        self.path(&document)
                    };
                    self.damage(&path)
                }
            };
            if !excluded(&path) && !document.is_null() {
                return Case { path, document };
            }
        }
    }

    fn vector(&mut self) -> String {
        let at = self.random.below(self.vectors.vectors.len());
        self.vectors.vectors[at].path.clone()
    }

    pub(super) fn name(&mut self) -> String {
        if self.random.one_in(4) {
            (*self.random.pick(NAMES)).to_owned()
        } else {
            self.random.pick(&self.names).clone()
        }
    }

    /// `$[?( ... )]`, the shape that tests the whole event.
    fn whole_event(&mut self, document: &Value) -> String {
        let test = self.test(document, document, 2);
        let tail = if self.random.one_in(6) {
            self.steps(document, 2).0
        } else {
            String::new()
        };
        format!("$[?({test})]{tail}")
    }

    fn path(&mut self, document: &Value) -> String {
        let (steps, _) = self.steps(document, 5);
        if self.random.one_in(20) && steps.starts_with('.') {
            return steps[1..].to_owned();
        }
        format!("{}{steps}", if self.random.one_in(20) { '@' } else { '$' })
    }

    /// Steps that mostly lead somewhere in `from`, and where they lead.
    fn steps(&mut self, from: &Value, most: usize) -> (String, Value) {
        let (mut text, mut at) = (String::new(), from.clone());
        for _ in 0..=self.random.below(most) {
            let (step, next) = self.step(&at);
            text += &step;
            at = next;
        }
        if self.random.one_in(8) {
            let indefinite = ["*", "..", "[?", ":", ","]
                .iter()
                .any(|mark| text.contains(mark));
            text += &if indefinite || self.random.one_in(2) {
                self.call()
            } else {
                self.call_with_paths()
            };
        }
        (text, at)
    }

    fn step(&mut self, at: &Value) -> (String, Value) {
        let scan = self.random.one_in(14);
        let dots = if scan { ".." } else { "." };
        match at {
            Value::Array(elements) if !elements.is_empty() && !self.random.one_in(8) => {
                let chosen = self.random.below(elements.len());
                let element = elements[chosen].clone();
                let scan = if scan { ".." } else { "" };
                let step = match self.random.below(8) {
                    0 | 1 => "[*]".to_owned(),
                    2 => format!("[{chosen}]"),
                    3 => self.indexes(),
                    _ => format!("[?({})]", self.test(&element, at, 2)),
                };
                (format!("{scan}{step}"), element)
            }
            Value::Object(members) if !members.is_empty() && !self.random.one_in(10) => {
                let chosen = self.random.below(members.len());
                let (name, member) = members.iter().nth(chosen).expect("it has as many");
                let step = match self.random.below(12) {
                    0 => "[*]".to_owned(),
                    1 => format!("{dots}*"),
                    2 => format!("[{}]", quoted(name)),
                    3 => {
                        let other = self.name();
                        format!("[{},{}]", quoted(name), quoted(&other))
                    }
                    4 => return (format!("[?({})]", self.test(at, at, 2)), at.clone()),
                    _ if is_plain(name) => format!("{dots}{name}"),
                    _ => format!("[{}]", quoted(name)),
                };
                (step, member.clone())
            }
            _ => {
                let name = self.name();
                let step = if is_plain(&name) && !self.random.one_in(4) {
                    format!("{dots}{name}")
                } else {
                    self.indexes()
                };
                (step, Value::Null)
            }
        }
    }

    fn indexes(&mut self) -> String {
        let mut number = || i64::try_from(self.random.below(9)).expect("small") - 4;
        let (one, other, third) = (number(), number(), number());
        match self.random.below(7) {
            0 => format!("[{one}]"),
            1 => format!("[{one},{other}]"),
            2 => format!("[{one}:]"),
            3 => format!("[:{one}]"),
            4 => format!("[{one}:{other}]"),
            5 => format!("[{one}:{other}:{third}]"),
            _ => format!("[{one} , {other}, {third}]"),
        }
    }

    fn call(&mut self) -> String {
        const CALLS: &[&str] = &[
            "length()",
            "length()",
            "length()",
            "size()",
            "keys()",
            "first()",
            "last()",
            "index(0)",
            "index(1)",
            "index(-1)",
            "min()",
            "max()",
            "avg()",
            "sum()",
            "stddev()",
            "concat()",
            "concat(\"x\")",
            "concat(\"a\", \"b\", 1.5)",
            "sum(1, 2.5)",
            "append(1)",
            "nope()",
        ];
        format!(".{}", self.random.pick(CALLS))
    }

    fn call_with_paths(&mut self) -> String {
        const CALLS: &[&str] = &[
            "concat", "sum", "length", "avg", "max", "index", "append", "keys",
        ];
        let arguments: Vec<String> = (0..=self.random.below(3))
            .map(|_| match self.random.below(5) {
                0 => (*self
                    .random
                    .pick(&["1", "-2.5", "\"x\"", "{\"a\": [1]}", "'y'"]))
                .to_owned(),
                1 => format!("$..{}", self.random.pick(NAMES)),
                2 => format!("$.{}[*]", self.random.pick(NAMES)),
                3 => format!("@.{}", self.random.pick(NAMES)),
                _ => format!("$.{}", self.name()),
            })
            .collect();
        let gap = *self.random.pick(&["", " "]);
        format!(
            ".{}({})",
            self.random.pick(CALLS),
            arguments.join(&format!(",{gap}"))
        )
    }

    /// A condition on an item, and the document it is in.
    fn test(&mut self, item: &Value, document: &Value, depth: usize) -> String {
        if depth > 0 {
            match self.random.below(12) {
                0 => {
                    let joint = *self.random.pick(&["&&", " && ", " && "]);
                    return self.joined(item, document, depth, joint);
                }
                1 => {
                    let joint = *self.random.pick(&["||", " || ", " || "]);
                    return self.joined(item, document, depth, joint);
                }
                2 => return format!("({})", self.test(item, document, depth - 1)),
                3 => return format!("!({})", self.test(item, document, depth - 1)),
                _ => {}
            }
        }
        let not = if self.random.one_in(15) { "!" } else { "" };
        let (left, value) = self.operand(item, document, depth);
        if self.random.one_in(7) {
            return format!("{not}{left}");
        }
        let operator = *self.random.pick(OPERATORS);
        let right = match operator {
            "=~" => self.pattern(&value),
            "in" | "nin" | "IN" | "subsetof" | "anyof" | "noneof" if !self.random.one_in(6) => {
                self.list(&value)
            }
            "size" => self.random.below(4).to_string(),
            "empty" => (*self.random.pick(&["true", "false"])).to_owned(),
            _ if self.random.one_in(5) => self.operand(item, document, depth).0,
            _ => self.literal(&value),
        };
        let (left, right) = if self.random.one_in(15) {
            (right, left)
        } else {
            (left, right)
        };
        let tight = self.random.one_in(12);
        let gap = if tight { "" } else { " " };
        format!("{not}{left}{gap}{operator}{gap}{right}")
    }

    fn joined(&mut self, item: &Value, document: &Value, depth: usize, joint: &str) -> String {
        let one = self.test(item, document, depth - 1);
        let other = self.test(item, document, depth - 1);
        format!("{one}{joint}{other}")
    }

    /// A path or, now and then, a literal.
    fn operand(&mut self, item: &Value, document: &Value, depth: usize) -> (String, Value) {
        if self.random.one_in(15) {
            let literal = self.literal(item);
            return (literal, Value::Null);
        }
        let (root, from) = if self.random.one_in(4) {
            ('$', document)
        } else {
            ('@', item)
        };
        if self.random.one_in(10) {
            return (root.to_string(), from.clone());
        }
        let most = if depth == 0 { 1 } else { 3 };
        let (steps, value) = self.steps(from, most);
        (format!("{root}{steps}"), value)
    }

    /// A literal that often equals the value it is compared with.
    fn literal(&mut self, near: &Value) -> String {
        let near = if self.random.one_in(3) || near.is_array() || near.is_object() {
            self.random.pick(&self.scalars).clone()
        } else {
            near.clone()
        };
        match near {
            Value::String(text) => {
                let cut = self.random.one_in(4);
                let text = if cut {
                    text.chars().take(3).collect()
                } else {
                    text
                };
                if self.random.one_in(3) {
                    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
                } else {
                    quoted(&text)
                }
            }
            Value::Null if self.random.one_in(3) => {
                (*self
                    .random
                    .pick(&["[]", "{}", "[1, 'a']", "{\"a\":1}", "1e2", "-0.5", "01"]))
                .to_owned()
            }
            other => other.to_string(),
        }
    }

    fn list(&mut self, near: &Value) -> String {
        let length = self.random.below(4);
        let mut elements: Vec<String> = (0..length).map(|_| self.literal(near)).collect();
        if let Value::Array(values) = near {
            elements.extend(values.iter().take(2).map(|value| match value {
                Value::String(text) => quoted(text),
                other => other.to_string(),
            }));
        }
        format!("[{}]", elements.join(*self.random.pick(&[", ", ","])))
    }

    /// One or two characters dropped, doubled, swapped or put in.
    fn damage(&mut self, path: &str) -> String {
        let mut characters: Vec<char> = path.chars().collect();
        for _ in 0..=self.random.below(2) {
            if characters.is_empty() {
                break;
            }
            let at = self.random.below(characters.len());
            match self.random.below(4) {
                0 => drop(characters.remove(at)),
                1 => characters.insert(at, characters[at]),
                2 if at + 1 < characters.len() => characters.swap(at, at + 1),
                _ => characters.insert(at, *self.random.pick(MARKS)),
            }
        }
        characters.into_iter().collect()
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(char::is_alphanumeric)
}

/// `append` changes the library's document, so what it reads there again is changed too; and an
/// argument's path loses a wildcard with each use. Both only show where a call is made repeatedly.
fn excluded(path: &str) -> bool {
    if path.contains("\\u-") || path.contains("\\u+") {
        return true;
    }
    path.match_indices('(').any(|(open, _)| {
        let before = &path[..open];
        if !before.ends_with(char::is_alphabetic) {
            return false;
        }
        let repeated = ["*", "..", "[?", ":", ","]
            .iter()
            .any(|mark| before.contains(mark));
        let argument = path[open + 1..].trim_start().starts_with(['$', '@']);
        // `$..*.f()` is `$.f($..*)`.
        let root = before.rfind(['$', '@']).unwrap_or(0);
        let scanned = before[root..].contains("..") && before[root..].contains('*');
        repeated && (before.ends_with("append") || argument || (scanned && before.contains("[?")))
    })
}
