//! From Java's regular expression syntax to the engine's.

use super::{class, escape};

/// A pattern the engine understands.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) text: String,
    /// Atoms, counted repetitions written out.
    pub(super) size: usize,
    /// Uses a construct that the engine can only match by backtracking.
    pub(super) backtracks: bool,
}

/// Translates, or says what is wrong or unsupported.
pub(super) fn translate(
    source: &str,
    flags: &str,
    size_max: usize,
    nesting_max: usize,
) -> Result<Translated, String> {
    let mut translator = Translator {
        source: without_quotations(source),
        position: 0,
        flags: Flags::default(),
        out: String::with_capacity(source.len() * 2),
        groups: Vec::new(),
        references_ahead: Vec::new(),
        size: 0,
        size_max,
        nesting_max,
        nesting_left: nesting_max,
        backtracks: false,
        unbounded: false,
    };
    for flag in flags.chars() {
        translator.flags.set(flag, true)?;
    }
    translator.alternatives()?;
    if translator.position < translator.source.len() {
        return Err("the regular expression has a ) too many".to_owned());
    }
    let groups = translator.groups.len();
    if translator
        .references_ahead
        .iter()
        .any(|number| *number <= groups)
    {
        return Err("a reference to a group that comes later is not supported".to_owned());
    }
    let Translator {
        out: text,
        size,
        backtracks,
        ..
    } = translator;
    Ok(Translated {
        text,
        size,
        backtracks,
    })
}

/// Writes out what stands between `\Q` and `\E`, which works everywhere in a pattern.
fn without_quotations(source: &str) -> Vec<char> {
    let mut plain = Vec::with_capacity(source.len());
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' || rest.peek() != Some(&'Q') {
            plain.push(c);
            plain.extend(if c == '\\' { rest.next() } else { None });
            continue;
        }
        rest.next();
        while let Some(c) = rest.next() {
            if c == '\\' && rest.peek() == Some(&'E') {
                rest.next();
                break;
            }
            if c.is_ascii() && !c.is_ascii_alphanumeric() {
                plain.push('\\');
            }
            plain.push(c);
        }
    }
    plain
}

/// Java's match flags.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag letter of Java"
)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) unicode_case: bool,
    pub(super) unicode_classes: bool,
    comments: bool,
    multiline: bool,
    dot_all: bool,
    unix_lines: bool,
}

impl Flags {
    fn set(&mut self, letter: char, on: bool) -> Result<(), String> {
        match letter {
            'i' => self.ignore_case = on,
            'u' => self.unicode_case = on,
            // Java's class flag brings Unicode folding along.
            'U' => (self.unicode_classes, self.unicode_case) = (on, on),
            'x' => self.comments = on,
            'm' => self.multiline = on,
            's' => self.dot_all = on,
            'd' => self.unix_lines = on,
            _ => {
                return Err(format!(
                    "the flag {letter} of a regular expression is not supported"
                ));
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct Translator {
    source: Vec<char>,
    pub(super) position: usize,
    pub(super) flags: Flags,
    pub(super) out: String,
    /// Names of the groups opened so far.
    groups: Vec<Option<String>>,
    /// Numbers of groups that were referred to before they were opened.
    references_ahead: Vec<usize>,
    pub(super) size: usize,
    size_max: usize,
    nesting_max: usize,
    nesting_left: usize,
    pub(super) backtracks: bool,
    /// A repetition without an end was read since this was last reset.
    pub(super) unbounded: bool,
}

impl Translator {
    pub(super) fn peek(&self) -> Option<char> {
        self.source.get(self.position).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.position += usize::from(next.is_some());
        next
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let length = text.chars().count();
        let found = self.source[self.position..]
            .iter()
            .take(length)
            .copied()
            .eq(text.chars());
        if found {
            self.position += length;
        }
        found
    }

    /// The characters up to `end`, which is skipped.
    pub(super) fn until(&mut self, end: char) -> Option<String> {
        let rest = &self.source[self.position..];
        let length = rest.iter().position(|c| *c == end)?;
        let text = rest[..length].iter().collect();
        self.position += length + 1;
        Some(text)
    }

    pub(super) fn needs_backtracking(&mut self) {
        self.backtracks = true;
    }

    pub(super) fn refers_ahead(&mut self, number: usize) {
        self.references_ahead.push(number);
    }

    pub(super) fn has_no_length_limit(&mut self) {
        self.unbounded = true;
    }

    pub(super) fn grow(&mut self, atoms: usize) -> Result<(), String> {
        self.size = self.size.saturating_add(atoms);
        if self.size > self.size_max {
            return Err("the regular expressions are too large: shorten their repetitions".into());
        }
        Ok(())
    }

    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        self.nesting_left = self
            .nesting_left
            .checked_sub(1)
            .ok_or("the regular expression is nested too deep: simplify it")?;
        let result = read(self);
        self.nesting_left += 1;
        result
    }

    /// In comment mode blanks and `#` up to the end of the line mean nothing.
    pub(super) fn skip_comments(&mut self) {
        while self.flags.comments {
            match self.peek() {
                Some('\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ') => self.position += 1,
                Some('#') => {
                    let ends = |c| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
                    while self.next().is_some_and(|c| !ends(c)) {}
                }
                _ => return,
            }
        }
    }

    fn alternatives(&mut self) -> Result<(), String> {
        loop {
            self.skip_comments();
            match self.peek() {
                None | Some(')') => return Ok(()),
                Some('|') => {
                    self.position += 1;
                    self.out.push('|');
                }
                Some(_) => self.repeated()?,
            }
        }
    }

    /// One atom; false when it was something that cannot be repeated, such as a flag.
    pub(super) fn atom(&mut self) -> Result<bool, String> {
        self.grow(1)?;
        match self.next() {
            Some('(') => return self.nested(Self::group),
            Some('[') => {
                let class = self.nested(class::class)?;
                if self.flags.ignore_case && self.flags.unicode_case {
                    self.out.extend(["(?i:", &class, ")"]);
                } else {
                    self.out.push_str(&class);
                }
            }
            Some('\\') => escape::escape(self)?,
            Some('.') => self
                .out
                .push_str(match (self.flags.dot_all, self.flags.unix_lines) {
                    (true, _) => r"[\s\S]",
                    (false, true) => r"[^\n]",
                    (false, false) => r"[^\n\r\x{85}\x{2028}\x{2029}]",
                }),
            Some('^') => self.line_begin(),
            Some('$') => self.line_end(),
            Some(c @ ('*' | '+' | '?' | '{')) => {
                return Err(format!("there is nothing to repeat before {c}"));
            }
            Some(c) => self.literal(c),
            None => {}
        }
        Ok(true)
    }

    pub(super) fn literal(&mut self, c: char) {
        let text = escape::literal(c, self.flags);
        self.out.push_str(&text);
    }

    fn line_begin(&mut self) {
        if !self.flags.multiline {
            self.out.push_str(r"\A");
            return;
        }
        self.backtracks = true;
        self.out.push_str(if self.flags.unix_lines {
            r"(?:(?:\A|(?<=\n))(?!\z))"
        } else {
            r"(?:(?:\A|(?<=[\n\x{85}\x{2028}\x{2029}])|(?<=\r)(?!\n))(?!\z))"
        });
    }

    fn line_end(&mut self) {
        let at_end = matches!(self.peek(), None | Some(')' | '|'));
        if at_end && self.nesting_left == self.nesting_max {
            // Nothing can follow, as the whole text has to match.
            self.out.push_str(r"\z");
            return;
        }
        self.backtracks = true;
        self.out
            .push_str(match (self.flags.multiline, self.flags.unix_lines) {
                (true, true) => r"(?=\n|\z)",
                (true, false) => r"(?:\z|(?=[\r\x{85}\x{2028}\x{2029}])|(?<!\r)(?=\n))",
                (false, _) => return self.text_end(),
            });
    }

    /// The end, or before a last line terminator.
    pub(super) fn text_end(&mut self) {
        self.backtracks = true;
        self.out.push_str(if self.flags.unix_lines {
            r"(?=\n?\z)"
        } else {
            r"(?:(?=(?:\r\n|[\r\x{85}\x{2028}\x{2029}])?\z)|(?<!\r)(?=\n\z))"
        });
    }

    /// A group, behind its parenthesis.
    fn group(&mut self) -> Result<bool, String> {
        let outer = self.flags;
        if !self.eat("?") {
            self.groups.push(None);
            self.out.push('(');
            return self.group_end(outer);
        }
        for (mark, ahead) in [
            ("=", true),
            ("!", true),
            ("<=", false),
            ("<!", false),
            (">", true),
        ] {
            if self.eat(mark) {
                self.backtracks = true;
                self.out.push_str("(?");
                self.out.push_str(mark);
                let outer_unbounded = std::mem::take(&mut self.unbounded);
                self.group_end(outer)?;
                if self.unbounded && !ahead {
                    return Err("a lookbehind needs a bounded length".to_owned());
                }
                self.unbounded |= outer_unbounded;
                return Ok(true);
            }
        }
        if self.eat("<") {
            let name = self.until('>').ok_or("the group name has no closing >")?;
            let valid = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric());
            if !valid || self.group_number(&name).is_some() {
                return Err("a group name is made of letters and digits, and used once".to_owned());
            }
            self.groups.push(Some(name));
            self.out.push('(');
            return self.group_end(outer);
        }
        self.inline_flags(outer)
    }

    /// `(?i)`, `(?i-s:...)` and `(?:...)`.
    fn inline_flags(&mut self, outer: Flags) -> Result<bool, String> {
        let mut on = true;
        loop {
            match self.next() {
                Some(')') => return Ok(false),
                Some(':') => {
                    self.out.push_str("(?:");
                    return self.group_end(outer);
                }
                Some('-') if on => on = false,
                Some(letter) => self.flags.set(letter, on)?,
                None => return Err("the group is not closed".to_owned()),
            }
        }
    }

    fn group_end(&mut self, outer: Flags) -> Result<bool, String> {
        self.alternatives()?;
        if self.next() != Some(')') {
            return Err("the group is not closed".to_owned());
        }
        self.out.push(')');
        self.flags = outer;
        Ok(true)
    }

    pub(super) fn group_number(&self, name: &str) -> Option<usize> {
        self.groups
            .iter()
            .position(|group| group.as_deref() == Some(name))
            .map(|at| at + 1)
    }

    pub(super) fn group_count(&self) -> usize {
        self.groups.len()
    }
}
