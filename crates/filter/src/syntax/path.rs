//! Paths: the root and the steps behind it.

use super::{
    cursor::{Cursor, Regexes},
    escape::unescape,
    tree::{Argument, Call, PathTree, Slice, Step},
};
use crate::{error::SyntaxError, limits::Limits};

/// Compiles one expression, with everything nested in it.
pub(crate) struct Compiler<'l> {
    pub(super) limits: &'l Limits,
    depth: usize,
    /// Steps numbered so far.
    steps: usize,
    /// Atoms that the regular expressions may still take.
    pub(super) regex_size: usize,
    /// Shared operands of the filters of the path being read.
    pub(super) shared: usize,
    /// False when only the syntax is of interest.
    pub(super) build_patterns: bool,
}

impl<'l> Compiler<'l> {
    pub(crate) fn new(limits: &'l Limits) -> Self {
        let regex_size = limits.regex_size_max;
        Self {
            limits,
            depth: 0,
            steps: 0,
            regex_size,
            shared: 0,
            build_patterns: true,
        }
    }

    /// Only checks the syntax: no regular expression is built.
    pub(crate) fn checking(limits: &'l Limits) -> Self {
        Self {
            build_patterns: false,
            ..Self::new(limits)
        }
    }

    /// Compiles a whole expression.
    pub(crate) fn compile(mut self, expression: &str) -> Result<PathTree, SyntaxError> {
        let most = self.limits.expression_bytes_max;
        if expression.len() > most {
            let message = format!("the expression is longer than {most} bytes: shorten it");
            return Err(SyntaxError::new(most, message));
        }
        self.path(expression, 0).map_err(|mut error| {
            error.position = error.position.min(expression.len());
            error
        })
    }

    /// A path as written by itself or in a filter: the root may be missing.
    pub(super) fn path(&mut self, text: &str, base: isize) -> Result<PathTree, SyntaxError> {
        if matches!(text.as_bytes().first(), Some(b'$' | b'@')) {
            return self.trimmed(Cursor::new(text, base));
        }
        if text.is_empty() {
            return Err(Cursor::new(text, base).error("the expression is empty"));
        }
        let prefixed = format!("$.{text}");
        self.trimmed(Cursor::new(&prefixed, base - 2))
    }

    fn trimmed(&mut self, mut cursor: Cursor<'_>) -> Result<PathTree, SyntaxError> {
        cursor.trim_end();
        if cursor.last_is(b'.') {
            return Err(cursor.error_at(cursor.limit(), "a path does not end with a point"));
        }
        self.rooted(cursor)
    }

    /// One level deeper, within the limit.
    pub(super) fn nested<T>(
        &mut self,
        at: &Cursor<'_>,
        read: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.depth >= self.limits.nesting_max {
            let most = self.limits.nesting_max;
            return Err(at.error(format!("nested more than {most} levels deep: simplify it")));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// A path whose text begins with its root and is taken as it is.
    pub(super) fn rooted(&mut self, mut cursor: Cursor<'_>) -> Result<PathTree, SyntaxError> {
        let from_root = match cursor.current() {
            Some(b'$') => true,
            Some(b'@') => false,
            _ => return Err(cursor.error("a path starts with $ or @")),
        };
        let outer_shared = std::mem::take(&mut self.shared);
        let mut steps = Vec::new();
        if !cursor.is_tail() {
            cursor.position += 1;
            if !matches!(cursor.current(), Some(b'.' | b'[')) {
                return Err(cursor.error("expected . or [ behind the root"));
            }
            loop {
                self.step(&mut cursor, &mut steps)?;
                if cursor.is_tail() {
                    break;
                }
            }
        }
        let shared = std::mem::replace(&mut self.shared, outer_shared);
        Ok(self.finish(from_root, steps, shared))
    }

    fn step(&mut self, cursor: &mut Cursor<'_>, steps: &mut Vec<Step>) -> Result<(), SyntaxError> {
        if cursor.current() == Some(b'.') {
            cursor.position += 1;
            if cursor.current() == Some(b'.') {
                cursor.position += 1;
                steps.push(Step::Scan);
            }
            if cursor.current() == Some(b'.') {
                return Err(cursor.error("too many points"));
            }
        }
        let step = match cursor.current() {
            Some(b'[') => self.bracket(cursor)?,
            Some(b'*') => {
                cursor.position += 1;
                Step::Wildcard
            }
            None | Some(b'.' | b' ') => return Err(cursor.error("expected a name")),
            Some(_) => self.name_or_call(cursor)?,
        };
        steps.push(step);
        Ok(())
    }

    fn bracket(&mut self, cursor: &mut Cursor<'_>) -> Result<Step, SyntaxError> {
        let open = cursor.position;
        match cursor.next_significant(open) {
            Some((_, quote @ (b'\'' | b'"'))) => bracketed_names(cursor, quote),
            Some((_, b'0'..=b'9' | b'-' | b':')) => indexes(cursor),
            Some((star, b'*')) => {
                let close = cursor.next_significant_is(star, b']');
                let close =
                    close.ok_or_else(|| cursor.error_at(star + 1, "expected ] behind *"))?;
                cursor.position = close + 1;
                Ok(Step::Wildcard)
            }
            Some((question, b'?')) => {
                let close = cursor
                    .next_significant_is(question, b'(')
                    .and_then(|paren| cursor.closing(paren, b'(', b')', Regexes::Skipped))
                    .and_then(|paren| cursor.next_significant_is(paren, b']'))
                    .ok_or_else(|| cursor.error_at(question, "expected [?( condition )]"))?;
                let inner = Cursor::new(cursor.slice(open, close + 1), cursor.base_of(open));
                let test = self.nested(cursor, |compiler| compiler.filter(inner))?;
                cursor.position = close + 1;
                Ok(Step::Filter(Box::new(test)))
            }
            _ => {
                Err(cursor
                    .error("expected a quoted name, an index, a slice, * or ?( ) in brackets"))
            }
        }
    }

    fn name_or_call(&mut self, cursor: &mut Cursor<'_>) -> Result<Step, SyntaxError> {
        let start = cursor.position;
        let stop = (start..cursor.limit())
            .find(|at| matches!(cursor.at(*at), Some(b' ' | b'.' | b'[' | b'(')))
            .unwrap_or(cursor.limit());
        let name: Box<str> = cursor.slice(start, stop).into();
        match cursor.at(stop).filter(|_| stop < cursor.limit()) {
            Some(b' ') => {
                let message = "a name with a blank is written in brackets: ['a b']";
                Err(cursor.error_at(stop, message))
            }
            Some(b'(') => {
                let arguments = self.arguments(cursor, stop)?;
                Ok(Step::Call(Box::new(Call { name, arguments })))
            }
            _ => {
                cursor.position = stop;
                Ok(Step::Name(name))
            }
        }
    }

    /// Works out what evaluation wants to know of a path.
    fn finish(&mut self, from_root: bool, mut steps: Vec<Step>, shared: usize) -> PathTree {
        let last_is_call = matches!(steps.last(), Some(Step::Call(_)));
        if last_is_call && matches!(steps.first(), Some(Step::Scan)) {
            return self.scanned_call(from_root, steps, shared);
        }
        let last = steps.len().saturating_sub(1);
        let definite = |(at, step): (usize, &Step)| match step {
            Step::Name(_) | Step::Index(_) | Step::Call(_) => true,
            Step::Names(_) => at == last,
            _ => false,
        };
        let definite_steps = steps
            .iter()
            .enumerate()
            .take_while(|step| definite(*step))
            .count();
        let plain = steps
            .iter()
            .all(|step| matches!(step, Step::Name(_) | Step::Index(_)));
        let marked_index = match steps.len().checked_sub(2).map(|at| &steps[at]) {
            Some(Step::Index(index)) => Some(*index),
            _ => None,
        };
        let first_id = self.steps;
        // One number more for the wildcard that `length` puts behind its argument.
        self.steps += steps.len() + 1;
        steps.shrink_to_fit();
        let definite = definite_steps == steps.len();
        PathTree {
            from_root,
            steps,
            first_id,
            definite_steps,
            definite,
            plain,
            marked_index,
            shared,
        }
    }

    /// `$..a.f()` means `$.f($..a)`.
    fn scanned_call(&mut self, from_root: bool, steps: Vec<Step>, shared: usize) -> PathTree {
        let mut steps = steps.into_iter().peekable();
        let mut scanned = Vec::new();
        while let Some(step) = steps.next_if(|step| !matches!(step, Step::Call(_))) {
            scanned.push(step);
        }
        let argument = self.finish(true, scanned, shared);
        let mut calls: Vec<Step> = steps.collect();
        if let Some(Step::Call(call)) = calls.first_mut() {
            call.arguments = vec![Argument::Path(argument)];
        }
        let mut path = self.finish(from_root, calls, shared);
        // What follows the first call still sees the scan upstream.
        path.definite_steps = 0;
        path
    }
}

/// `['a', 'b']`: everything up to the bracket behind the last closing quote.
fn bracketed_names(cursor: &mut Cursor<'_>, quote: u8) -> Result<Step, SyntaxError> {
    let mut names: Vec<Box<str>> = Vec::new();
    let (mut begin, mut end) = (None, cursor.position);
    let (mut escaped, mut after_comma) = (false, false);
    for at in cursor.position + 1..cursor.limit() {
        let byte = cursor.at(at);
        if escaped {
            escaped = false;
        } else if byte == Some(b'\\') {
            escaped = true;
        } else if byte == Some(quote) {
            let Some(from) = begin.take() else {
                begin = Some(at + 1);
                after_comma = false;
                continue;
            };
            if !matches!(cursor.next_significant(at), Some((_, b']' | b','))) {
                return Err(cursor.error_at(at, "expected , or ] behind a name"));
            }
            let name = unescape(cursor.slice(from, at));
            names.push(
                name.ok_or_else(|| cursor.error_at(from, "\\u takes four digits"))?
                    .into(),
            );
            end = at;
        } else if begin.is_none() && matches!(byte, Some(b']' | b',')) {
            if after_comma {
                return Err(cursor.error_at(at, "expected a name behind the comma"));
            }
            if byte == Some(b']') {
                break;
            }
            after_comma = true;
        }
    }
    if begin.is_some() {
        return Err(cursor.error("the name has no closing quote"));
    }
    let close = cursor.next_significant_is(end, b']');
    cursor.position = close.ok_or_else(|| cursor.error_at(end, "expected ] behind the name"))? + 1;
    Ok(if names.len() == 1 {
        Step::Name(names.remove(0))
    } else {
        Step::Names(names)
    })
}

/// `[0]`, `[0,1]` or `[1:2]`.
fn indexes(cursor: &mut Cursor<'_>) -> Result<Step, SyntaxError> {
    let begin = cursor.position + 1;
    let close = (begin..cursor.limit()).find(|at| cursor.at(*at) == Some(b']'));
    let close = close.ok_or_else(|| cursor.error("expected ] behind an index"))?;
    let text = cursor.slice(begin, close).trim_matches(|c: char| c <= ' ');
    let number = |text: &str| {
        let message = "an index is a whole number of 32 bits";
        text.parse::<i32>()
            .ok()
            .filter(|_| !text.starts_with('+'))
            .ok_or((begin, message))
    };
    let step = if text.contains(':') {
        slice(text, number, begin)
    } else {
        text.split(',')
            .map(|index| number(index.trim_matches(' ')))
            .collect::<Result<Vec<_>, _>>()
            .map(|indexes| match indexes[..] {
                [index] => Step::Index(index),
                _ => Step::Indexes(indexes),
            })
    };
    let step = step.map_err(|(at, message)| cursor.error_at(at, message))?;
    cursor.position = close + 1;
    Ok(step)
}

/// The fields behind the second are ignored: there is no step width.
fn slice(
    text: &str,
    number: impl Fn(&str) -> Result<i32, (usize, &'static str)>,
    at: usize,
) -> Result<Step, (usize, &'static str)> {
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':'))
    {
        return Err((at, "a slice has only digits, - and : in it"));
    }
    let mut bounds = text.split(':').map(|field| match field {
        "" => Ok(None),
        field => number(field).map(Some),
    });
    let from = bounds.next().transpose()?.flatten();
    let to = bounds.next().transpose()?.flatten();
    match (from, to) {
        (Some(from), Some(to)) => Ok(Step::Slice(Slice::Between(from, to))),
        (Some(from), None) => Ok(Step::Slice(Slice::From(from))),
        (None, Some(to)) => Ok(Step::Slice(Slice::To(to))),
        (None, None) => Err((at, "a slice has a number before or behind the colon")),
    }
}
