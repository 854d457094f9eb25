//! Arguments of calls: paths and pieces of JSON between parentheses.

use super::{cursor::Cursor, path::Compiler, tree::Argument};
use crate::{error::SyntaxError, lenient};

/// How deep the scan stands in each kind of bracket. Parentheses may go below zero, behind an
/// end that was missed because of an open quote.
struct Groups {
    parens: isize,
    brackets: usize,
    braces: usize,
    quotes: usize,
}

impl Groups {
    /// At a comma or parenthesis: does the argument end here?
    fn ends_argument(&self, byte: u8) -> bool {
        let closed = self.quotes == 0 && self.braces == 0 && self.brackets == 0;
        closed && (self.parens == 1 || (self.parens == 0 && byte == b')'))
    }

    fn is_separator(&self, byte: u8) -> bool {
        byte == b',' && self.braces == 0 && self.brackets == 0 && self.parens == 1
    }

    /// False when more is closed than was opened.
    fn count(&mut self, byte: u8, escaped: bool) -> bool {
        match byte {
            b'"' if self.quotes > 0 && !escaped => self.quotes -= 1,
            b'"' => self.quotes += 1,
            b'(' => self.parens += 1,
            b')' => self.parens -= 1,
            b'{' => self.braces += 1,
            b'[' => self.brackets += 1,
            b'}' if self.braces == 0 => return false,
            b'}' => self.braces -= 1,
            b']' if self.brackets == 0 => return false,
            b']' => self.brackets -= 1,
            _ => {}
        }
        true
    }
}

impl Compiler<'_> {
    /// Reads from the parenthesis at `open`. Without arguments the cursor is left on the closing
    /// parenthesis, so that whatever follows is read as a name; with arguments behind it.
    pub(super) fn arguments(
        &mut self,
        cursor: &mut Cursor<'_>,
        open: usize,
    ) -> Result<Vec<Argument>, SyntaxError> {
        let mut opened = 1_usize;
        let balanced = (open + 1..cursor.limit()).any(|at| {
            match cursor.at(at) {
                Some(b'(') => opened += 1,
                Some(b')') => opened -= 1,
                _ => {}
            }
            opened == 0
        });
        if !balanced {
            return Err(cursor.error_at(open, "the arguments are not closed"));
        }
        cursor.position = open + 1;
        if cursor.current() == Some(b')') {
            return Ok(Vec::new());
        }
        self.nested(&cursor.clone(), |compiler| compiler.argument_list(cursor))
    }

    /// Works byte by byte like the library: brackets inside quotes count too, a comma inside
    /// double quotes is lost, and text before the first byte that can begin an argument is dropped.
    fn argument_list(&mut self, cursor: &mut Cursor<'_>) -> Result<Vec<Argument>, SyntaxError> {
        let mut groups = Groups {
            parens: 1,
            brackets: 0,
            braces: 0,
            quotes: 0,
        };
        let mut arguments = Vec::new();
        let mut current: Option<(Kind, usize)> = None;
        let mut text: Vec<u8> = Vec::new();
        let mut previous = 0;
        while let Some(byte) = cursor.current().filter(|_| cursor.in_bounds()) {
            let at = cursor.position;
            cursor.position += 1;
            if current.is_none() {
                if byte.is_ascii_whitespace() || (0x1c..=0x1f).contains(&byte) || byte == 0x0b {
                    continue;
                }
                current = Kind::of(byte).map(|kind| (kind, at));
            }
            if !groups.count(byte, previous == b'\\') {
                return Err(cursor.error_at(at, "a bracket is closed that was not opened"));
            }
            if byte == b')' && (groups.parens < 0 || previous == b'(') {
                text.push(byte);
            }
            if matches!(byte, b')' | b',') && groups.ends_argument(byte) {
                if let Some((kind, begin)) = current.take() {
                    let text = String::from_utf8_lossy(&std::mem::take(&mut text)).into_owned();
                    arguments.push(self.argument(kind, &text, cursor.base_of(begin))?);
                }
                if groups.parens == 0 {
                    return Ok(arguments);
                }
            }
            if current.is_some() && !groups.is_separator(byte) {
                text.push(byte);
            }
            previous = byte;
        }
        // An open quote does not matter here; the argument it is in is lost.
        if groups.parens == 0 && groups.brackets == 0 && groups.braces == 0 {
            return Ok(arguments);
        }
        Err(cursor.error("the arguments are not closed"))
    }

    fn argument(&mut self, kind: Kind, text: &str, base: isize) -> Result<Argument, SyntaxError> {
        Ok(match kind {
            Kind::Json => Argument::Json(lenient::parse(text)),
            Kind::Path => Argument::Path(self.rooted(Cursor::new(text, base))?),
        })
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Json,
    Path,
}

impl Kind {
    fn of(first: u8) -> Option<Self> {
        match first {
            b'{' | b'0'..=b'9' | b'"' | b'-' => Some(Self::Json),
            b'$' | b'@' => Some(Self::Path),
            _ => None,
        }
    }
}
