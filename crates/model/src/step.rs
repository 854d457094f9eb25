//! What can happen.

use crate::Reply;

/// One step of anybody. Workers are named by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The producer's append of the request is acknowledged.
    Request,
    /// The producer dies before; the request was acknowledged to nobody.
    LoseRequest,
    /// An append whose acknowledgement was lost is made again.
    Repeat(usize),
    /// The subscriber posts a result, to any process, and it is appended.
    PostCallback,
    /// The deadline passes.
    PassDeadline,
    /// The group gives the partition to this worker; whoever has it is not told.
    Assign(usize),
    /// A worker that lost the partition hears of it.
    HearOfLoss(usize),
    /// The process dies, its memory with it.
    Crash(usize),
    /// The disk of a process that is no member is gone.
    LoseDisk(usize),
    /// The broker gives up the transaction of a process that is gone, or the process does.
    Abort(usize),
    /// The owner brings its saved view to the committed position, without any effect.
    Restore(usize),
    /// It folds one record.
    Fold(usize),
    /// It calls the subscriber.
    Call(usize),
    /// The call has ended and its report is appended.
    Report(usize, Reply),
    /// It sees that the deadline has passed.
    ReportDeadline(usize),
    /// It writes completions into a transaction and hands the position to the group, as part
    /// of it. Nobody can read them before the commit, so both are one step.
    Offer(usize),
    /// The transaction is committed.
    Commit(usize),
    /// It saves its view.
    Save(usize),
}
