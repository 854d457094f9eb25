//! What stands in `[?( )]`: tests joined by `&&`, `||` and `!`.

use super::{
    cursor::{Cursor, Regexes},
    escape::unescape,
    path::Compiler,
    tree::{Comparison, JsonLiteral, Literal, NumberLiteral, Operand, Operator, PathTree, Test},
};
use crate::{decimal::Decimal, error::SyntaxError, lenient, pattern::Pattern};

/// No operator is longer, however it is written; so text without blanks is not read again and
/// again in search of an end.
const OPERATOR_BYTES_MAX: usize = 24;

/// A side of a comparison as read, before it is known whether it is one.
enum Side {
    Path { path: PathTree, negated: bool },
    Literal(Literal),
}

impl Compiler<'_> {
    /// Reads a filter with its brackets.
    pub(super) fn filter(&mut self, mut cursor: Cursor<'_>) -> Result<Test, SyntaxError> {
        cursor.position += 1;
        cursor.drop_last();
        cursor.trim();
        cursor.position += 1;
        cursor.trim();
        let test = self.or(&mut cursor)?;
        cursor.skip_blanks();
        if cursor.in_bounds() {
            return Err(cursor.error("expected the end of the filter, && or ||"));
        }
        Ok(test)
    }

    fn or(&mut self, cursor: &mut Cursor<'_>) -> Result<Test, SyntaxError> {
        let tests = self.joined(cursor, "||", Self::and)?;
        Ok(single_or(tests, Test::Or))
    }

    fn and(&mut self, cursor: &mut Cursor<'_>) -> Result<Test, SyntaxError> {
        let tests = self.joined(cursor, "&&", Self::term)?;
        Ok(single_or(tests, Test::And))
    }

    fn joined(
        &mut self,
        cursor: &mut Cursor<'_>,
        joint: &str,
        read: fn(&mut Self, &mut Cursor<'_>) -> Result<Test, SyntaxError>,
    ) -> Result<Vec<Test>, SyntaxError> {
        let mut tests = vec![read(self, cursor)?];
        loop {
            let at = cursor.skip_blanks().position;
            if at + 2 > cursor.limit() || cursor.slice(at, at + 2) != joint {
                return Ok(tests);
            }
            cursor.position += 2;
            tests.push(read(self, cursor)?);
        }
    }

    fn term(&mut self, cursor: &mut Cursor<'_>) -> Result<Test, SyntaxError> {
        let begin = cursor.skip_blanks().position;
        if cursor.current() == Some(b'!') {
            cursor.position += 1;
            if !matches!(cursor.skip_blanks().current(), Some(b'$' | b'@')) {
                let inner = self.nested(&cursor.clone(), |compiler| compiler.term(cursor))?;
                return Ok(Test::Not(Box::new(inner)));
            }
            cursor.position = begin;
        }
        if cursor.current() == Some(b'(') {
            cursor.position += 1;
            let inner = self.nested(&cursor.clone(), |compiler| compiler.or(cursor))?;
            if cursor.skip_blanks().current() != Some(b')') {
                return Err(cursor.error("expected ), && or ||"));
            }
            cursor.position += 1;
            return Ok(inner);
        }
        self.relation(cursor)
    }

    /// A comparison, or a path by itself.
    fn relation(&mut self, cursor: &mut Cursor<'_>) -> Result<Test, SyntaxError> {
        let left = self.side(cursor)?;
        let begin = cursor.position;
        if let Some(operator) = operator(cursor) {
            let right = self.side(cursor)?;
            let (left, right) = (self.operand(left), self.operand(right));
            return Ok(Test::Compare(Box::new(Comparison {
                left,
                operator,
                right,
            })));
        }
        match left {
            Side::Path { path, negated } => {
                cursor.position = begin;
                Ok(Test::Exists {
                    path,
                    expected: !negated,
                })
            }
            Side::Literal(_) => Err(cursor.error_at(begin, "expected an operator behind a value")),
        }
    }

    fn operand(&mut self, side: Side) -> Operand {
        match side {
            Side::Path { path, .. } if path.from_root && !path.plain => {
                self.shared += 1;
                Operand::Shared(path, self.shared - 1)
            }
            Side::Path { path, .. } => Operand::Path(path),
            Side::Literal(literal) => Operand::Literal(literal),
        }
    }

    fn side(&mut self, cursor: &mut Cursor<'_>) -> Result<Side, SyntaxError> {
        match cursor.skip_blanks().current() {
            Some(b'$' | b'@') => self.side_path(cursor),
            Some(b'!') => {
                cursor.position += 1;
                match cursor.skip_blanks().current() {
                    Some(b'$' | b'@') => self.side_path(cursor),
                    _ => Err(cursor.error("expected a path behind !")),
                }
            }
            _ => self.literal(cursor).map(Side::Literal),
        }
    }

    fn side_path(&mut self, cursor: &mut Cursor<'_>) -> Result<Side, SyntaxError> {
        let begin = cursor.position;
        let negated = matches!(cursor.previous_significant(begin), Some((_, b'!')));
        let end = path_end(cursor)?;
        cursor.position = end;
        let text = cursor.slice(begin, end);
        let base = cursor.base_of(begin);
        let path = self.nested(&cursor.clone(), |compiler| compiler.path(text, base))?;
        Ok(Side::Path { path, negated })
    }

    fn literal(&mut self, cursor: &mut Cursor<'_>) -> Result<Literal, SyntaxError> {
        match cursor.current() {
            Some(quote @ (b'\'' | b'"')) => text_literal(cursor, quote),
            Some(b't' | b'f' | b'n') => word_literal(cursor),
            Some(open @ (b'{' | b'[')) => json_literal(cursor, open),
            Some(b'/') => self.pattern_literal(cursor),
            _ => number_literal(cursor),
        }
    }

    fn pattern_literal(&mut self, cursor: &mut Cursor<'_>) -> Result<Literal, SyntaxError> {
        let begin = cursor.position;
        let close = cursor.next_unescaped(begin, b'/');
        let close = close.ok_or_else(|| cursor.error("the regular expression has no closing /"))?;
        let end = (close + 1..cursor.limit())
            .find(|at| {
                !cursor
                    .at(*at)
                    .is_some_and(|byte| b"dixmsuU".contains(&byte))
            })
            .unwrap_or(cursor.limit());
        let source = cursor.slice(begin + 1, close);
        let flags = cursor.slice(close + 1, end);
        let pattern = Pattern::compile(
            source,
            flags,
            self.limits,
            &mut self.regex_size,
            self.build_patterns,
        )
        .map_err(|message| cursor.error_at(begin, message))?;
        cursor.position = end;
        Ok(Literal::Pattern(pattern))
    }
}

fn single_or(mut tests: Vec<Test>, join: fn(Vec<Test>) -> Test) -> Test {
    if tests.len() == 1 {
        tests.remove(0)
    } else {
        join(tests)
    }
}

fn is_relational(byte: Option<u8>) -> bool {
    matches!(byte, Some(b'<' | b'>' | b'=' | b'~' | b'!'))
}

/// Reads a known operator, or leaves the cursor anywhere.
fn operator(cursor: &mut Cursor<'_>) -> Option<Operator> {
    let begin = cursor.skip_blanks().position;
    let symbols = is_relational(cursor.current());
    let most = cursor.limit().min(begin + OPERATOR_BYTES_MAX);
    let end = (begin..most).find(|at| {
        let byte = cursor.at(*at);
        if symbols {
            !is_relational(byte)
        } else {
            byte == Some(b' ')
        }
    });
    cursor.position = end.unwrap_or(most);
    Operator::from_text(cursor.slice(begin, cursor.position))
}

/// Where the path that begins at the cursor ends: at a blank, at a relational character, or at
/// a parenthesis that does not close an empty call. A bracket right behind a bracket is not
/// skipped as a whole.
fn path_end(cursor: &Cursor<'_>) -> Result<usize, SyntaxError> {
    let begin = cursor.position;
    let mut at = begin + 1;
    let (mut point, mut searched) = (None, begin + 1);
    while at < cursor.limit() {
        if cursor.at(at) == Some(b'[') {
            let close = cursor.closing(at, b'[', b']', Regexes::Plain);
            at = close.ok_or_else(|| cursor.error_at(at, "the bracket is not closed"))? + 1;
        }
        let byte = cursor.at(at);
        if byte == Some(b')') {
            let open = cursor
                .previous_significant(at)
                .filter(|(_, byte)| *byte == b'(');
            if let Some((open, _)) = open
                && point.is_none()
            {
                point = (searched..open).find(|at| cursor.at(*at) == Some(b'.'));
                searched = open;
            }
            let closes_call = open.is_some_and(|(open, _)| point.is_some_and(|at| at < open));
            if !closes_call {
                break;
            }
        }
        if at >= cursor.limit() || is_relational(byte) || byte == Some(b' ') {
            break;
        }
        at += 1;
    }
    Ok(at)
}

fn text_literal(cursor: &mut Cursor<'_>, quote: u8) -> Result<Literal, SyntaxError> {
    let begin = cursor.position;
    let close = cursor.next_unescaped(begin, quote);
    let close = close.ok_or_else(|| cursor.error("the string has no closing quote"))?;
    cursor.position = close + 1;
    let text = unescape(cursor.slice(begin + 1, close));
    let text = text.ok_or_else(|| cursor.error_at(begin, "\\u takes four hexadecimal digits"))?;
    Ok(Literal::Text(text.into()))
}

fn word_literal(cursor: &mut Cursor<'_>) -> Result<Literal, SyntaxError> {
    for (word, literal) in [
        ("null", Literal::Null),
        ("true", Literal::Bool(true)),
        ("false", Literal::Bool(false)),
    ] {
        let end = cursor.position + word.len();
        if end <= cursor.limit() && cursor.slice(cursor.position, end) == word {
            cursor.position = end;
            return Ok(literal);
        }
    }
    Err(cursor.error("expected a value: a path, a quoted string, a number, true, false or null"))
}

fn json_literal(cursor: &mut Cursor<'_>, open: u8) -> Result<Literal, SyntaxError> {
    let begin = cursor.position;
    let close_byte = if open == b'[' { b']' } else { b'}' };
    let close = cursor.closing(begin, open, close_byte, Regexes::Plain);
    let close = close.ok_or_else(|| cursor.error("the list or object is not closed"))?;
    cursor.position = close + 1;
    let text: Box<str> = cursor.slice(begin, close + 1).into();
    let value = lenient::parse(&text);
    Ok(Literal::Json(Box::new(JsonLiteral { text, value })))
}

fn number_literal(cursor: &mut Cursor<'_>) -> Result<Literal, SyntaxError> {
    let begin = cursor.position;
    let end = (begin..cursor.limit())
        .find(|at| {
            !matches!(
                cursor.at(*at),
                Some(b'0'..=b'9' | b'-' | b'.' | b'e' | b'E')
            )
        })
        .unwrap_or(cursor.limit());
    cursor.position = end;
    let decimal = Decimal::parse(cursor.slice(begin, end)).ok_or_else(|| {
        let message = "expected a value: a path, a quoted string, a number, true, false or null";
        cursor.error_at(begin, message)
    })?;
    let (whole, nearest) = (decimal.whole(), decimal.nearest());
    Ok(Literal::Number(NumberLiteral {
        decimal,
        whole,
        nearest,
    }))
}
