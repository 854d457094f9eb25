//! The public face: compile once, apply to many documents.

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use serde_json::Value;

use crate::{
    error::{EvaluateError, SyntaxError},
    eval::{Machine, Outcome},
    limits::Limits,
    syntax::{Compiler, tree::PathTree},
};

/// A compiled expression. Cheap to clone, and free of state: it can be used from many threads.
#[derive(Clone)]
pub struct Path {
    expression: Arc<str>,
    tree: Arc<PathTree>,
}

impl Path {
    /// Compiles an expression within the default limits.
    ///
    /// # Errors
    ///
    /// When the library would not compile it either, when a regular expression uses what is not
    /// supported, or when it is beyond a limit.
    pub fn compile(expression: &str) -> Result<Self, SyntaxError> {
        Self::compile_within(expression, &Limits::DEFAULT)
    }

    /// Compiles an expression within the given limits.
    ///
    /// # Errors
    ///
    /// As for [`Path::compile`].
    pub fn compile_within(expression: &str, limits: &Limits) -> Result<Self, SyntaxError> {
        let tree = Compiler::new(limits).compile(expression)?;
        Ok(Self {
            expression: expression.into(),
            tree: Arc::new(tree),
        })
    }

    /// The expression as it was given.
    pub fn as_str(&self) -> &str {
        &self.expression
    }

    /// Whether the path leads to at most one value, so that its result is that value and not a
    /// list of hits.
    pub fn is_definite(&self) -> bool {
        self.tree.definite
    }

    /// Evaluates the path on a document.
    ///
    /// # Errors
    ///
    /// When a definite path leads nowhere, when the expression does not fit the document, or when
    /// a limit is reached.
    pub fn evaluate<'v>(
        &self,
        document: &'v Value,
        limits: &Limits,
    ) -> Result<Evaluated<'v>, EvaluateError> {
        Ok(match Machine::new(limits).evaluate(&self.tree, document)? {
            Outcome::One(value) => Evaluated::Value(value),
            Outcome::Many(hits) => Evaluated::List(hits),
        })
    }

    /// Decides whether a document passes, within the default limits.
    pub fn matches(&self, document: &Value) -> Verdict {
        self.matches_within(document, &Limits::DEFAULT)
    }

    /// Decides whether a document passes, within the given limits.
    pub fn matches_within(&self, document: &Value, limits: &Limits) -> Verdict {
        match self.evaluate(document, limits) {
            Ok(found) if found.is_match() => Verdict::Match,
            Ok(_) | Err(EvaluateError::NotFound | EvaluateError::Soft(_)) => Verdict::NoMatch,
            Err(error) => Verdict::Unevaluable(error),
        }
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Path")
            .field(&self.expression)
            .finish()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.expression)
    }
}

impl FromStr for Path {
    type Err = SyntaxError;

    fn from_str(expression: &str) -> Result<Self, SyntaxError> {
        Self::compile(expression)
    }
}

/// What a path leads to in a document. Values of the document are borrowed.
#[derive(Debug, Clone, PartialEq)]
pub enum Evaluated<'v> {
    /// The value of a definite path.
    Value(Cow<'v, Value>),
    /// The hits of an indefinite path, possibly none.
    List(Vec<Cow<'v, Value>>),
}

impl Evaluated<'_> {
    /// As a filter: a definite path matches unless its value is null or false, an indefinite
    /// path when it has a hit.
    pub fn is_match(&self) -> bool {
        match self {
            Self::Value(value) => !matches!(**value, Value::Null | Value::Bool(false)),
            Self::List(hits) => !hits.is_empty(),
        }
    }

    /// Whether the path leads to anything, null and false included.
    pub fn is_present(&self) -> bool {
        match self {
            Self::Value(_) => true,
            Self::List(hits) => !hits.is_empty(),
        }
    }

    /// The value, or the hits as a list.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Value(value) => value.clone().into_owned(),
            Self::List(hits) => hits.iter().map(|hit| hit.clone().into_owned()).collect(),
        }
    }
}

/// The answer of a filter. Only [`Verdict::Match`] lets an event through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The document passes.
    Match,
    /// The document does not pass.
    NoMatch,
    /// The filter failed on this document, with a hard error or at a limit. The document does
    /// not pass, and somebody should learn of it.
    Unevaluable(EvaluateError),
}

impl Verdict {
    /// Whether the document passes.
    pub fn is_match(&self) -> bool {
        matches!(self, Self::Match)
    }
}

/// What can be said of an expression and a sample document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validation {
    /// The expression compiles.
    pub is_valid_json_path: bool,
    /// It leads to something in the document, be that null or false.
    pub is_path_exist: bool,
    /// The document passes the expression as a filter.
    pub is_valid: bool,
}

/// Checks an expression against a sample document. Whatever fails is false.
pub fn validate(expression: &str, document: &Value, limits: &Limits) -> Validation {
    let Ok(path) = Path::compile_within(expression, limits) else {
        return Validation {
            is_valid_json_path: false,
            is_path_exist: false,
            is_valid: false,
        };
    };
    let found = path.evaluate(document, limits);
    Validation {
        is_valid_json_path: true,
        is_path_exist: found.as_ref().is_ok_and(Evaluated::is_present),
        is_valid: found.as_ref().is_ok_and(Evaluated::is_match),
    }
}
