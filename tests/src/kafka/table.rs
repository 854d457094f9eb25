//! What a run was like, for people.

use std::fmt::{self, Display};

/// Rows of a name and a figure.
#[derive(Clone, Debug, Default)]
pub struct Table(Vec<(String, String)>);

impl Table {
    /// Adds a row.
    pub fn row(&mut self, name: impl Display, figure: impl Display) {
        self.0.push((name.to_string(), figure.to_string()));
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(name, _)| name.chars().count()).max();
        let width = width.unwrap_or_default();
        for (name, figure) in &self.0 {
            writeln!(f, "  {name:<width$}  {figure}")?;
        }
        Ok(())
    }
}
