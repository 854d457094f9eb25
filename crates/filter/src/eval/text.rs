//! Values as the text that `concat` makes of them.

use std::fmt::Write as _;

use serde_json::Value;

use crate::decimal::double_text;

/// The text of a value: objects as `{a=1, b=2}`, lists as JSON, like Java's `toString`.
pub(super) fn print(value: &Value, text: &mut String) {
    match value {
        Value::String(string) => text.push_str(string),
        Value::Object(members) => {
            text.push('{');
            for (at, (name, member)) in members.iter().enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                text.push_str(name);
                text.push('=');
                print(member, text);
            }
            text.push('}');
        }
        other => print_json(other, text),
    }
}

fn print_json(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(bool) => text.push_str(if *bool { "true" } else { "false" }),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(double) => text.push_str(&double_text(double)),
            None => text.push_str(&number.to_string()),
        },
        Value::String(string) => print_quoted(string, text),
        Value::Array(elements) => {
            text.push('[');
            for (at, element) in elements.iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                print_json(element, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (at, (name, member)) in members.iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                print_quoted(name, text);
                text.push(':');
                print_json(member, text);
            }
            text.push('}');
        }
    }
}

/// The library escapes slashes too, and characters that are trouble in web pages.
fn print_quoted(string: &str, text: &mut String) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' | '\\' | '/' => text.extend(['\\', c]),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2000}'..='\u{20ff}' => {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\u{:04X}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::print;

    #[test]
    fn prints_like_java() {
        for (value, expected) in [
            (json!("a/b"), "a/b"),
            (json!(1e10), "1.0E10"),
            (
                json!({"a": 1, "b": ["x/y", null, {"c": true}]}),
                r#"{a=1, b=["x\/y",null,{"c":true}]}"#,
            ),
            (json!(["\u{2028}\n"]), r#"["\u2028\n"]"#),
        ] {
            let mut text = String::new();
            print(&value, &mut text);
            assert_eq!(text, expected);
        }
    }
}
