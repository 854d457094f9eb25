//! The compiled form of an expression.

use serde_json::Value;

use crate::{decimal::Decimal, lenient::Malformed, pattern::Pattern};

/// A path: where it starts and the steps it takes.
#[derive(Debug)]
pub(crate) struct PathTree {
    /// Starts at the document, not at the item of a filter.
    pub(crate) from_root: bool,
    pub(crate) steps: Vec<Step>,
    /// Number of the first step among all steps of the expression.
    pub(crate) first_id: usize,
    /// How many leading steps lead to at most one value each.
    pub(crate) definite_steps: usize,
    /// The value is the last hit, not the list of hits.
    pub(crate) definite: bool,
    /// Only names and single indexes: can be followed without collecting hits.
    pub(crate) plain: bool,
    /// The index that a hit marked by a scan must have been found at.
    pub(crate) marked_index: Option<i32>,
    /// Number of distinct paths of its filters that start at the document and are worth
    /// evaluating only once.
    pub(crate) shared: usize,
}

impl PathTree {
    pub(crate) fn is_call(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Call(_)))
    }
}

#[derive(Debug)]
pub(crate) enum Step {
    Name(Box<str>),
    Names(Vec<Box<str>>),
    Wildcard,
    Index(i32),
    Indexes(Vec<i32>),
    Slice(Slice),
    Filter(Box<Test>),
    Scan,
    Call(Box<Call>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slice {
    From(i32),
    To(i32),
    Between(i32, i32),
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: Box<str>,
    pub(crate) arguments: Vec<Argument>,
}

#[derive(Debug)]
pub(crate) enum Argument {
    Path(PathTree),
    Json(Result<Value, Malformed>),
}

#[derive(Debug)]
pub(crate) enum Test {
    Or(Vec<Test>),
    And(Vec<Test>),
    Not(Box<Test>),
    Exists { path: PathTree, expected: bool },
    Compare(Box<Comparison>),
}

#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) left: Operand,
    pub(crate) operator: Operator,
    pub(crate) right: Operand,
}

#[derive(Debug)]
pub(crate) enum Operand {
    Path(PathTree),
    /// A path from the document whose value is kept in the slot of this number.
    Shared(PathTree, usize),
    Literal(Literal),
}

#[derive(Debug)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Number(NumberLiteral),
    Text(Box<str>),
    Pattern(Pattern),
    Json(Box<JsonLiteral>),
}

#[derive(Debug)]
pub(crate) struct NumberLiteral {
    pub(crate) decimal: Decimal,
    pub(crate) whole: Option<i128>,
    pub(crate) nearest: f64,
}

#[derive(Debug)]
pub(crate) struct JsonLiteral {
    pub(crate) text: Box<str>,
    pub(crate) value: Result<Value, Malformed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    SameKindEqual,
    SameKindNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    In,
    NotIn,
    SubsetOf,
    AnyOf,
    NoneOf,
    Contains,
    Size,
    Empty,
    Exists,
    /// `all`, `type`, `matches`: known, but a written filter has no operand they take.
    Unusable,
}

impl Operator {
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Some(match text.to_uppercase().as_str() {
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "===" => Self::SameKindEqual,
            "!==" => Self::SameKindNotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            "=~" => Self::Matches,
            "IN" => Self::In,
            "NIN" => Self::NotIn,
            "SUBSETOF" => Self::SubsetOf,
            "ANYOF" => Self::AnyOf,
            "NONEOF" => Self::NoneOf,
            "CONTAINS" => Self::Contains,
            "SIZE" => Self::Size,
            "EMPTY" => Self::Empty,
            "EXISTS" => Self::Exists,
            "ALL" | "TYPE" | "MATCHES" => Self::Unusable,
            _ => return None,
        })
    }
}
