//! From a compiled path and a document to its value.
//!
//! `steps` follows paths, `calls` runs functions, `test` decides filters with `operators` on
//! `datum`s. Values of the document are borrowed; only what is computed is owned. Every loop is
//! charged to the work, every recursion to the depth.

mod calls;
mod datum;
mod element;
mod operators;
mod steps;
mod test;
mod text;

use std::{borrow::Cow, cell::OnceCell, collections::HashMap};

use serde_json::Value;

use self::datum::Datum;
use crate::{
    error::Failure,
    limits::Limits,
    syntax::tree::{PathTree, Step},
};

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Outcome<'v> {
    One(Cow<'v, Value>),
    Many(Vec<Cow<'v, Value>>),
}

/// One evaluation, with what is left of its limits.
#[derive(Debug)]
pub(crate) struct Machine<'l> {
    limits: &'l Limits,
    work_left: u64,
    depth_left: usize,
    /// Element indexes that a scan left on steps, by number of the step. They stay until the
    /// evaluation ends.
    marks: HashMap<usize, usize>,
}

/// What the filters of a path see besides their item.
struct Scope<'s> {
    root: &'s Value,
    /// Names that are missing make a path not found everywhere: the rule of existence tests.
    strict: bool,
    shared: Vec<OnceCell<Datum<'s>>>,
}

/// A path on its way, with the wildcard that `length` may put behind it.
#[derive(Clone, Copy)]
struct Route<'p> {
    path: &'p PathTree,
    children: bool,
}

impl<'p> Route<'p> {
    fn step(&self, at: usize) -> Option<&'p Step> {
        let behind = self.children && at == self.path.steps.len();
        if behind {
            Some(&Step::Wildcard)
        } else {
            self.path.steps.get(at)
        }
    }

    fn is_last(&self, at: usize) -> bool {
        self.step(at + 1).is_none()
    }

    /// Leads all that is before this step to at most one value?
    fn definite_before(&self, at: usize) -> bool {
        at <= self.path.definite_steps
    }
}

impl<'l> Machine<'l> {
    pub(crate) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            work_left: limits.work_max,
            depth_left: limits.depth_max,
            marks: HashMap::new(),
        }
    }

    /// Evaluates a path of its own on a document.
    pub(crate) fn evaluate<'v>(
        mut self,
        path: &PathTree,
        document: &'v Value,
    ) -> Result<Outcome<'v>, Failure> {
        if document.is_null() {
            return Err(Failure::NotFound);
        }
        self.run(
            Route {
                path,
                children: false,
            },
            document,
            document,
            false,
        )
    }

    fn run<'v>(
        &mut self,
        route: Route<'_>,
        start: &'v Value,
        root: &Value,
        strict: bool,
    ) -> Result<Outcome<'v>, Failure> {
        let path = route.path;
        if path.plain && !route.children {
            return self
                .look_up(path, start)
                .map(|value| Outcome::One(Cow::Borrowed(value)));
        }
        let shared = (0..path.shared).map(|_| OnceCell::new()).collect();
        let scope = Scope {
            root,
            strict,
            shared,
        };
        let mut hits = Vec::new();
        self.step(
            &steps::Walk {
                route,
                scope: &scope,
            },
            0,
            start,
            &mut hits,
        )?;
        if path.definite {
            hits.pop().map(Outcome::One).ok_or(Failure::NotFound)
        } else {
            Ok(Outcome::Many(hits))
        }
    }

    fn work(&mut self, units: u64) -> Result<(), Failure> {
        match self.work_left.checked_sub(units) {
            Some(left) => {
                self.work_left = left;
                Ok(())
            }
            None => Err(Failure::Limit("the evaluation takes too much work")),
        }
    }

    fn work_on_bytes(&mut self, bytes: usize) -> Result<(), Failure> {
        self.work(bytes as u64 / 64)
    }

    /// Charges a value that is about to be copied.
    fn work_on_copy(&mut self, value: &Value) -> Result<(), Failure> {
        self.work(1)?;
        match value {
            Value::String(text) => self.work_on_bytes(text.len()),
            Value::Array(elements) => self.deep(|machine| {
                elements
                    .iter()
                    .try_for_each(|element| machine.work_on_copy(element))
            }),
            Value::Object(members) => self.deep(|machine| {
                members
                    .values()
                    .try_for_each(|member| machine.work_on_copy(member))
            }),
            _ => Ok(()),
        }
    }

    /// One level deeper, within the limit.
    fn deep<T>(
        &mut self,
        enter: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(Failure::Limit(
            "document and expression are nested too deep",
        ))?;
        let result = enter(self);
        self.depth_left += 1;
        result
    }
}
