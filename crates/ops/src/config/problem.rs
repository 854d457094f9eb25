//! What can be wrong with settings.

use std::path::PathBuf;

use super::layers::Source;

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("can't read the configuration file {}; check the path and its permissions", .path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// At least one key or value is wrong.
    #[error("the configuration can't be used:{}", listed(.0))]
    Invalid(Vec<Problem>),
}

/// One thing that is wrong and what to do about it. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the wrong value comes from.
    pub source: Source,
    /// The key, such as `storage.partitions`; empty when the file is not TOML.
    pub key: String,
    /// What is wrong, and the remedy.
    pub text: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}: {}", self.source, self.text)
        } else {
            write!(f, "{}: {}: {}", self.source, self.key, self.text)
        }
    }
}

fn listed(problems: &[Problem]) -> String {
    use std::fmt::Write as _;
    problems.iter().fold(String::new(), |mut list, problem| {
        let _ = write!(list, "\n  - {problem}");
        list
    })
}
