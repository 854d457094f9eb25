//! The partition of the invocation log.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::{Record, Rule, View};

/// The records, and what a view rebuilt from them is at each position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    records: Vec<Record>,
    rebuilt: Vec<Arc<View>>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            rebuilt: vec![Arc::default()],
        }
    }
}

impl Log {
    /// Appends a record.
    pub fn push(&mut self, record: Record, without: Option<Rule>) {
        let mut view = View::clone(self.rebuilt(self.len()));
        view.fold(record, without);
        self.records.push(record);
        self.rebuilt.push(Arc::new(view));
    }

    /// Its records.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Where the next record will be.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an offset, not a size")]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// What the first `position` records make.
    #[must_use]
    pub fn rebuilt(&self, position: usize) -> &View {
        &self.rebuilt[position]
    }

    /// What a view is as it is rebuilt, from the beginning to the end.
    pub fn rebuilding(&self) -> impl Iterator<Item = &View> {
        self.rebuilt.iter().map(|view| &**view)
    }
}

/// The records say it all.
impl Hash for Log {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.records.hash(hasher);
    }
}
