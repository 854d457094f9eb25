//! A position in a text, with the bounds and look-ahead rules that the grammar is defined by.
//!
//! Everything the grammar looks for is ASCII, so it works on bytes of UTF-8. Only U+0020 is
//! blank. Reads may look behind `limit` into the enclosing text, as a trimmed end is still there.

use crate::error::SyntaxError;

#[derive(Debug, Clone)]
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    pub(super) position: usize,
    /// One behind the last byte that belongs to this text.
    limit: usize,
    /// Where the text starts within the whole expression, for error positions.
    base: isize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str, base: isize) -> Self {
        Self {
            text,
            position: 0,
            limit: text.len(),
            base,
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn base_of(&self, at: usize) -> isize {
        self.base + isize::try_from(at).unwrap_or(isize::MAX)
    }

    pub(super) fn error(&self, message: impl Into<String>) -> SyntaxError {
        self.error_at(self.position, message)
    }

    pub(super) fn error_at(&self, at: usize, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(usize::try_from(self.base_of(at)).unwrap_or(0), message)
    }

    pub(super) fn at(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    pub(super) fn current(&self) -> Option<u8> {
        self.at(self.position)
    }

    pub(super) fn in_bounds(&self) -> bool {
        self.position < self.limit
    }

    /// At or past the last byte: the point from which the path grammar reads no further step.
    pub(super) fn is_tail(&self) -> bool {
        self.position + 1 >= self.limit
    }

    pub(super) fn slice(&self, from: usize, to: usize) -> &'t str {
        self.text.get(from..to).unwrap_or("")
    }

    pub(super) fn last_is(&self, byte: u8) -> bool {
        self.limit > 0 && self.at(self.limit - 1) == Some(byte)
    }

    pub(super) fn drop_last(&mut self) {
        self.limit = self.limit.saturating_sub(1);
    }

    /// Skips blanks, but never past the last byte.
    pub(super) fn skip_blanks(&mut self) -> &mut Self {
        while self.position + 1 < self.limit && self.current() == Some(b' ') {
            self.position += 1;
        }
        self
    }

    pub(super) fn trim_end(&mut self) {
        while self.position + 1 < self.limit && self.last_is(b' ') {
            self.limit -= 1;
        }
    }

    pub(super) fn trim(&mut self) {
        self.skip_blanks();
        self.trim_end();
    }

    /// The first position behind `at` that is no blank, and the byte there.
    pub(super) fn next_significant(&self, at: usize) -> Option<(usize, u8)> {
        (at + 1..self.limit)
            .map(|at| (at, self.text.as_bytes()[at]))
            .find(|(_, byte)| *byte != b' ')
    }

    pub(super) fn next_significant_is(&self, at: usize, byte: u8) -> Option<usize> {
        self.next_significant(at)
            .filter(|(_, found)| *found == byte)
            .map(|(at, _)| at)
    }

    /// The last position before `at` that is no blank, and the byte there.
    pub(super) fn previous_significant(&self, at: usize) -> Option<(usize, u8)> {
        (0..at)
            .rev()
            .map(|at| (at, self.text.as_bytes()[at]))
            .find(|(_, byte)| *byte != b' ')
    }

    /// The next `byte` behind `at` without a backslash before it.
    pub(super) fn next_unescaped(&self, at: usize, byte: u8) -> Option<usize> {
        let mut escaped = false;
        for at in at + 1..self.limit {
            let found = self.text.as_bytes()[at];
            if escaped {
                escaped = false;
            } else if found == b'\\' {
                escaped = true;
            } else if found == byte {
                return Some(at);
            }
        }
        None
    }

    /// The bracket that closes the one at `at`. Strings are skipped, `/.../` too on request;
    /// the byte right behind a skipped one is only looked at as a bracket.
    pub(super) fn closing(&self, at: usize, open: u8, close: u8, regex: Regexes) -> Option<usize> {
        let mut opened = 1_usize;
        let mut at = at + 1;
        while at < self.limit {
            if matches!(self.at(at), Some(b'\'' | b'"')) {
                at = self.next_unescaped(at, self.at(at)?)? + 1;
            }
            if regex == Regexes::Skipped && self.at(at) == Some(b'/') {
                at = self.next_unescaped(at, b'/')? + 1;
            }
            let byte = self.at(at)?;
            if byte == open {
                opened += 1;
            }
            if byte == close {
                opened -= 1;
                if opened == 0 {
                    return Some(at);
                }
            }
            at += 1;
        }
        None
    }
}

/// Whether `/.../` is skipped while a closing bracket is sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Regexes {
    Skipped,
    Plain,
}
