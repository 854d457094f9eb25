//! Where values come from: a file, the environment, flags. The later one wins.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use serde::Deserialize as _;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::problem::{ConfigError, Problem};

/// Every environment variable of ours begins so.
pub(super) const PREFIX: &str = "TRIGGERFISH_";
/// Stands between the parts of a key in the name of a variable.
pub(super) const SEPARATOR: &str = "__";
/// Variables that are not named after their key.
pub(super) const SHORT_NAMES: [(&str, &str); 2] = [
    ("TRIGGERFISH_CLIENT_ID", "security.client_id"),
    ("TRIGGERFISH_CLIENT_SECRET", "security.client_secret"),
];

/// What the settings are made of. Tests make their own; a process uses
/// [`Sources::of_process`].
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The TOML file, if one is given.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<Variable>,
    /// Command line flags.
    pub flags: Vec<Flag>,
}

/// One environment variable.
#[derive(Clone)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; `None` when it is not UTF-8. An empty one counts as not set.
    pub value: Option<String>,
}

/// A command line flag that sets a key.
#[derive(Clone)]
pub struct Flag {
    /// As the person wrote it, e.g. `--data`.
    pub name: &'static str,
    /// The key it sets, e.g. `storage.data_dir`.
    pub key: &'static str,
    /// Its value.
    pub value: String,
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=***", self.name)
    }
}

impl fmt::Debug for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=***", self.name)
    }
}

impl Sources {
    /// The file and flags of a command line, and the environment of this process.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>, flags: Vec<Flag>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| {
                Some(Variable {
                    name: name.into_string().ok().filter(|n| n.starts_with(PREFIX))?,
                    value: value.into_string().ok(),
                })
            })
            .collect();
        Self {
            file,
            environment,
            flags,
        }
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Env(String),
    /// A command line flag.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "file:{}:{line}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Flag(name) => write!(f, "flag:{name}"),
        }
    }
}

/// A value before it is known what it should be.
#[derive(Clone)]
pub(super) enum Raw {
    /// Typed by the file.
    Typed(toml::Value),
    /// Text of a variable or flag.
    Text(String),
}

/// A value and its source.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) raw: Raw,
    pub(super) source: Source,
}

/// All values that were set, by key.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) leaves: BTreeMap<String, Leaf>,
    pub(super) problems: Vec<Problem>,
    /// Variables of ours that are not keys, to be compared with known keys.
    pub(super) strays: Vec<String>,
}

impl Layers {
    pub(super) fn gather(sources: &Sources) -> Result<Self, ConfigError> {
        let mut layers = Self::default();
        if let Some(path) = &sources.file {
            let text = std::fs::read_to_string(path).map_err(|source| ConfigError::ReadFile {
                path: path.clone(),
                source,
            })?;
            layers.add_file(path, &text);
        }
        for variable in &sources.environment {
            layers.add_variable(variable);
        }
        for flag in &sources.flags {
            let leaf = Leaf {
                raw: Raw::Text(flag.value.clone()),
                source: Source::Flag(flag.name),
            };
            layers.leaves.insert(flag.key.to_owned(), leaf);
        }
        Ok(layers)
    }

    fn add_file(&mut self, path: &Path, text: &str) {
        let source = |offset: usize| Source::File {
            path: path.to_owned(),
            line: 1 + text.bytes().take(offset).filter(|b| *b == b'\n').count(),
        };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            // Only the message: the rendered error would quote the line, and a line
            // may hold a secret.
            self.problems.push(Problem {
                source: source(error.span().map_or(0, |span| span.start)),
                key: String::new(),
                text: format!("not valid TOML: {}", error.message()),
            });
        }
        if self.problems.is_empty() {
            self.add_table("", table.into_inner(), &source);
        }
    }

    fn add_table(&mut self, above: &str, table: DeTable<'_>, source: &dyn Fn(usize) -> Source) {
        for (name, value) in table {
            let key = match above {
                "" => name.get_ref().to_string(),
                above => format!("{above}.{}", name.get_ref()),
            };
            let line = source(name.span().start);
            match value.get_ref() {
                DeValue::Table(inner) if !inner.is_empty() => {
                    if let DeValue::Table(inner) = value.into_inner() {
                        self.add_table(&key, inner, source);
                    }
                }
                _ => self.add_leaf(key, value, line),
            }
        }
    }

    fn add_leaf(&mut self, key: String, value: toml::Spanned<DeValue<'_>>, source: Source) {
        match toml::Value::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => {
                let raw = Raw::Typed(value);
                self.leaves.insert(key, Leaf { raw, source });
            }
            Err(error) => self.problems.push(Problem {
                source,
                key,
                text: format!("not a value: {}", error.message()),
            }),
        }
    }

    fn add_variable(&mut self, variable: &Variable) {
        let Some(rest) = variable.name.strip_prefix(PREFIX) else {
            return;
        };
        let short = SHORT_NAMES
            .iter()
            .find(|(name, _)| *name == variable.name)
            .map(|(_, key)| (*key).to_owned());
        let spelled = || {
            rest.contains(SEPARATOR)
                .then(|| rest.to_lowercase().replace(SEPARATOR, "."))
        };
        let Some(key) = short.or_else(spelled) else {
            self.strays.push(variable.name.clone());
            return;
        };
        let source = Source::Env(variable.name.clone());
        match variable.value.as_deref() {
            Some("") => {}
            Some(text) => {
                let raw = Raw::Text(text.to_owned());
                self.leaves.insert(key, Leaf { raw, source });
            }
            None => self.problems.push(Problem {
                source,
                key,
                text: "the value is not UTF-8; set it again".to_owned(),
            }),
        }
    }
}
