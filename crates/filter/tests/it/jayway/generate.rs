//! Expressions and documents to ask about: mostly what users write, some of it damaged.
//!
//! Left out, because this engine knowingly differs there (`docs/compatibility-filters.md`):
//! whole numbers beyond 64 bits and doubles of more than 15 digits in documents, `append` and path
//! arguments behind indefinite steps, numbers written with digits outside ASCII, surrogate halves.

use serde_json::{Map, Value, json};

use crate::vectors::Vectors;

#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) path: String,
    pub(super) document: Value,
}

/// `SplitMix64`: small, seedable, good enough to choose with.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end as u64)).expect("below a usize")
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

pub(super) struct Generator {
    random: Random,
    vectors: Vectors,
    /// Names, strings and numbers that occur in the documents: so that expressions hit.
    names: Vec<String>,
    scalars: Vec<Value>,
}

const OPERATORS: &[&str] = &[
    "==", "==", "==", "!=", "!=", "<", "<=", ">", ">=", "===", "!==", "=~", "in", "nin", "IN",
    "subsetof", "anyof", "noneof", "contains", "contains", "size", "empty", "exists", "type",
    "all", "=", "=>", "like",
];

const PATTERNS: &[&str] = &[
    "/.*/",
    "/a.*/i",
    "/[A-Z]+/",
    "/^US.*$/",
    r"/\d+/",
    "/(?i)corp.*/",
    r"/.*\s.*/",
    "/abc|x/",
    "/.*[aeiou]$/",
    r"/\w+\.\w+/",
    "/(?!x).*/",
    r"/[^@]+@[^@]+\.org/",
    "/1/",
    "/true/",
    "/./s",
    r"/\/.*/",
    "/[a-c]{1,3}/x",
    "//",
    "/a/y",
    "/(/",
    r"/CORP\\.*/",
    r"/(.)\1.*/",
    "/ÄPFEL/iu",
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

    fn document(&mut self) -> Value {
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

    fn name(&mut self) -> String {
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

    /// A regular expression that has a chance to match the value.
    fn pattern(&mut self, near: &Value) -> String {
        if self.random.one_in(4) {
            return (*self.random.pick(PATTERNS)).to_owned();
        }
        let text = match near {
            Value::String(text) => text.clone(),
            Value::Array(elements) => elements.first().map(Value::to_string).unwrap_or_default(),
            Value::Number(_) | Value::Bool(_) => near.to_string(),
            _ => self.name(),
        };
        let (mut pattern, mut groups, mut rest) = (String::new(), 0, text.chars().peekable());
        while let Some(c) = rest.next() {
            let mut atom = self.atom(c);
            if self.random.one_in(8) && groups < 9 {
                groups += 1;
                let other = self.atom(c);
                atom = format!("({atom}|{other})");
            }
            if self.random.one_in(6) {
                let more = rest.peek().is_some_and(|next| *next == c);
                let most = if more { "+" } else { "{1,3}" };
                let counts = [
                    "*", "?", "+", "+?", "*?", "{1}", "{0,2}", "{1,}", most, "?+", "*+",
                ];
                atom += *self.random.pick(&counts);
            }
            pattern += &atom;
            if self.random.one_in(12) {
                let between = [
                    "(?=.)", "(?!x)", "(?<=.)", r"\b", r"\B", "^", "$", "|", "(?i)", ".*",
                ];
                pattern += *self.random.pick(&between);
            }
            if groups > 0 && self.random.one_in(12) {
                pattern += r"\1?";
            }
            if self.random.one_in(12) {
                pattern += ".*";
                break;
            }
        }
        let around = [
            ("", ""),
            ("", ""),
            ("^", "$"),
            (r"\A", r"\z"),
            ("(?:", ")"),
            ("", r"\Z"),
        ];
        let (before, behind) = self.random.pick(&around);
        let flags = self
            .random
            .pick(&["", "", "", "i", "s", "m", "iu", "x", "d", "im", "U"]);
        format!("/{before}{pattern}{behind}/{flags}")
    }

    /// An atom that matches a character, or could.
    fn atom(&mut self, c: char) -> String {
        let class = match c {
            'a'..='z' => [
                "[a-z]",
                r"\w",
                "[^A-Z]",
                r"\p{Lower}",
                "[a-m[n-z]]",
                "[a-z&&[^q]]",
                "[A-Z]",
            ],
            'A'..='Z' => [
                "[A-Z]",
                r"\w",
                r"\p{Lu}",
                r"\p{Upper}",
                "[^a-z]",
                r"[\w&&[^_]]",
                "[a-z]",
            ],
            '0'..='9' => [
                "[0-9]",
                r"\d",
                r"\p{Digit}",
                r"[\d.]",
                r"\S",
                "[^a-z]",
                r"\D",
            ],
            _ => [r"\W", ".", "[^a-z]", r"\s", r"\S", r"\p{Punct}", r"[\s\S]"],
        };
        match self.random.below(6) {
            0 => (*self.random.pick(&class)).to_owned(),
            1 => ".".to_owned(),
            2 if c.is_ascii() => format!(r"\x{:02x}", u32::from(c)),
            _ if c.is_alphanumeric() => c.to_string(),
            _ if c.is_ascii() && !c.is_ascii_control() => format!("\\{c}"),
            _ => ".".to_owned(),
        }
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

/// Values on which numbers, texts and list elements are read in a way of their own.
fn unusual() -> Vec<Value> {
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

fn collect(value: &Value, names: &mut Vec<String>, scalars: &mut Vec<Value>) {
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

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(char::is_alphanumeric)
}

/// `append` changes the library's document, so what it reads there again is changed too; and an
/// argument's path loses a wildcard with each use. Both only show where a call is made repeatedly.
fn excluded(path: &str) -> bool {
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
