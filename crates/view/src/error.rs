//! What can go wrong with a view.

use std::path::PathBuf;

/// Why a view could not do what it was asked for. The caller closes the partition and
/// opens it again; a damaged view is wiped by that.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder could not be made, listed or removed.
    #[error("folder {path} of the view could not be {action}; check its permissions")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// What was tried: `made`, `listed` or `removed`.
        action: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// Another process, or an earlier owner in this one, still has it open.
    #[error("view {path} is in use by another owner; stop the other process")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The store could not be opened for a reason that wiping would not mend.
    #[error("view {path} could not be opened; check disk space and permissions")]
    Open {
        /// The folder.
        path: PathBuf,
        /// What the store said.
        source: sled::Error,
    },
    /// Reading failed.
    #[error("view could not be read; check the disk")]
    Read(#[source] sled::Error),
    /// Saving failed.
    #[error("view could not be saved; check disk space")]
    Save(#[source] sled::Error),
    /// What was read makes no sense; the next opening wipes the view.
    #[error("view is damaged ({0}); it is rebuilt from the log when the partition opens again")]
    Damaged(&'static str),
    /// What was kept of an invocation does not decode.
    #[error("kept invocation does not decode; the view is rebuilt when the partition opens again")]
    Decode(#[source] triggerfish_wire::Error),
    /// The first put of an invocation came without the record that requested it.
    #[error("first put of invocation {0} lacks its envelope; pass the record's value")]
    NoEnvelope(triggerfish_core::InvocationId),
}
