//! The voice of the demo: scenes, and in each who does what.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use serde_json::Value;

use crate::output::{Look, Paint, cut, line};

const WHO_CHARS: usize = 12;
const JSON_CHARS: usize = 110;

/// Prints the story.
pub(super) struct Narrator {
    paint: Paint,
}

impl Narrator {
    pub(super) fn new() -> Self {
        Self {
            paint: Paint::stdout(),
        }
    }

    pub(super) fn title(&self, text: &str) -> io::Result<()> {
        line(self.paint.text(Look::Bold, text))
    }

    pub(super) fn gap() -> io::Result<()> {
        line("")
    }

    /// A new scene.
    pub(super) fn scene(&self, number: u32, text: &str) -> io::Result<()> {
        Self::gap()?;
        line(
            self.paint
                .text(Look::Bold, format_args!("{number}. {text}")),
        )
    }

    /// Somebody does something.
    pub(super) fn step(&self, who: &str, what: impl Display) -> io::Result<()> {
        let who = self.paint.text(Look::Dim, who);
        line(format_args!("   {who:WHO_CHARS$}  {what}"))
    }

    /// Something went as it should.
    pub(super) fn good(&self, who: &str, what: impl Display) -> io::Result<()> {
        self.step(who, self.paint.text(Look::Good, what))
    }

    /// Something failed, on purpose.
    pub(super) fn bad(&self, who: &str, what: impl Display) -> io::Result<()> {
        self.step(who, self.paint.text(Look::Bad, what))
    }

    /// The last line.
    pub(super) fn end(&self, took: Duration) -> io::Result<()> {
        Self::gap()?;
        let text = format!("All as it should be, in {:.1} s. ", took.as_secs_f64());
        line(format_args!(
            "{}Next: triggerfish all --data ./data",
            self.paint.text(Look::Good, text)
        ))
    }
}

/// JSON on one line, cut to what a terminal holds.
pub(super) fn short(json: &Value) -> String {
    cut(&json.to_string(), JSON_CHARS)
}

/// The first characters of something long and unreadable.
pub(super) fn beginning(text: &str) -> String {
    cut(text, 24)
}
