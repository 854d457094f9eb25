//! Operands of a comparison, as found in the document or written in the filter.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::{Map, Number, Value};

use crate::{
    decimal::Decimal,
    error::Failure,
    pattern::Pattern,
    syntax::tree::{JsonLiteral, Literal, NumberLiteral},
};

/// An evaluated operand.
#[derive(Debug, Clone)]
pub(super) enum Datum<'a> {
    /// A path that leads nowhere.
    Undefined,
    Null,
    Bool(bool),
    Number(Figure<'a>),
    Text(Cow<'a, str>),
    List(List<'a>),
    Object(Cow<'a, Map<String, Value>>),
    /// A list or object as written in the filter.
    Written(&'a JsonLiteral),
    Pattern(&'a Pattern),
}

/// The elements of a list, or the hits of an indefinite path.
#[derive(Debug, Clone)]
pub(super) enum List<'a> {
    Array(Cow<'a, [Value]>),
    Hits(Vec<&'a Value>),
    Computed(Vec<Cow<'a, Value>>),
}

/// A number, exact. Comparisons of numbers are by value.
#[derive(Debug, Clone)]
pub(super) enum Figure<'a> {
    Whole(i128),
    Double(f64),
    Written(&'a NumberLiteral),
}

impl<'a> Datum<'a> {
    pub(super) fn of(value: Cow<'a, Value>) -> Self {
        match value {
            Cow::Borrowed(value) => Self::borrowed(value),
            Cow::Owned(Value::Null) => Self::Null,
            Cow::Owned(Value::Bool(bool)) => Self::Bool(bool),
            Cow::Owned(Value::Number(number)) => Self::Number(Figure::of(&number)),
            Cow::Owned(Value::String(text)) => Self::Text(Cow::Owned(text)),
            Cow::Owned(Value::Array(elements)) => Self::List(List::Array(Cow::Owned(elements))),
            Cow::Owned(Value::Object(members)) => Self::Object(Cow::Owned(members)),
        }
    }

    pub(super) fn borrowed(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Number(number) => Self::Number(Figure::of(number)),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Array(elements) => Self::List(List::Array(Cow::Borrowed(elements))),
            Value::Object(members) => Self::Object(Cow::Borrowed(members)),
        }
    }

    pub(super) fn literal(literal: &'a Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(bool) => Self::Bool(*bool),
            Literal::Number(number) => Self::Number(Figure::Written(number)),
            Literal::Text(text) => Self::Text(Cow::Borrowed(text)),
            Literal::Pattern(pattern) => Self::Pattern(pattern),
            Literal::Json(json) => Self::Written(json),
        }
    }

    /// A list or object in parsed form; hard when it was written and is broken.
    pub(super) fn parsed(&self) -> Result<Parsed<'_>, Failure> {
        Ok(match self {
            Self::List(list) => Parsed::List(list.reborrow()),
            Self::Object(members) => Parsed::Object(members),
            Self::Written(json) => match &json.value {
                Ok(Value::Array(elements)) => Parsed::List(List::Array(Cow::Borrowed(elements))),
                Ok(Value::Object(members)) => Parsed::Object(members),
                Ok(_) | Err(_) => {
                    return Err(Failure::hard("a written list or object is not valid JSON"));
                }
            },
            _ => Parsed::Neither,
        })
    }

    /// Lists and objects are one kind, as the library has it.
    pub(super) fn same_kind(&self, other: &Self) -> bool {
        let kind = |datum: &Self| match datum {
            Self::Undefined => 0,
            Self::Null => 1,
            Self::Bool(_) => 2,
            Self::Number(_) => 3,
            Self::Text(_) => 4,
            Self::List(_) | Self::Object(_) | Self::Written(_) => 5,
            Self::Pattern(_) => 6,
        };
        kind(self) == kind(other)
    }
}

/// A list or object of either origin.
pub(super) enum Parsed<'a> {
    List(List<'a>),
    Object(&'a Map<String, Value>),
    Neither,
}

impl List<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Array(elements) => elements.len(),
            Self::Hits(hits) => hits.len(),
            Self::Computed(hits) => hits.len(),
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<&Value> {
        match self {
            Self::Array(elements) => elements.get(at),
            Self::Hits(hits) => hits.get(at).copied(),
            Self::Computed(hits) => hits.get(at).map(AsRef::as_ref),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Value> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    fn reborrow(&self) -> List<'_> {
        match self {
            Self::Array(elements) => List::Array(Cow::Borrowed(elements)),
            Self::Hits(hits) => List::Hits(hits.clone()),
            Self::Computed(hits) => List::Hits(hits.iter().map(AsRef::as_ref).collect()),
        }
    }
}

impl Figure<'_> {
    pub(super) fn of(number: &Number) -> Self {
        if let Some(small) = number.as_i64() {
            Self::Whole(small.into())
        } else if let Some(large) = number.as_u64() {
            Self::Whole(large.into())
        } else {
            Self::Double(number.as_f64().unwrap_or(f64::NAN))
        }
    }

    fn whole(&self) -> Option<i128> {
        match self {
            Self::Whole(whole) => Some(*whole),
            Self::Double(_) => None,
            Self::Written(number) => number.whole,
        }
    }

    fn nearest(&self) -> f64 {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "ties are settled by the decimals"
            )]
            Self::Whole(whole) => *whole as f64,
            Self::Double(double) => *double,
            Self::Written(number) => number.nearest,
        }
    }

    pub(super) fn decimal(&self) -> Cow<'_, Decimal> {
        match self {
            Self::Whole(whole) => Cow::Owned(Decimal::from_integer(*whole)),
            Self::Double(double) => Cow::Owned(Decimal::from_double(*double)),
            Self::Written(number) => Cow::Borrowed(&number.decimal),
        }
    }

    pub(super) fn compare(&self, other: &Figure<'_>) -> Ordering {
        if let (Some(one), Some(other)) = (self.whole(), other.whole()) {
            return one.cmp(&other);
        }
        // Rounding to a double keeps the order, so only equal doubles need the decimals.
        match self.nearest().partial_cmp(&other.nearest()) {
            Some(Ordering::Equal) | None => self.decimal().compare(&other.decimal()),
            Some(order) => order,
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Whole(whole) => whole.to_string(),
            _ => self.decimal().to_text(),
        }
    }
}

/// Java compares strings by UTF-16 code units, which differs from code points where only one
/// of the two is beyond the basic plane.
pub(super) fn compare_utf16(one: &str, other: &str) -> Ordering {
    match one
        .chars()
        .zip(other.chars())
        .find(|(one, other)| one != other)
    {
        None => one.len().cmp(&other.len()),
        Some((one, other)) => {
            let unit = |c: char| c.encode_utf16(&mut [0; 2])[0];
            unit(one).cmp(&unit(other)).then(one.cmp(&other))
        }
    }
}

pub(super) fn utf16_length(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.encode_utf16().count()
    }
}
