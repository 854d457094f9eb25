//! Folds the log again and compares with the views.

use std::path::PathBuf;
use std::sync::Arc;

use triggerfish_log::{EventLog, Offset, Partition};
use triggerfish_view::{LogIdentity, Settings, View, WipeReason};

use crate::{
    disk::{Disk, Threads},
    restore::{RestoreError, begin_at, fold_until},
    topics::Topics,
};

/// Where the views are and what they belong to.
#[derive(Clone, Debug)]
pub struct Place {
    /// Folder of the views.
    pub views: PathBuf,
    /// Identity of the log.
    pub cluster: String,
    /// The topics.
    pub topics: Topics,
    /// How long closed invocations are kept.
    pub settings: Settings,
}

/// One partition's digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Which one.
    pub partition: Partition,
    /// Up to where both were folded.
    pub position: u64,
    /// Set when the view was of no use and had to be thrown away.
    pub wiped: Option<WipeReason>,
    /// Digest of the view as it is saved.
    pub view: [u8; 32],
    /// Digest of a new fold of the log.
    pub rebuilt: [u8; 32],
}

impl Compared {
    /// Whether the view is what the log says (invariant I3). One of which nothing, or not all,
    /// had come to the disk yet says nothing else.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        use WipeReason::{Unborn, Unfinished};
        let holds = self
            .wiped
            .is_none_or(|why| matches!(why, Unborn | Unfinished));
        holds && self.view == self.rebuilt
    }
}

/// Compares every view in the folder. Nothing else may have them open.
pub async fn verify<L: EventLog>(log: &L, place: &Place) -> Result<Vec<Compared>, RestoreError> {
    let mut compared = Vec::new();
    for partition in partitions_in(&place.views)? {
        compared.push(compare(log, place, partition).await?);
    }
    Ok(compared)
}

/// The partitions that have a view there; none where there is no such folder.
fn partitions_in(views: &std::path::Path) -> Result<Vec<Partition>, RestoreError> {
    let entries = match std::fs::read_dir(views) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(RestoreError::Scratch)?,
    };
    let mut partitions = Vec::new();
    for entry in entries {
        let name = entry.map_err(RestoreError::Scratch)?.file_name();
        let number = name.to_str().and_then(|name| name.parse().ok());
        partitions.extend(number.map(Partition));
    }
    partitions.sort_unstable();
    Ok(partitions)
}

async fn compare<L: EventLog>(
    log: &L,
    place: &Place,
    partition: Partition,
) -> Result<Compared, RestoreError> {
    let topic = &place.topics.invocation_log;
    let identity = LogIdentity {
        cluster: place.cluster.clone(),
        topic: topic.to_string(),
        partition: u16::try_from(partition.0).unwrap_or(u16::MAX),
    };
    let folder = place.views.join(partition.to_string());
    let (mut view, opened) = View::open(&folder, &identity, place.settings)?;
    let position = view.position();
    let scratch = place.views.join(format!("verify-{partition}"));
    remove(&scratch)?;
    let (mut rebuilt, _) = View::open(&scratch, &identity, place.settings)?;
    begin_at(&mut rebuilt, view.rebuild_start()?);
    let mut reader = log.open_reader().await?;
    rebuilt = fold_until(
        &mut reader,
        rebuilt,
        topic,
        partition,
        Offset(position),
        &(Arc::new(Threads) as Arc<dyn Disk>),
    )
    .await?;
    rebuilt.advance(position);
    let compared = Compared {
        partition,
        position,
        wiped: opened.wiped,
        view: view.digest()?,
        rebuilt: rebuilt.digest()?,
    };
    drop(rebuilt);
    remove(&scratch)?;
    Ok(compared)
}

fn remove(folder: &std::path::Path) -> Result<(), RestoreError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RestoreError::Scratch(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_that_was_never_whole_is_no_other_than_the_log() {
        let compared = |wiped, rebuilt| Compared {
            partition: Partition(0),
            position: 0,
            wiped,
            view: [1; 32],
            rebuilt: [rebuilt; 32],
        };
        for never_whole in [None, Some(WipeReason::Unborn), Some(WipeReason::Unfinished)] {
            assert!(compared(never_whole, 1).is_equal());
            assert!(!compared(never_whole, 2).is_equal());
        }
        assert!(!compared(Some(WipeReason::Damaged), 1).is_equal());
    }
}
