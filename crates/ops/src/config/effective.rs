//! The settings in force and where each came from, for `triggerfish config`.

use std::fmt;

use serde_json::{Value, json};

use super::layers::Source;

/// One key.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// E.g. `storage.partitions`.
    pub key: String,
    /// Its value, masked if it is a secret; `null` when it is not set.
    pub value: Value,
    /// Where the value came from.
    pub source: Source,
    /// What it would be if nobody set it.
    pub preset: Value,
    /// What it is for.
    pub meaning: String,
}

/// Every key, in the order of the reference.
#[derive(Clone, Debug, Default)]
pub struct Effective {
    /// The keys.
    pub rows: Vec<Row>,
}

impl Effective {
    /// The rows as `[{"key", "value", "source"}]`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.rows
            .iter()
            .map(|row| {
                json!({
                    "key": row.key,
                    "value": row.value,
                    "source": row.source.to_string(),
                })
            })
            .collect()
    }
}

/// One line a key: `key = value  # source`.
impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<(String, &Source)> = self
            .rows
            .iter()
            .map(|row| match &row.value {
                Value::Null => (format!("{} is not set", row.key), &row.source),
                value => (format!("{} = {value}", row.key), &row.source),
            })
            .collect();
        let width = lines
            .iter()
            .map(|(line, _)| line.chars().count())
            .max()
            .unwrap_or(0)
            .min(72);
        for (line, source) in lines {
            writeln!(f, "{line:width$}  # {source}")?;
        }
        Ok(())
    }
}
