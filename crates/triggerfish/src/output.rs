//! What people and scripts see on standard output: lines, tables, colours.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Value;

/// Colours, where a person looks at a terminal and did not ask for none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    on: bool,
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
    Open,
}

impl Look {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Open => "33",
        }
    }

    /// The look of an outcome or phase.
    pub(crate) fn of_state(state: &str) -> Self {
        match state {
            "COMPLETED" | "ALLOW" => Self::Good,
            "FAILED" | "EXPIRED" | "DENY" => Self::Bad,
            _ => Self::Open,
        }
    }
}

/// Text that may be coloured.
pub(crate) struct Painted<T> {
    text: T,
    code: &'static str,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code.is_empty() {
            return self.text.fmt(f);
        }
        write!(f, "\u{1b}[{}m", self.code)?;
        self.text.fmt(f)?;
        f.write_str("\u{1b}[0m")
    }
}

impl Paint {
    /// For standard output; <https://no-color.org>.
    pub(crate) fn stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            on: io::stdout().is_terminal() && !refused,
        }
    }

    /// No colours.
    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self { on: false }
    }

    /// `text` in this look.
    pub(crate) fn text<T: Display>(self, look: Look, text: T) -> Painted<T> {
        Painted {
            text,
            code: if self.on { look.code() } else { "" },
        }
    }
}

/// Prints a line at once. Fails when nobody reads any more.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Says something on standard error that is not output.
#[expect(
    clippy::print_stderr,
    reason = "a word to the person beside the output"
)]
pub(crate) fn note(text: impl Display) {
    eprintln!("{text}");
}

/// Says something in place of what was said last, where a terminal shows standard error.
#[expect(
    clippy::print_stderr,
    reason = "a word to the person beside the output"
)]
pub(crate) fn note_again(text: impl Display) {
    eprint!("\r{text}\u{1b}[K");
}

/// Whether the command ended because its reader went away, as `head` does.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A row: text and look of each cell.
pub(crate) type Row = Vec<(String, Look)>;

/// Prints columns under their heads, as wide as they have to be.
pub(crate) fn table(paint: Paint, heads: &[&str], rows: &[Row]) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|(text, _)| text.chars().count()).max();
        widest.unwrap_or(0).max(heads[column].len())
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let head = heads
        .iter()
        .map(|head| ((*head).to_owned(), Look::Bold))
        .collect();
    for row in std::iter::once(&head).chain(rows) {
        line(aligned(paint, row, &widths))?;
    }
    Ok(())
}

/// Prints a line for each thing that there is to know, those without a value left out.
pub(crate) fn fields(paint: Paint, fields: &[(&str, Option<String>)]) -> io::Result<()> {
    let widest = fields.iter().map(|(name, _)| name.len()).max();
    let width = widest.unwrap_or(0) + 2;
    for (name, value) in fields {
        if let Some(value) = value {
            line(format_args!(
                "{:width$}{value}",
                paint.text(Look::Dim, name)
            ))?;
        }
    }
    Ok(())
}

/// What there is of a value, strings without quotes.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn aligned(paint: Paint, row: &Row, widths: &[usize]) -> String {
    use fmt::Write as _;
    let mut text = String::new();
    for (column, ((cell, look), width)) in row.iter().zip(widths).enumerate() {
        if column > 0 {
            text.push_str("  ");
        }
        // Nothing is padded at the end of a line.
        let width = if column + 1 < row.len() { *width } else { 0 };
        // Writing to a string can't fail.
        let _ = write!(text, "{:width$}", paint.text(*look, cell));
    }
    text
}

/// `text` on one line, cut to `chars_max` characters.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    let flat: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(chars_max + 1)
        .collect();
    if flat.chars().count() <= chars_max {
        return flat;
    }
    let mut kept: String = flat.chars().take(chars_max.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_without_counting_colour_codes() {
        let row = vec![("ab".to_owned(), Look::Good), ("c".to_owned(), Look::Plain)];
        assert_eq!(aligned(Paint { on: false }, &row, &[4, 9]), "ab    c");
        assert_eq!(
            aligned(Paint { on: true }, &row, &[4, 9]),
            "\u{1b}[32mab  \u{1b}[0m  c"
        );
    }

    #[test]
    fn long_text_is_cut_and_never_breaks_the_line() {
        assert_eq!(cut("a\nb", 3), "a b");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("ünï", 3), "ünï");
    }
}
