//! Following the steps of a path.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Machine, Route, Scope};
use crate::{
    error::Failure,
    syntax::tree::{PathTree, Slice, Step},
};

pub(super) type Hits<'v> = Vec<Cow<'v, Value>>;

/// A path being followed.
pub(super) struct Walk<'w, 's> {
    pub(super) route: Route<'w>,
    pub(super) scope: &'w Scope<'s>,
}

impl Machine<'_> {
    /// Follows a path of names and single indexes only.
    pub(super) fn look_up<'v>(
        &mut self,
        path: &PathTree,
        start: &'v Value,
    ) -> Result<&'v Value, Failure> {
        self.work(path.steps.len() as u64)?;
        path.steps
            .iter()
            .try_fold(start, |value, step| match (step, value) {
                (Step::Name(name), Value::Object(members)) => members.get(&**name),
                (Step::Index(index), Value::Array(elements)) => element(elements, *index),
                _ => None,
            })
            .ok_or(Failure::NotFound)
    }

    /// Takes the step at `at` and all behind it.
    pub(super) fn step<'v>(
        &mut self,
        walk: &Walk<'_, '_>,
        at: usize,
        value: &'v Value,
        hits: &mut Hits<'v>,
    ) -> Result<(), Failure> {
        self.work(1)?;
        self.deep(|machine| {
            let Some(step) = walk.route.step(at) else {
                hits.push(Cow::Borrowed(value));
                return Ok(());
            };
            match step {
                Step::Name(name) => match value {
                    Value::Object(members) => {
                        let definite = walk.route.definite_before(at);
                        machine.member(walk, at, members.get(&**name), definite, hits)
                    }
                    _ => walk.unfit(at),
                },
                Step::Names(names) => match value {
                    Value::Object(members) => machine.members(walk, at, names, members, hits),
                    _ => walk.unfit(at),
                },
                Step::Wildcard => machine.wildcard(walk, at, value, hits),
                Step::Index(_) | Step::Indexes(_) | Step::Slice(_) => match value {
                    Value::Array(elements) => machine.elements(walk, at, step, elements, hits),
                    _ => walk.unfit(at),
                },
                Step::Filter(test) => match value {
                    Value::Object(_) => {
                        if machine.accepts(test, value, walk.scope)? {
                            machine.onward(walk, at, value, hits)
                        } else {
                            Ok(())
                        }
                    }
                    Value::Array(elements) => elements.iter().try_for_each(|element| {
                        if machine.accepts(test, element, walk.scope)? {
                            machine.element(walk, at, element, hits)
                        } else {
                            Ok(())
                        }
                    }),
                    _ if walk.route.definite_before(at) => {
                        Err(Failure::soft("a filter needs an object or a list"))
                    }
                    _ => Ok(()),
                },
                Step::Scan if walk.route.is_last(at) => {
                    Err(Failure::hard(".. with nothing but a call behind it"))
                }
                Step::Scan => machine.scan(walk, at + 1, value, hits),
                Step::Call(call) => machine.call(walk, at, call, value, hits),
            }
        })
    }

    /// A hit, or the next step.
    fn onward<'v>(
        &mut self,
        walk: &Walk<'_, '_>,
        at: usize,
        value: &'v Value,
        hits: &mut Hits<'v>,
    ) -> Result<(), Failure> {
        if walk.route.is_last(at) {
            self.work(1)?;
            hits.push(Cow::Borrowed(value));
            return Ok(());
        }
        self.step(walk, at + 1, value, hits)
    }

    /// A member found, or not found, by a single name.
    fn member<'v>(
        &mut self,
        walk: &Walk<'_, '_>,
        at: usize,
        member: Option<&'v Value>,
        definite: bool,
        hits: &mut Hits<'v>,
    ) -> Result<(), Failure> {
        let last = walk.route.is_last(at);
        match member {
            Some(_) if last && !self.mark_fits(walk, at) => Ok(()),
            Some(member) => self.onward(walk, at, member, hits),
            None if walk.scope.strict || (definite && !last) => Err(Failure::NotFound),
            None => Ok(()),
        }
    }

    /// A marked last step only has a hit if a single index before it equals the mark.
    fn mark_fits(&self, walk: &Walk<'_, '_>, at: usize) -> bool {
        let path = walk.route.path;
        match self.marks.get(&(path.first_id + at)) {
            None => true,
            Some(mark) => path
                .marked_index
                .is_some_and(|index| usize::try_from(index) == Ok(*mark)),
        }
    }

    fn members<'v>(
        &mut self,
        walk: &Walk<'_, '_>,
        at: usize,
        names: &[Box<str>],
        members: &'v Map<String, Value>,
        hits: &mut Hits<'v>,
    ) -> Result<(), Failure> {
        if !walk.route.is_last(at) {
            return names
                .iter()
                .try_for_each(|name| self.member(walk, at, members.get(&**name), false, hits));
        }
        let mut merged = Map::new();
        for name in names {
            match members.get(&**name) {
                Some(member) => {
                    self.work_on_copy(member)?;
                    merged.insert(name.to_string(), member.clone());
                }
                None if walk.scope.strict => return Err(Failure::NotFound),
                None => {}
            }
        }
        hits.push(Cow::Owned(Value::Object(merged)));
        Ok(())
    }

    fn wildcard<'v>(
        &mut self,
        walk: &Walk<'_, '_>,
        at: usize,
        value: &'v Value,
        hits: &mut Hits<'v>,
    ) -> Result<(), Failure> {
        match value {
            Value::Object(members) => members
                .values()
                .try_for_each(|member| self.member(walk, at, Some(member), false, hits)),
            Value::Array(elements) => elements.iter().try_for_each(|element| {
                match self.element(walk, at, element, hits) {
                    Err(Failure::NotFound) if !walk.scope.strict => Ok(()),
                    other => other,
                }
            }),
            _ => Ok(()),
        }
    }

    /// An element of a list: it swallows that there is no element further down.
    fn element<'v>(
        &mut self,
        walk: &Walk<'_, '_>,
        at: usize,
        element: &'v Value,
        hits: &mut Hits<'v>,
    ) -> Result<(), Failure> {
        match self.onward(walk, at, element, hits) {
            Err(Failure::OutOfRange) => Ok(()),
            other => other,
        }
    }

    fn elements<'v>(
        &mut self,
        walk: &Walk<'_, '_>,
        at: usize,
        step: &Step,
        elements: &'v [Value],
        hits: &mut Hits<'v>,
    ) -> Result<(), Failure> {
        let mut take = |machine: &mut Self, index: i32| match element(elements, index) {
            Some(element) => machine.element(walk, at, element, hits),
            None => Ok(()),
        };
        match step {
            Step::Index(index) => take(self, *index),
            Step::Indexes(indexes) => indexes.iter().try_for_each(|index| take(self, *index)),
            Step::Slice(slice) => {
                let length = i32::try_from(elements.len()).unwrap_or(i32::MAX);
                let (from, to) = match *slice {
                    Slice::From(from) if from < 0 => (length.saturating_add(from).max(0), length),
                    Slice::From(from) => (from, length),
                    Slice::To(to) if to < 0 => (0, length.saturating_add(to)),
                    Slice::To(to) => (0, to.min(length)),
                    // Indexes below the first element of all lead nowhere.
                    Slice::Between(from, to) => (from.max(-length), to.min(length)),
                };
                (from..to).try_for_each(|index| take(self, index))
            }
            _ => Ok(()),
        }
    }

    /// Visits a container, then what is in it, and takes the step `target` where it fits.
    fn scan<'v>(
        &mut self,
        walk: &Walk<'_, '_>,
        target: usize,
        value: &'v Value,
        hits: &mut Hits<'v>,
    ) -> Result<(), Failure> {
        self.work(1)?;
        match value {
            Value::Object(members) => {
                if self.scan_accepts(walk, target, value)? {
                    self.step(walk, target, value, hits)?;
                }
                self.deep(|machine| {
                    members
                        .values()
                        .try_for_each(|member| machine.scan(walk, target, member, hits))
                })
            }
            Value::Array(elements) => {
                if self.scan_accepts(walk, target, value)? {
                    self.scanned_list(walk, target, value, elements, hits)?;
                }
                self.deep(|machine| {
                    elements
                        .iter()
                        .try_for_each(|element| machine.scan(walk, target, element, hits))
                })
            }
            _ => Ok(()),
        }
    }

    /// A list that the step behind a scan accepts: unless that step is the last, it is left out,
    /// and the step behind it is taken from every element and marked with the element's index.
    fn scanned_list<'v>(
        &mut self,
        walk: &Walk<'_, '_>,
        target: usize,
        value: &'v Value,
        elements: &'v [Value],
        hits: &mut Hits<'v>,
    ) -> Result<(), Failure> {
        if walk.route.is_last(target) {
            return self.step(walk, target, value, hits);
        }
        for (index, element) in elements.iter().enumerate() {
            self.marks
                .insert(walk.route.path.first_id + target + 1, index);
            self.step(walk, target + 1, element, hits)?;
        }
        Ok(())
    }

    fn scan_accepts(
        &mut self,
        walk: &Walk<'_, '_>,
        target: usize,
        value: &Value,
    ) -> Result<bool, Failure> {
        Ok(match (walk.route.step(target), value) {
            (Some(Step::Name(name)), Value::Object(members)) => members.contains_key(&**name),
            (Some(Step::Names(names)), Value::Object(members)) => {
                !walk.route.is_last(target)
                    || names.iter().all(|name| members.contains_key(&**name))
            }
            (Some(Step::Index(_) | Step::Indexes(_) | Step::Slice(_)), Value::Array(_))
            | (Some(Step::Wildcard), _) => true,
            (Some(Step::Filter(test)), _) => self.accepts(test, value, walk.scope)?,
            _ => false,
        })
    }
}

impl Walk<'_, '_> {
    /// The value is none that the step could be taken from.
    fn unfit(&self, at: usize) -> Result<(), Failure> {
        if self.route.definite_before(at) {
            Err(Failure::NotFound)
        } else {
            Ok(())
        }
    }
}

fn element(elements: &[Value], index: i32) -> Option<&Value> {
    let index = if index < 0 {
        elements
            .len()
            .checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
    } else {
        usize::try_from(index).ok()?
    };
    elements.get(index)
}
