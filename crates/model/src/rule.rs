//! What the protocol rests on.

/// A rule of the protocol. A model may be made without one of them, to see that it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A view is saved only up to the committed position, and one that is found ahead of it
    /// is wiped.
    CommitFirst,
    /// Completions and the position go out in one transaction.
    OneTransaction,
    /// Who is no longer the member that it believes to be commits nothing.
    Fencing,
    /// The next owner waits for the committed position while a transaction may still move it.
    StablePosition,
    /// A request that was folded already changes nothing.
    Dedupe,
    /// No call before the fold has reached the end that the log had at the restore.
    CatchUpFirst,
    /// No call by somebody who has not heard from the group lately.
    Pulse,
    /// Act on nothing that has not been read from the log.
    ReadFromLog,
}
