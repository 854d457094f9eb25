//! Elements of lists that stand on a side of a list operator.
//!
//! The library reads a string in a list once more as if it were written in a filter. So a
//! backslash in it is an escape, and what looks like a path or JSON is no string any more.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    Machine,
    datum::{Datum, Figure},
};
use crate::{
    error::Failure,
    lenient,
    syntax::{Compiler, escape::unescape},
};

/// What an element of a list is compared as.
#[derive(Debug, Clone)]
pub(super) enum Element<'a> {
    Plain(Datum<'a>),
    /// JSON text: equals only the same text.
    Json(&'a str),
    /// Reads as a path: equals nothing.
    Path,
}

impl<'a> Element<'a> {
    pub(super) fn lift(value: &'a Value, machine: &mut Machine<'_>) -> Result<Self, Failure> {
        machine.work(1)?;
        Ok(Self::Plain(match value {
            Value::Null => Datum::Null,
            Value::Bool(bool) => Datum::Bool(*bool),
            Value::Number(number) => Datum::Number(Figure::of(number)),
            Value::String(text) => return Self::lift_text(text, machine),
            Value::Array(_) | Value::Object(_) => {
                return Err(Failure::hard(
                    "a list operator met a list inside a list or an object",
                ));
            }
        }))
    }

    fn lift_text(text: &'a str, machine: &mut Machine<'_>) -> Result<Self, Failure> {
        let trimmed = text.trim_matches(|c: char| c <= ' ');
        match (trimmed.as_bytes().first(), trimmed.as_bytes().last()) {
            (Some(b'$' | b'@'), _) => {
                machine.work_on_bytes(text.len())?;
                if text.len() > machine.limits.expression_bytes_max {
                    return Err(Failure::Limit(
                        "a list element that may be a path is too long",
                    ));
                }
                if Compiler::checking(machine.limits).compile(trimmed).is_ok() {
                    return match Compiler::checking(machine.limits).compile(text) {
                        Ok(_) => Ok(Self::Path),
                        Err(_) => Err(Failure::soft("a list element is an indented path")),
                    };
                }
            }
            (Some(b'['), Some(b']')) | (Some(b'{'), Some(b'}')) if trimmed.len() > 1 => {
                machine.work_on_bytes(text.len())?;
                if lenient::parse(trimmed).is_ok() {
                    return Ok(Self::Json(text));
                }
            }
            _ => {}
        }
        let inner = match text.as_bytes() {
            [b'\'', .., b'\''] | [b'"', .., b'"'] => &text[1..text.len() - 1],
            [_] => return Ok(Self::Plain(Datum::Text(Cow::Borrowed(text)))),
            _ => text,
        };
        let plain = unescape(inner);
        let plain = plain.ok_or(Failure::hard("a list element has a broken \\u escape"))?;
        Ok(Self::Plain(Datum::Text(plain)))
    }

    /// What a regular expression sees of an element.
    pub(super) fn input(&self) -> Cow<'_, str> {
        match self {
            Self::Plain(datum) => datum.input(),
            Self::Json(_) | Self::Path => Cow::Borrowed(""),
        }
    }
}

impl Datum<'_> {
    /// What a regular expression sees: nothing of null, of a missing value and of an object.
    pub(super) fn input(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(figure) => Cow::Owned(figure.text()),
            Self::Bool(bool) => Cow::Borrowed(if *bool { "true" } else { "false" }),
            _ => Cow::Borrowed(""),
        }
    }
}
