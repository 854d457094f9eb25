//! Bodies as people may see them: values of secret fields, and credentials, masked.
//!
//! Works on text that may be cut off or no JSON at all, and leaves everything else as it is.

use std::collections::BTreeSet;

const MASK: &str = "***";
/// Shorter words after `Bearer` or `Basic` are prose.
const CREDENTIAL_BYTES_MIN: usize = 6;

/// Names of fields whose values nobody is shown, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretFields(BTreeSet<String>);

impl SecretFields {
    /// These names, in any case.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self(names.into_iter().map(str::to_lowercase).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(&name.to_lowercase())
    }
}

/// `text` with secrets masked. What was JSON stays JSON.
pub(crate) fn masked(text: &str, secrets: &SecretFields) -> String {
    credentials(&assignments(&fields(text, secrets), secrets))
}

/// `text` with secrets masked, at most `bytes_max` long, and whether it was cut.
pub(crate) fn shown(text: &str, secrets: &SecretFields, bytes_max: usize) -> (String, bool) {
    let mut shown = masked(text, secrets);
    let mut end = bytes_max.min(shown.len());
    while !shown.is_char_boundary(end) {
        end -= 1;
    }
    let is_cut = end < shown.len();
    shown.truncate(end);
    (shown, is_cut)
}

/// Masks the values of secret members of JSON objects.
fn fields(text: &str, secrets: &SecretFields) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let end = string_end(from);
        let (name, after) = from.split_at(end);
        out.push_str(name);
        rest = after;
        let value = after.trim_start().strip_prefix(':').map(str::trim_start);
        let Some(value) = value else { continue };
        let name = serde_json::from_str::<String>(name).unwrap_or_default();
        if secrets.has(&name) {
            out.push_str(&after[..after.len() - value.len()]);
            let end = value_end(value);
            if &value[..end] == "null" {
                out.push_str("null");
            } else {
                out.push('"');
                out.push_str(MASK);
                out.push('"');
            }
            rest = &value[end..];
        }
    }
    out.push_str(rest);
    out
}

/// Where the string ends that `text` begins with; the end of the text if it is cut off.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Where the JSON value ends that `text` begins with.
fn value_end(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += string_end(&text[at..]);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            byte if depth == 0 && byte.is_ascii_whitespace() => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Masks `secret=value`, as in forms and queries.
fn assignments(text: &str, secrets: &SecretFields) -> String {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let ends = |c: char| c.is_whitespace() || matches!(c, '&' | ';' | ',' | '"' | '\\');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        out.push_str(before);
        out.push('=');
        let name = before.rsplit(|c| !is_name(c)).next().unwrap_or_default();
        rest = after;
        if secrets.has(name) {
            // In a JSON text a quote is escaped.
            let value = after.strip_prefix("\\\"").unwrap_or(after);
            out.push_str(&after[..after.len() - value.len()]);
            let end = value.find(ends).unwrap_or(value.len());
            if end > 0 {
                out.push_str(MASK);
            }
            rest = &value[end..];
        }
    }
    out.push_str(rest);
    out
}

/// Masks what follows `Bearer` and `Basic`.
fn credentials(text: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let lower = text.to_ascii_lowercase();
    let mut done = 0;
    for (at, scheme) in schemes(&lower) {
        let start = at + scheme.len();
        if at < done {
            continue;
        }
        let token = text[start..]
            .find(|c| !is_token(c))
            .unwrap_or(text.len() - start);
        if token >= CREDENTIAL_BYTES_MIN {
            out.push_str(&text[done..start]);
            out.push_str(MASK);
            done = start + token;
            rest = &text[done..];
        }
    }
    out.push_str(rest);
    out
}

fn schemes(lower: &str) -> Vec<(usize, &'static str)> {
    let mut found: Vec<_> = ["bearer ", "basic "]
        .into_iter()
        .flat_map(|scheme| lower.match_indices(scheme).map(move |(at, _)| (at, scheme)))
        .collect();
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> SecretFields {
        SecretFields::new(["secret", "Password", "token", "code"])
    }

    #[test]
    fn values_of_secret_fields_are_masked_and_nothing_else_changes() {
        let cases = [
            (
                r#"{"a": 1.50, "secret":"x\"y" ,"b":2}"#,
                r#"{"a": 1.50, "secret":"***" ,"b":2}"#,
            ),
            (r#"{"PASSWORD" : 12345}"#, r#"{"PASSWORD" : "***"}"#),
            (r#"{"token":{"a":["}"]},"c":1}"#, r#"{"token":"***","c":1}"#),
            (r#"{"code":null,"x":"code"}"#, r#"{"code":null,"x":"code"}"#),
            (
                r#"{"x":["secret","y"],"z":"secret: y"}"#,
                r#"{"x":["secret","y"],"z":"secret: y"}"#,
            ),
            (r#"{"s\u0065cret":"x"}"#, r#"{"s\u0065cret":"***"}"#),
            (
                r#"{"deep":[{"secret":true}]}"#,
                r#"{"deep":[{"secret":"***"}]}"#,
            ),
            (r#"{"secret":"cut of"#, r#"{"secret":"***""#),
            (r#"{"secret":{"a":"#, r#"{"secret":"***""#),
            ("no json, J\u{f6}rg", "no json, J\u{f6}rg"),
            ("a=1&token=abc&b=2", "a=1&token=***&b=2"),
            (
                "Authorization: Bearer abc.def-1",
                "Authorization: Bearer ***",
            ),
            (r#"{"h":"basic dXNlcjpwYXNz"}"#, r#"{"h":"basic ***"}"#),
            (r#"{"q":"code=\"abc\" x"}"#, r#"{"q":"code=\"***\" x"}"#),
            ("bearer of bad news", "bearer of bad news"),
        ];
        for (text, expected) in cases {
            assert_eq!(masked(text, &secrets()), expected, "{text}");
        }
    }

    #[test]
    fn cuts_at_a_character() {
        let (text, is_cut) = shown("\u{f6}\u{f6}", &SecretFields::default(), 3);
        assert_eq!((&*text, is_cut), ("\u{f6}", true));
        assert!(!shown("abc", &SecretFields::default(), 3).1);
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_keeps_what_is_not_secret(text in "[a-z\"{}:,=\\\\ \u{e9}]{0,60}") {
            let nothing = SecretFields::default();
            let kept = shown(&text, &nothing, 1000).0;
            proptest::prop_assert!(kept == text || kept.contains(MASK));
            let _ = masked(&text, &secrets());
        }
    }
}
