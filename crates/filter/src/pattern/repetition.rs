//! Atoms and how often they may occur.

use super::translate::Translator;

impl Translator {
    /// An atom with the quantifier behind it, if there is one.
    pub(super) fn repeated(&mut self) -> Result<(), String> {
        let (begin, size) = (self.out.len(), self.size);
        if !self.atom()? {
            return Ok(());
        }
        self.skip_comments();
        let Some((least, most)) = self.quantifier()? else {
            return Ok(());
        };
        let atom = self.out.split_off(begin);
        let suffix = match self.peek() {
            Some(mode @ ('?' | '+')) => {
                self.position += 1;
                Some(mode)
            }
            _ => None,
        };
        let count = match most {
            Some(most) => format!("{{{least},{most}}}"),
            None => format!("{{{least},}}"),
        };
        self.unbounded |= most.is_none();
        // The group keeps the quantifier off whatever the atom was translated to.
        let (before, behind) = match suffix {
            Some('+') => ("(?>(?:", ")"),
            Some(_) => ("(?:", "?"),
            None => ("(?:", ""),
        };
        self.out.extend([before, &atom, ")", &count, behind]);
        self.backtracks |= suffix == Some('+');
        let once = self.size - size;
        self.grow(once.saturating_mul(most.unwrap_or(least).max(1) - 1))?;
        self.skip_comments();
        if matches!(self.peek(), Some('*' | '+' | '?' | '{')) {
            return Err("a repetition of a repetition needs a group around it".to_owned());
        }
        Ok(())
    }

    fn quantifier(&mut self) -> Result<Option<(usize, Option<usize>)>, String> {
        let bounds = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.position += 1;
                return self.counted().map(Some);
            }
            _ => return Ok(None),
        };
        self.position += 1;
        Ok(Some(bounds))
    }

    fn counted(&mut self) -> Result<(usize, Option<usize>), String> {
        let wrong = || "a repetition is written {n}, {n,} or {n,m}".to_owned();
        let text = self.until('}').ok_or_else(wrong)?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<usize>()
                .ok()
                .filter(|_| digits)
                .ok_or_else(wrong)
        };
        let (least, most) = match text.split_once(',') {
            None => (number(&text)?, Some(number(&text)?)),
            Some((least, "")) => (number(least)?, None),
            Some((least, most)) => (number(least)?, Some(number(most)?)),
        };
        if most.is_some_and(|most| most < least) {
            return Err(wrong());
        }
        Ok((least, most))
    }
}
