//! Functions at the end of a path or within it.

use std::borrow::Cow;

use serde_json::{Number, Value};

use super::{
    Machine, Outcome, Route,
    steps::{Hits, Walk},
    text::print,
};
use crate::{
    error::Failure,
    lenient::Malformed,
    syntax::tree::{Argument, Call, PathTree},
};

/// An argument, with its path evaluated on the document.
enum Given<'a> {
    Path(&'a PathTree, Outcome<'a>),
    Json(&'a Result<Value, Malformed>),
}

impl Given<'_> {
    /// The values of a list argument, or the one value.
    fn for_each(&self, mut take: impl FnMut(&Value) -> Result<(), Failure>) -> Result<(), Failure> {
        let one = match self {
            Self::Path(_, Outcome::Many(hits)) => return hits.iter().try_for_each(|hit| take(hit)),
            Self::Path(_, Outcome::One(value)) => value,
            Self::Json(Ok(value)) => value,
            Self::Json(Err(Malformed)) => return Err(broken()),
        };
        match one {
            Value::Array(elements) => elements.iter().try_for_each(take),
            value => take(value),
        }
    }

    fn to_value(&self) -> Result<Value, Failure> {
        match self {
            Self::Path(_, Outcome::One(value)) => Ok(value.clone().into_owned()),
            Self::Path(_, Outcome::Many(hits)) => {
                Ok(hits.iter().map(|hit| hit.clone().into_owned()).collect())
            }
            Self::Json(Ok(value)) => Ok(value.clone()),
            Self::Json(Err(Malformed)) => Err(broken()),
        }
    }
}

fn broken() -> Failure {
    Failure::hard("an argument is not valid JSON")
}

impl Machine<'_> {
    /// Runs a function on a value. Its result is a hit, and the start of the next step.
    pub(super) fn call<'v>(
        &mut self,
        walk: &Walk<'_, '_>,
        at: usize,
        call: &Call,
        value: &'v Value,
        hits: &mut Hits<'v>,
    ) -> Result<(), Failure> {
        if !KNOWN.contains(&&*call.name) {
            let reason = format!("there is no function {}()", call.name);
            return Err(Failure::Soft(Cow::Owned(reason)));
        }
        let root = walk.scope.root;
        let mut given = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            given.push(match argument {
                Argument::Path(path) => {
                    let route = Route {
                        path,
                        children: false,
                    };
                    Given::Path(path, self.run(route, root, root, walk.scope.strict)?)
                }
                Argument::Json(json) => Given::Json(json),
            });
        }
        let result = self.invoke(&call.name, value, &given, walk.scope.strict)?;
        if walk.route.is_last(at) {
            hits.push(result);
            return Ok(());
        }
        match result {
            Cow::Borrowed(result) => {
                hits.push(Cow::Borrowed(result));
                self.step(walk, at + 1, result, hits)
            }
            Cow::Owned(result) => {
                let mut further = Vec::new();
                let outcome = self.step(walk, at + 1, &result, &mut further);
                let mut kept = Vec::with_capacity(further.len());
                for hit in further {
                    self.work_on_copy(&hit)?;
                    kept.push(Cow::Owned(hit.into_owned()));
                }
                hits.push(Cow::Owned(result));
                hits.extend(kept);
                outcome
            }
        }
    }

    fn invoke<'v>(
        &mut self,
        name: &str,
        value: &'v Value,
        given: &[Given<'_>],
        strict: bool,
    ) -> Result<Cow<'v, Value>, Failure> {
        let owned = match name {
            "length" | "size" => self.length(value, given, strict)?,
            "keys" => match value {
                Value::Object(members) => {
                    self.work(members.len() as u64)?;
                    members.keys().map(String::as_str).collect()
                }
                _ => Value::Null,
            },
            "append" => {
                let Value::Array(_) = value else {
                    return Ok(Cow::Borrowed(value));
                };
                self.append(value, given)?
            }
            "concat" => Value::String(self.concat(value, given)?),
            "first" => return at_index(value, 0).map(Cow::Borrowed),
            "last" => return at_index(value, -1).map(Cow::Borrowed),
            "index" => {
                elements(value)?;
                let numbers = self.argument_numbers(given)?;
                let index = numbers.first().ok_or(Failure::OutOfRange)?;
                return at_index(value, to_i32(index)).map(Cow::Borrowed);
            }
            _ => {
                let numbers = self.numbers(value, given)?;
                let result = aggregate(name, &numbers);
                let number = Number::from_f64(result);
                Value::Number(number.ok_or(Failure::hard("the result is no finite number"))?)
            }
        };
        Ok(Cow::Owned(owned))
    }

    /// Elements or members; with a path as argument what that leads to from the value.
    fn length(
        &mut self,
        value: &Value,
        given: &[Given<'_>],
        strict: bool,
    ) -> Result<Value, Failure> {
        match given.first() {
            Some(Given::Json(_)) => return Err(Failure::hard("length() takes a path")),
            Some(Given::Path(..)) if value.is_null() => {
                return Err(Failure::hard(
                    "length() with a path needs a value to start from",
                ));
            }
            Some(Given::Path(path, _)) => {
                let children = !path.is_call() && !path.steps.is_empty();
                // The wildcard is a new step for every call.
                self.marks.remove(&(path.first_id + path.steps.len()));
                match self.run(Route { path, children }, value, value, strict)? {
                    Outcome::Many(hits) => return Ok(hits.len().into()),
                    Outcome::One(inner) => {
                        if let Value::Array(elements) = &*inner {
                            return Ok(elements.len().into());
                        }
                    }
                }
            }
            None => {}
        }
        Ok(match value {
            Value::Array(elements) => elements.len().into(),
            Value::Object(members) => members.len().into(),
            _ => Value::Null,
        })
    }

    fn append(&mut self, list: &Value, given: &[Given<'_>]) -> Result<Value, Failure> {
        self.work_on_copy(list)?;
        let mut list = list.clone();
        if let Value::Array(elements) = &mut list {
            for one in given {
                let value = one.to_value()?;
                self.work_on_copy(&value)?;
                elements.push(value);
            }
        }
        Ok(list)
    }

    fn concat(&mut self, value: &Value, given: &[Given<'_>]) -> Result<String, Failure> {
        let mut text = String::new();
        for element in value.as_array().into_iter().flatten() {
            if let Value::String(element) = element {
                self.work(1)?;
                self.work_on_bytes(element.len())?;
                text.push_str(element);
            }
        }
        for one in given {
            one.for_each(|value| {
                self.work_on_copy(value)?;
                if !value.is_null() {
                    print(value, &mut text);
                }
                Ok(())
            })?;
        }
        Ok(text)
    }

    /// The numbers in the list, then those of the arguments. None at all is an error.
    fn numbers(&mut self, value: &Value, given: &[Given<'_>]) -> Result<Vec<f64>, Failure> {
        let mut numbers = Vec::new();
        for element in value.as_array().into_iter().flatten() {
            self.work(1)?;
            numbers.extend(element.as_f64());
        }
        let more = self.argument_numbers(given)?;
        numbers.extend(more.iter().filter_map(Number::as_f64));
        if numbers.is_empty() {
            return Err(Failure::hard("there is no number to aggregate"));
        }
        Ok(numbers)
    }

    fn argument_numbers(&mut self, given: &[Given<'_>]) -> Result<Vec<Number>, Failure> {
        let mut numbers = Vec::new();
        for one in given {
            one.for_each(|value| {
                self.work(1)?;
                if let Value::Number(number) = value {
                    numbers.push(number.clone());
                }
                Ok(())
            })?;
        }
        Ok(numbers)
    }
}

const KNOWN: [&str; 13] = [
    "length", "size", "keys", "append", "concat", "first", "last", "index", "min", "max", "avg",
    "sum", "stddev",
];

#[expect(
    clippy::cast_precision_loss,
    reason = "a count of values in memory is far below 2^53"
)]
fn aggregate(name: &str, numbers: &[f64]) -> f64 {
    let count = numbers.len() as f64;
    let sum: f64 = numbers.iter().fold(0.0, |sum, number| sum + number);
    match name {
        // Java begins with the smallest positive double, so nothing below it is ever the largest.
        "max" => numbers.iter().copied().fold(f64::from_bits(1), f64::max),
        "min" => numbers.iter().copied().fold(f64::MAX, f64::min),
        "avg" => sum / count,
        "stddev" => {
            let squares: f64 = numbers
                .iter()
                .fold(0.0, |sum, number| sum + number * number);
            (squares / count - sum * sum / count / count).sqrt()
        }
        _ => sum,
    }
}

fn elements(value: &Value) -> Result<&Vec<Value>, Failure> {
    value
        .as_array()
        .ok_or(Failure::hard("first(), last() and index() need a list"))
}

/// Counted from the end when negative; the very first element is out of reach that way.
fn at_index(value: &Value, index: i32) -> Result<&Value, Failure> {
    let elements = elements(value)?;
    if let Ok(index) = usize::try_from(index) {
        return elements.get(index).ok_or(Failure::OutOfRange);
    }
    let back = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    match elements.len().checked_sub(back) {
        Some(index @ 1..) => elements.get(index).ok_or(Failure::OutOfRange),
        _ => Err(Failure::hard(
            "the index is before the first element but one",
        )),
    }
}

/// Whole numbers wrap around, doubles are cut off.
#[expect(clippy::cast_possible_truncation, reason = "as Java's intValue does")]
fn to_i32(number: &Number) -> i32 {
    match (number.as_i64(), number.as_u64()) {
        (Some(whole), _) => whole as i32,
        (None, Some(whole)) => whole as i32,
        (None, None) => number.as_f64().unwrap_or_default() as i32,
    }
}
