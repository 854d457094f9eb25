//! The ways in which compiling or evaluating can fail.

use std::borrow::Cow;

use thiserror::Error;

/// The expression is not one that the library would compile, or it is beyond a limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message} at byte {position}")]
pub struct SyntaxError {
    /// Byte offset into the expression where the trouble was seen. Inside function arguments it
    /// is the start of the argument.
    pub position: usize,
    /// What is wrong, and what would be right where that is known.
    pub message: String,
}

impl SyntaxError {
    pub(crate) fn new(position: usize, message: impl Into<String>) -> Self {
        Self {
            position,
            message: message.into(),
        }
    }
}

/// Why an evaluation has no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EvaluateError {
    /// A definite path leads to nothing in this document.
    #[error("path not found")]
    NotFound,
    /// The expression does not fit this document. Inside a filter it only makes the item fail.
    #[error("does not apply: {0}")]
    Soft(Cow<'static, str>),
    /// The whole evaluation fails, whatever else the expression says.
    #[error("cannot be evaluated: {0}")]
    Hard(Cow<'static, str>),
    /// A bound of [`Limits`](crate::Limits) was reached.
    #[error("stopped by a limit: {0}")]
    Limit(&'static str),
}

/// How evaluation stops early, inside the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    NotFound,
    Soft(Cow<'static, str>),
    Hard(Cow<'static, str>),
    /// A hard error that an array step further up swallows.
    OutOfRange,
    Limit(&'static str),
}

impl Failure {
    pub(crate) fn soft(reason: &'static str) -> Self {
        Self::Soft(Cow::Borrowed(reason))
    }

    pub(crate) fn hard(reason: &'static str) -> Self {
        Self::Hard(Cow::Borrowed(reason))
    }
}

impl From<Failure> for EvaluateError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotFound => Self::NotFound,
            Failure::Soft(reason) => Self::Soft(reason),
            Failure::Hard(reason) => Self::Hard(reason),
            Failure::OutOfRange => Self::Hard("there is no element at the index".into()),
            Failure::Limit(what) => Self::Limit(what),
        }
    }
}
