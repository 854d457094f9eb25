//! For tests of roles: views that are running, without a worker or a log.

use std::collections::BTreeMap;

use triggerfish_log::{Offset, Partition};
use triggerfish_view::View;

use crate::{
    owned::{Owned, Phase},
    role::Views,
};

/// Views that roles can be given.
#[derive(Default)]
pub struct RunningViews(BTreeMap<Partition, Owned>);

impl RunningViews {
    /// Adds the view of `partition`.
    pub fn insert(&mut self, partition: Partition, view: View) {
        let position = Offset(view.position());
        let mut owned = Owned::new(view, position, position);
        owned.phase = Phase::Running;
        self.0.insert(partition, owned);
    }

    /// Takes the view of `partition` out.
    pub fn remove(&mut self, partition: Partition) -> Option<View> {
        self.0.remove(&partition).map(|owned| owned.view)
    }

    /// What a role sees of them.
    pub fn views(&mut self) -> Views<'_> {
        Views(&mut self.0)
    }
}
