//! Regular expressions that have a chance to match.

use serde_json::Value;

use super::generate::Generator;

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

impl Generator {
    /// A regular expression that has a chance to match the value.
    pub(super) fn pattern(&mut self, near: &Value) -> String {
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
}
