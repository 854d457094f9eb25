//! The `filters` parameter: `field op value`, joined by `and`, `or`, `not` and
//! parentheses; `not` binds closest, then `and`, then `or`.

use super::{
    field::{Comparable, Field, Kind},
    lexer::{Token, tokens},
};

/// Parentheses and `not` may be nested this deep.
const DEPTH_MAX: usize = 32;

/// Why an expression was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FilterError {
    #[error("a quoted text has no closing quote")]
    Unterminated,
    #[error("\\{0} is not an escape; write \\\" or \\\\")]
    Escape(char),
    #[error("field {field:?} can't be filtered by; use one of: {known}")]
    UnknownField { field: String, known: String },
    #[error(
        "{0:?} is not an operator; use eq, ne, gt, ge, lt, le, co, sw, in, pr or isnull, in lower case"
    )]
    UnknownOperator(String),
    #[error("operator {operator} is not supported for field {field:?}")]
    UnsupportedOperator {
        operator: &'static str,
        field: &'static str,
    },
    #[error("{value:?} is not a value of field {field:?}")]
    BadValue { field: &'static str, value: String },
    #[error("expected {expected}, found {found}")]
    Unexpected {
        expected: &'static str,
        found: String,
    },
    #[error("nested deeper than {DEPTH_MAX}")]
    TooDeep,
}

/// A condition on the rows of a list.
#[derive(Debug)]
pub(crate) enum Filter<T: 'static> {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Test(Test<T>),
}

/// One comparison.
#[derive(Debug)]
pub(crate) struct Test<T: 'static> {
    field: &'static Field<T>,
    operator: Operator,
    values: Vec<Comparable>,
    written: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    Co,
    Sw,
    In,
    Ca,
    Pr,
    IsNull,
}

impl Operator {
    const ALL: [Self; 12] = [
        Self::Eq,
        Self::Ne,
        Self::Gt,
        Self::Ge,
        Self::Lt,
        Self::Le,
        Self::Co,
        Self::Sw,
        Self::In,
        Self::Ca,
        Self::Pr,
        Self::IsNull,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::In => "in",
            Self::Ca => "ca",
            Self::Pr => "pr",
            Self::IsNull => "isnull",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.name() == word)
    }

    const fn is_unary(self) -> bool {
        matches!(self, Self::Pr | Self::IsNull)
    }

    /// `ca` needs a field with several values; no list has one.
    const fn applies_to(self, kind: Kind) -> bool {
        match self {
            Self::Ca => false,
            Self::Co | Self::Sw => !matches!(kind, Kind::Time),
            _ => true,
        }
    }
}

impl<T> Filter<T> {
    /// Parses `text` against the fields of a list.
    pub(crate) fn parse(
        text: &str,
        fields: &'static [Field<T>],
    ) -> Result<Option<Self>, FilterError> {
        let tokens = tokens(text)?;
        if tokens.is_empty() {
            return Ok(None);
        }
        let mut parser = Parser {
            tokens: tokens.into_iter().peekable(),
            fields,
            depth: 0,
        };
        let filter = parser.any_of()?;
        match parser.tokens.next() {
            None => Ok(Some(filter)),
            Some(token) => Err(unexpected("and, or, or the end", Some(&token))),
        }
    }

    /// Whether `row` fulfils it.
    pub(crate) fn matches(&self, row: &T) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.matches(row)),
            Self::Or(any) => any.iter().any(|filter| filter.matches(row)),
            Self::Not(filter) => !filter.matches(row),
            Self::Test(test) => test.matches(row),
        }
    }

    /// The text that `field` must equal in every row that fulfils the filter, as
    /// the client wrote it. Lets the owner of the rows look up instead of search.
    pub(crate) fn required(&self, field: &str) -> Option<&str> {
        match self {
            Self::And(all) => all.iter().find_map(|filter| filter.required(field)),
            Self::Test(test) if test.field.name == field && test.operator == Operator::Eq => {
                test.written.first().map(String::as_str)
            }
            _ => None,
        }
    }

    /// Whether it says no more than that these fields equal something, each once.
    pub(crate) fn requires_only(&self, fields: &[&str]) -> bool {
        let tests = match self {
            Self::And(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut names = Vec::new();
        for test in tests {
            match test {
                Self::Test(test)
                    if test.operator == Operator::Eq
                        && fields.contains(&test.field.name)
                        && !names.contains(&test.field.name) =>
                {
                    names.push(test.field.name);
                }
                _ => return false,
            }
        }
        true
    }
}

impl<T> Test<T> {
    fn matches(&self, row: &T) -> bool {
        let actual = self.field.kind.comparable(&(self.field.value)(row));
        let is_null = actual == Comparable::Null;
        let first = self.values.first();
        let compares = |wanted: fn(std::cmp::Ordering) -> bool| {
            !is_null && first.is_some_and(|value| wanted(actual.cmp(value)))
        };
        match self.operator {
            Operator::Pr => !is_null,
            Operator::IsNull => is_null,
            Operator::Eq => first == Some(&actual),
            Operator::Ne => first != Some(&actual),
            Operator::In => self.values.contains(&actual),
            Operator::Gt => compares(std::cmp::Ordering::is_gt),
            Operator::Ge => compares(std::cmp::Ordering::is_ge),
            Operator::Lt => compares(std::cmp::Ordering::is_lt),
            Operator::Le => compares(std::cmp::Ordering::is_le),
            Operator::Co => both_texts(&actual, first, |text, part| text.contains(part)),
            Operator::Sw => both_texts(&actual, first, |text, part| text.starts_with(part)),
            Operator::Ca => false,
        }
    }
}

fn both_texts(
    actual: &Comparable,
    value: Option<&Comparable>,
    holds: impl Fn(&str, &str) -> bool,
) -> bool {
    match (actual, value) {
        (Comparable::Text(text), Some(Comparable::Text(part))) => holds(text, part),
        _ => false,
    }
}

struct Parser<T: 'static> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    fields: &'static [Field<T>],
    depth: usize,
}

impl<T> Parser<T> {
    fn any_of(&mut self) -> Result<Filter<T>, FilterError> {
        let mut any = vec![self.all_of()?];
        while self.keyword("or") {
            any.push(self.all_of()?);
        }
        Ok(single_or(any, Filter::Or))
    }

    fn all_of(&mut self) -> Result<Filter<T>, FilterError> {
        let mut all = vec![self.term()?];
        while self.keyword("and") {
            all.push(self.term()?);
        }
        Ok(single_or(all, Filter::And))
    }

    fn term(&mut self) -> Result<Filter<T>, FilterError> {
        if self.keyword("not") {
            let inner = self.deeper(Self::term)?;
            return Ok(Filter::Not(Box::new(inner)));
        }
        if self.tokens.next_if_eq(&Token::Open).is_some() {
            let inner = self.deeper(Self::any_of)?;
            self.expect(&Token::Close, "a closing parenthesis")?;
            return Ok(inner);
        }
        self.test().map(Filter::Test)
    }

    fn deeper(
        &mut self,
        parse: fn(&mut Self) -> Result<Filter<T>, FilterError>,
    ) -> Result<Filter<T>, FilterError> {
        if self.depth == DEPTH_MAX {
            return Err(FilterError::TooDeep);
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// `pr field`, `isnull field`, `field isnull`, `field in (...)`, `field op value`.
    fn test(&mut self) -> Result<Test<T>, FilterError> {
        let first = self.word("a field")?;
        if let Some(operator) = Operator::parse(&first).filter(|op| op.is_unary()) {
            let field = self.word("a field")?;
            let field = self.field(&field)?;
            return Ok(Test::unary(field, operator));
        }
        let field = self.field(&first)?;
        let word = self.word("an operator")?;
        let operator =
            Operator::parse(&word).ok_or_else(|| FilterError::UnknownOperator(cut(&word)))?;
        if !operator.applies_to(field.kind) {
            return Err(FilterError::UnsupportedOperator {
                operator: operator.name(),
                field: field.name,
            });
        }
        if operator.is_unary() {
            return Ok(Test::unary(field, operator));
        }
        let written = if operator == Operator::In {
            self.list()?
        } else {
            vec![self.value()?]
        };
        let values = written
            .iter()
            .map(|text| {
                let literal = field.kind.literal(text);
                literal.ok_or_else(|| FilterError::BadValue {
                    field: field.name,
                    value: cut(text),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Test {
            field,
            operator,
            values,
            written,
        })
    }

    fn list(&mut self) -> Result<Vec<String>, FilterError> {
        self.expect(&Token::Open, "a list in parentheses")?;
        let mut values = vec![self.value()?];
        while self.tokens.next_if_eq(&Token::Comma).is_some() {
            values.push(self.value()?);
        }
        self.expect(&Token::Close, "a comma or a closing parenthesis")?;
        Ok(values)
    }

    fn value(&mut self) -> Result<String, FilterError> {
        match self.tokens.next() {
            Some(Token::Text(text) | Token::Word(text)) => Ok(text),
            other => Err(unexpected("a value", other.as_ref())),
        }
    }

    fn word(&mut self, expected: &'static str) -> Result<String, FilterError> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(unexpected(expected, other.as_ref())),
        }
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        self.tokens
            .next_if(|token| matches!(token, Token::Word(word) if word == keyword))
            .is_some()
    }

    fn expect(&mut self, token: &Token, expected: &'static str) -> Result<(), FilterError> {
        match self.tokens.next() {
            Some(found) if found == *token => Ok(()),
            other => Err(unexpected(expected, other.as_ref())),
        }
    }

    fn field(&self, name: &str) -> Result<&'static Field<T>, FilterError> {
        let mut filterable = self.fields.iter().filter(|field| field.usage.filters());
        filterable
            .clone()
            .find(|field| field.name == name)
            .ok_or_else(|| FilterError::UnknownField {
                field: cut(name),
                known: filterable
                    .by_ref()
                    .map(|field| field.name)
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }
}

impl<T> Test<T> {
    const fn unary(field: &'static Field<T>, operator: Operator) -> Self {
        Self {
            field,
            operator,
            values: vec![],
            written: vec![],
        }
    }
}

fn single_or<T>(mut parts: Vec<Filter<T>>, join: fn(Vec<Filter<T>>) -> Filter<T>) -> Filter<T> {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}

fn unexpected(expected: &'static str, found: Option<&Token>) -> FilterError {
    FilterError::Unexpected {
        expected,
        found: found.map_or_else(|| "the end".into(), |token| cut(&token.to_string())),
    }
}

/// Enough of what a client wrote to be recognised.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
