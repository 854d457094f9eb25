//! Deciding filters.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    Machine, Outcome, Route, Scope,
    datum::{Datum, List},
};
use crate::{
    error::Failure,
    syntax::tree::{Operand, PathTree, Step, Test},
};

impl Machine<'_> {
    /// Whether an item passes. Soft errors anywhere in the test make it fail.
    pub(super) fn accepts(
        &mut self,
        test: &Test,
        item: &Value,
        scope: &Scope<'_>,
    ) -> Result<bool, Failure> {
        match self.test(test, item, scope) {
            Err(Failure::Soft(_) | Failure::NotFound) => Ok(false),
            other => other,
        }
    }

    fn test(&mut self, test: &Test, item: &Value, scope: &Scope<'_>) -> Result<bool, Failure> {
        match test {
            Test::Or(tests) => {
                for test in tests {
                    if self.test(test, item, scope)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Test::And(tests) => {
                for test in tests {
                    if !self.test(test, item, scope)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Test::Not(test) => Ok(!self.test(test, item, scope)?),
            Test::Exists { path, expected } => {
                let route = Route {
                    path,
                    children: false,
                };
                // Starts at the item, even when it is written with $.
                match self.run(route, item, scope.root, true) {
                    Ok(_) => Ok(*expected),
                    Err(Failure::NotFound) => Ok(!*expected),
                    Err(failure) => Err(failure),
                }
            }
            Test::Compare(comparison) => {
                let (left, right);
                let left = match &comparison.left {
                    Operand::Shared(path, slot) => self.shared(path, *slot, scope)?,
                    operand => {
                        left = self.operand(operand, item, scope)?;
                        &left
                    }
                };
                let right = match &comparison.right {
                    Operand::Shared(path, slot) => self.shared(path, *slot, scope)?,
                    operand => {
                        right = self.operand(operand, item, scope)?;
                        &right
                    }
                };
                self.compare(left, comparison.operator, right)
            }
        }
    }

    fn operand<'a, 's: 'a>(
        &mut self,
        operand: &'a Operand,
        item: &'a Value,
        scope: &'a Scope<'s>,
    ) -> Result<Datum<'a>, Failure> {
        match operand {
            Operand::Literal(literal) => Ok(Datum::literal(literal)),
            Operand::Path(path) | Operand::Shared(path, _) => {
                let start = if path.from_root { scope.root } else { item };
                self.path_operand(path, start, scope)
            }
        }
    }

    /// The value of a path from the document, which is the same for all items.
    fn shared<'a, 's>(
        &mut self,
        path: &PathTree,
        slot: usize,
        scope: &'a Scope<'s>,
    ) -> Result<&'a Datum<'s>, Failure> {
        let cell = scope
            .shared
            .get(slot)
            .ok_or(Failure::hard("an operand has no place"))?;
        if let Some(datum) = cell.get() {
            return Ok(datum);
        }
        let datum = self.path_operand(path, scope.root, scope)?;
        Ok(cell.get_or_init(|| datum))
    }

    fn path_operand<'v>(
        &mut self,
        path: &PathTree,
        start: &'v Value,
        scope: &Scope<'_>,
    ) -> Result<Datum<'v>, Failure> {
        let route = Route {
            path,
            children: false,
        };
        match self.run(route, start, scope.root, scope.strict) {
            Ok(Outcome::One(Cow::Owned(Value::Array(_)))) if ends_in_keys(path) => {
                Err(Failure::hard("keys() is no operand"))
            }
            Ok(Outcome::One(value)) => Ok(Datum::of(value)),
            Ok(Outcome::Many(hits)) => Ok(Datum::List(List::Computed(hits))),
            Err(Failure::NotFound) => Ok(Datum::Undefined),
            Err(failure) => Err(failure),
        }
    }
}

fn ends_in_keys(path: &PathTree) -> bool {
    matches!(path.steps.last(), Some(Step::Call(call)) if &*call.name == "keys")
}
