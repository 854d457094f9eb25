//! Where a rebuild of the view starts: at the oldest invocation it keeps.

use std::ops::ControlFlow;

use triggerfish_core::Timestamp;

use crate::{
    error::Error,
    row::Row,
    view::{Looked, View},
};

/// Where a rebuild of the view has to begin so that it comes to the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RebuildStart {
    /// The first offset to read.
    pub offset: u64,
    /// The log time to set before reading it: records before it may have been later.
    pub log_time: Timestamp,
}

impl View {
    /// Where a rebuild of this view would have to begin. Cheap: goes with every commit.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn rebuild_start(&mut self) -> Result<RebuildStart, Error> {
        let (offset, log_time) = match self.oldest_row()? {
            Some(row) => (row.offset(), row.entered),
            None => (self.progress.position, self.progress.log_time),
        };
        let (offset, log_time) = self.progress.repeats.start(offset, log_time);
        Ok(RebuildStart { offset, log_time })
    }

    /// The offset of the oldest invocation kept.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn oldest_kept(&mut self) -> Result<Option<u64>, Error> {
        Ok(self.oldest_row()?.map(|row| row.offset()))
    }

    fn oldest_row(&mut self) -> Result<Option<Row>, Error> {
        let log_time = self.progress.log_time;
        let from = match self.oldest {
            Looked::Found(None) => return Ok(None),
            Looked::Found(Some(row)) if row.is_kept(&self.settings, log_time) => {
                return Ok(Some(row));
            }
            Looked::Found(Some(row)) => row.place + 1,
            Looked::NotYet => 0,
        };
        let oldest = self.first_kept(from)?;
        self.oldest = Looked::Found(oldest);
        Ok(oldest)
    }

    /// The first row that is kept, at `from` or after it.
    fn first_kept(&self, from: u64) -> Result<Option<Row>, Error> {
        let kept = |row: &Row| row.is_kept(&self.settings, self.progress.log_time);
        let in_buffers = self.buffers().filter_map(|buffer| {
            let mut entries = buffer.entries.range(from..).map(|(_, entry)| entry.row);
            entries.find(|row| kept(row) && self.shows(buffer, row.place))
        });
        let in_buffers = in_buffers.min_by_key(|row| row.place);
        let mut stored = None;
        self.store.rows_from(from, |row, _| {
            if in_buffers.is_some_and(|known| known.place < row.place) {
                return Ok(ControlFlow::Break(()));
            }
            if row.place < from || self.buffered(row.place).is_some() || !kept(row) {
                return Ok(ControlFlow::Continue(()));
            }
            stored = Some(*row);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(stored.or(in_buffers))
    }
}
