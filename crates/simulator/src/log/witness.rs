//! Who is told what happens to the log.

use triggerfish_log::{Consumed, GroupName, NewRecord, Offset, Partition, Record};

use crate::life::Life;

/// Is told of everything, while the log is locked. Must not call the log.
pub trait Witness: Send + Sync + 'static {
    /// An append begins.
    fn appending(&self, by: &Life, records: &[NewRecord]);
    /// Records are in the log, outside of a commit.
    fn appended(&self, by: &Life, records: &[Record]);
    /// A commit is in the log. `before` are the positions that were committed until now.
    fn committed(
        &self,
        by: &Life,
        group: &GroupName,
        records: &[Record],
        consumed: &[Consumed],
        before: &[Option<Offset>],
    );
    /// A session is opened.
    fn joined(&self, by: &Life, group: &GroupName);
    /// A session was told that it owns partitions; `ends` is where each ends.
    fn assigned(&self, by: &Life, group: &GroupName, gained: &[(Partition, Offset)]);
    /// A session was told to let partitions go.
    fn revoking(&self, by: &Life, group: &GroupName, partitions: &[Partition]);
    /// A session has let partitions go, or has heard that they are gone.
    fn released(&self, by: &Life, group: &GroupName, partitions: &[Partition]);
}

/// Nobody.
pub struct NoWitness;

impl Witness for NoWitness {
    fn appending(&self, _: &Life, _: &[NewRecord]) {}
    fn appended(&self, _: &Life, _: &[Record]) {}
    fn committed(
        &self,
        _: &Life,
        _: &GroupName,
        _: &[Record],
        _: &[Consumed],
        _: &[Option<Offset>],
    ) {
    }
    fn joined(&self, _: &Life, _: &GroupName) {}
    fn assigned(&self, _: &Life, _: &GroupName, _: &[(Partition, Offset)]) {}
    fn revoking(&self, _: &Life, _: &GroupName, _: &[Partition]) {}
    fn released(&self, _: &Life, _: &GroupName, _: &[Partition]) {}
}
