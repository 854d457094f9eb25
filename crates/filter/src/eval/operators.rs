//! The operators between two operands.

use std::cmp::Ordering;

use serde_json::Value;

use super::{
    Machine,
    datum::{Datum, Figure, List, Parsed, compare_utf16, utf16_length},
    element::Element,
};
use crate::{decimal::Decimal, error::Failure, pattern::Pattern, syntax::tree::Operator};

type Answer = Result<bool, Failure>;

impl Machine<'_> {
    /// Applies an operator. Failures are soft or hard as the library has them.
    pub(super) fn compare(
        &mut self,
        left: &Datum<'_>,
        operator: Operator,
        right: &Datum<'_>,
    ) -> Answer {
        match operator {
            Operator::Equal => self.equal(left, right),
            Operator::NotEqual => Ok(!self.equal(left, right)?),
            Operator::SameKindEqual => Ok(left.same_kind(right) && self.equal(left, right)?),
            Operator::SameKindNotEqual => Ok(!left.same_kind(right) || !self.equal(left, right)?),
            Operator::Less => Ok(order(left, right).is_some_and(Ordering::is_lt)),
            Operator::LessOrEqual => Ok(order(left, right).is_some_and(Ordering::is_le)),
            Operator::Greater => Ok(order(left, right).is_some_and(Ordering::is_gt)),
            Operator::GreaterOrEqual => Ok(order(left, right).is_some_and(Ordering::is_ge)),
            Operator::Matches => self.matches(left, right),
            Operator::In => self.is_in(left, right),
            Operator::NotIn => Ok(!self.is_in(left, right)?),
            Operator::SubsetOf => self.sets(left, right, |left, right, machine| {
                all(left, |one| contains(right, one, machine))
            }),
            Operator::AnyOf => self.sets(left, right, any_common),
            Operator::NoneOf => self.sets(left, right, |left, right, machine| {
                Ok(!any_common(left, right, machine)?)
            }),
            Operator::Contains => self.contains(left, right),
            Operator::Size => size(left, right),
            Operator::Empty => empty(left, right),
            Operator::Exists => match (left, right) {
                (Datum::Bool(left), Datum::Bool(right)) => Ok(left == right),
                (Datum::Bool(_), _) | (_, Datum::Bool(_)) => {
                    Err(Failure::soft("exists has a side that is not true or false"))
                }
                _ => Err(Failure::hard("exists takes true or false")),
            },
            Operator::Unusable => Err(Failure::soft("this operator takes no written operand")),
        }
    }

    fn equal(&mut self, left: &Datum<'_>, right: &Datum<'_>) -> Answer {
        match (left, right) {
            // A written list on the left is still text when it is compared.
            (Datum::Written(_), Datum::List(_) | Datum::Object(_) | Datum::Written(_)) => {
                right.parsed().map(|_| false)
            }
            (Datum::List(left), Datum::List(_) | Datum::Object(_) | Datum::Written(_)) => {
                match right.parsed()? {
                    Parsed::List(right) => self.equal_lists(left, &right),
                    _ => Ok(false),
                }
            }
            (Datum::Object(left), Datum::List(_) | Datum::Object(_) | Datum::Written(_)) => {
                match right.parsed()? {
                    Parsed::Object(right) => self.deep(|machine| {
                        Ok(left.len() == right.len()
                            && all(left.iter(), |(name, value)| match right.get(name) {
                                Some(other) => machine.equal_values(value, other),
                                None => Ok(false),
                            })?)
                    }),
                    _ => Ok(false),
                }
            }
            _ => {
                self.work_on_datum(left)?;
                Ok(equal_scalars(left, right))
            }
        }
    }

    fn equal_lists(&mut self, left: &List<'_>, right: &List<'_>) -> Answer {
        self.deep(|machine| {
            Ok(left.len() == right.len()
                && all(left.iter().zip(right.iter()), |(one, other)| {
                    machine.equal_values(one, other)
                })?)
        })
    }

    /// Whole numbers and doubles differ inside lists and objects.
    fn equal_values(&mut self, one: &Value, other: &Value) -> Answer {
        self.work(1)?;
        match (one, other) {
            (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => {
                self.equal(&Datum::borrowed(one), &Datum::borrowed(other))
            }
            (Value::String(text), Value::String(other)) => {
                self.work_on_bytes(text.len())?;
                Ok(text == other)
            }
            (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => {
                Ok(false)
            }
            _ => Ok(one == other),
        }
    }

    fn matches(&mut self, left: &Datum<'_>, right: &Datum<'_>) -> Answer {
        match (left, right) {
            (Datum::Pattern(_), Datum::Pattern(_)) => Ok(false),
            (Datum::Pattern(pattern), other) | (other, Datum::Pattern(pattern)) => {
                if let Parsed::List(list) = other.parsed()? {
                    let elements = self.lift(&list)?;
                    for element in &elements {
                        if self.matches_text(pattern, &element.input())? {
                            return Ok(true);
                        }
                    }
                    return Ok(false);
                }
                self.matches_text(pattern, &other.input())
            }
            _ => Ok(false),
        }
    }

    fn matches_text(&mut self, pattern: &Pattern, text: &str) -> Answer {
        self.work(pattern.cost(text.len(), self.limits))?;
        pattern
            .matches(text)
            .map_err(|_| Failure::Limit("a regular expression backtracks too much"))
    }

    fn is_in(&mut self, left: &Datum<'_>, right: &Datum<'_>) -> Answer {
        match right.parsed()? {
            Parsed::List(list) => {
                let mut found = false;
                for value in list.iter() {
                    let element = Element::lift(value, self)?;
                    found = found || equal_element(left, &element);
                }
                Ok(found)
            }
            Parsed::Object(_) => Ok(false),
            Parsed::Neither => Err(Failure::soft("in takes a list on its right")),
        }
    }

    fn contains(&mut self, left: &Datum<'_>, right: &Datum<'_>) -> Answer {
        if let (Datum::Text(left), Datum::Text(right)) = (left, right) {
            self.work_on_bytes(left.len())?;
            return Ok(left.contains(right.as_ref()));
        }
        match left.parsed()? {
            Parsed::List(_) => self.is_in(right, left),
            _ => Ok(false),
        }
    }

    /// An operator on two lists. The right one is looked at first.
    fn sets(
        &mut self,
        left: &Datum<'_>,
        right: &Datum<'_>,
        relate: impl FnOnce(&[Element<'_>], &[Element<'_>], &mut Self) -> Answer,
    ) -> Answer {
        let wanted = Failure::soft("a set operator takes a list on both sides");
        let right = match right.parsed()? {
            Parsed::List(list) => list,
            Parsed::Object(_) => return Ok(false),
            Parsed::Neither => return Err(wanted),
        };
        let right = self.lift(&right)?;
        let left = match left.parsed()? {
            Parsed::List(list) => list,
            Parsed::Object(_) => return Ok(false),
            Parsed::Neither => return Err(wanted),
        };
        let left = self.lift(&left)?;
        relate(&left, &right, self)
    }

    fn lift<'e>(&mut self, list: &'e List<'_>) -> Result<Vec<Element<'e>>, Failure> {
        list.iter()
            .map(|value| Element::lift(value, self))
            .collect()
    }

    fn work_on_datum(&mut self, datum: &Datum<'_>) -> Result<(), Failure> {
        match datum {
            Datum::Text(text) => self.work_on_bytes(text.len()),
            _ => Ok(()),
        }
    }
}

fn any_common(left: &[Element<'_>], right: &[Element<'_>], machine: &mut Machine<'_>) -> Answer {
    Ok(!all(left, |one| Ok(!contains(right, one, machine)?))?)
}

fn contains(list: &[Element<'_>], one: &Element<'_>, machine: &mut Machine<'_>) -> Answer {
    machine.work(list.len() as u64)?;
    Ok(list.iter().any(|other| match (one, other) {
        (Element::Plain(one), other) => equal_element(one, other),
        (Element::Json(one), Element::Json(other)) => one == other,
        _ => false,
    }))
}

fn all<T>(items: impl IntoIterator<Item = T>, mut holds: impl FnMut(T) -> Answer) -> Answer {
    for item in items {
        if !holds(item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A list or object equals an element of a list only as text.
fn equal_element(one: &Datum<'_>, element: &Element<'_>) -> bool {
    match (one, element) {
        (Datum::Written(json), Element::Json(text)) => *json.text == **text,
        (one, Element::Plain(other)) => equal_scalars(one, other),
        _ => false,
    }
}

fn equal_scalars(left: &Datum<'_>, right: &Datum<'_>) -> bool {
    match (left, right) {
        (Datum::Null, Datum::Null) => true,
        (Datum::Bool(left), Datum::Bool(right)) => left == right,
        (Datum::Text(left), Datum::Text(right)) => left == right,
        (Datum::Number(left), Datum::Number(right)) => left.compare(right).is_eq(),
        (Datum::Number(left), Datum::Text(right)) => equal_to_text(left, right),
        (Datum::Text(left), Datum::Number(right)) => **left == right.text(),
        _ => false,
    }
}

fn equal_to_text(figure: &Figure<'_>, text: &str) -> bool {
    Decimal::parse(text).is_some_and(|other| figure.decimal().compare(&other).is_eq())
}

fn order(left: &Datum<'_>, right: &Datum<'_>) -> Option<Ordering> {
    match (left, right) {
        (Datum::Number(left), Datum::Number(right)) => Some(left.compare(right)),
        (Datum::Text(left), Datum::Text(right)) => Some(compare_utf16(left, right)),
        _ => None,
    }
}

fn size(left: &Datum<'_>, right: &Datum<'_>) -> Answer {
    let Datum::Number(expected) = right else {
        return Ok(false);
    };
    let length = match left {
        Datum::Text(text) => i32::try_from(utf16_length(text)),
        _ => match left.parsed()? {
            Parsed::List(list) => i32::try_from(list.len()),
            Parsed::Object(_) => Ok(-1),
            Parsed::Neither => return Ok(false),
        },
    };
    Ok(length.is_ok_and(|length| length == expected.decimal().wrapping_i32()))
}

fn empty(left: &Datum<'_>, right: &Datum<'_>) -> Answer {
    let is_empty = match left {
        Datum::Text(text) => text.is_empty(),
        _ => match left.parsed()? {
            Parsed::List(list) => list.len() == 0,
            Parsed::Object(_) => {
                return Err(Failure::hard(
                    "empty takes a string or a list, not an object",
                ));
            }
            Parsed::Neither => return Ok(false),
        },
    };
    match right {
        Datum::Bool(expected) => Ok(is_empty == *expected),
        _ => Err(Failure::soft("empty takes true or false on its right")),
    }
}
