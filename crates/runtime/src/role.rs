//! What a service adds to the loop.

use std::collections::BTreeMap;

use triggerfish_core::{ActionState, Effect, Invocation, Timestamp};
use triggerfish_log::{NewRecord, Partition};
use triggerfish_view::View;

use crate::owned::Owned;

/// One service's part of the work: what it makes of effects.
///
/// All methods are called from the loop and must not block. Work in the world runs
/// in tasks of the role's own; they wake the loop when they have news, and what they
/// saw goes into the log by an [`crate::Observer`].
pub trait Role: Send + 'static {
    /// Name for logs.
    fn name(&self) -> &'static str;

    /// Records that go out in the same commit as the position: exactly once.
    fn outputs(&mut self, invocation: &Invocation, effects: &[Effect], out: &mut Vec<NewRecord>);

    /// The decision about an action has fallen. Its record, if there is to be one, goes out
    /// in the same commit as the position, as with [`Role::outputs`].
    fn decided(&mut self, _action: &ActionState, _out: &mut Vec<NewRecord>) {}

    /// An observation was applied in a partition that is running.
    fn applied(&mut self, partition: Partition, invocation: &Invocation, effects: &[Effect]);

    /// A partition has been restored and is running; what it owes is in its view.
    fn opened(&mut self, partition: Partition, view: &mut View);

    /// A partition is about to go, in good order: start nothing new for it. What is under
    /// way may come to its end first.
    fn leaving(&mut self, _partition: Partition) {}

    /// Whether nothing it started for the partition is still under way.
    fn is_idle_for(&self, _partition: Partition) -> bool {
        true
    }

    /// A partition is gone or about to go: append nothing for it from here on.
    fn released(&mut self, partition: Partition);

    /// Do what is due. Called at every turn of the loop; returns when it wants to
    /// be called at the latest.
    fn act(&mut self, now: Timestamp, views: &mut Views<'_>) -> Option<Timestamp>;

    /// Start nothing new.
    fn drain(&mut self);

    /// Whether nothing it started is still under way.
    fn is_idle(&self) -> bool;
}

/// The views of the partitions that are running.
pub struct Views<'a>(pub(crate) &'a mut BTreeMap<Partition, Owned>);

impl Views<'_> {
    /// The view of `partition`, if it is running here.
    pub fn get(&mut self, partition: Partition) -> Option<&mut View> {
        let owned = self
            .0
            .get_mut(&partition)
            .filter(|owned| owned.is_running())?;
        Some(&mut owned.view)
    }

    /// The running partitions and their views.
    pub fn iter(&mut self) -> impl Iterator<Item = (Partition, &mut View)> {
        let running = self.0.iter_mut().filter(|(_, owned)| owned.is_running());
        running.map(|(partition, owned)| (*partition, &mut owned.view))
    }
}
