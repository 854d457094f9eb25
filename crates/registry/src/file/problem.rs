//! What is wrong with a registry file.

use std::fmt;

/// One thing that is wrong with a registry file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `subscriptions[0].httpConfig.url`; empty for the whole file.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

/// A registry file that is not taken, with everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The file, as the caller named it.
    pub file: String,
    /// Never empty.
    pub problems: Vec<Problem>,
}

impl Problem {
    pub(super) fn new(
        key: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            key: key.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// Whether it is about a part of `entry`.
    pub(super) fn is_in(&self, entry: &str) -> bool {
        let rest = self.key.strip_prefix(entry);
        rest.is_some_and(|rest| rest.starts_with('.'))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{}: ", self.file)?;
            if !problem.key.is_empty() {
                write!(f, "{}: ", problem.key)?;
            }
            write!(f, "{}; {}", problem.problem, problem.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for FileError {}
