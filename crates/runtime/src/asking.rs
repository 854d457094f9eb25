//! Those who wait for an action to get somewhere.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use triggerfish_core::{ActionState, InvocationKey};
use triggerfish_wire::peer::ActionStage;

/// Askers kept before those are looked for who have given up.
const SWEEP_MIN: usize = 256;

/// Somebody who waits.
pub(crate) struct Asker {
    pub(crate) stage: ActionStage,
    pub(crate) reply: oneshot::Sender<Option<Arc<ActionState>>>,
}

/// All who wait for actions of one partition.
#[derive(Default)]
pub(crate) struct Asking {
    askers: HashMap<InvocationKey, Vec<Asker>>,
    sweep_at: usize,
}

impl Asking {
    pub(crate) fn add(&mut self, key: InvocationKey, asker: Asker) {
        if self.askers.len() >= self.sweep_at {
            self.askers.retain(|_, askers| {
                askers.retain(|asker| !asker.reply.is_closed());
                !askers.is_empty()
            });
            self.sweep_at = (self.askers.len() * 2).max(SWEEP_MIN);
        }
        self.askers.entry(key).or_default().push(asker);
    }

    /// Answers those for whom `action` is far enough.
    pub(crate) fn tell(&mut self, action: &Arc<ActionState>) {
        let key = action.id.key();
        let Some(askers) = self.askers.remove(&key) else {
            return;
        };
        let (reached, left): (Vec<_>, Vec<_>) = askers
            .into_iter()
            .partition(|asker| asker.stage.is_reached_by(action));
        for asker in reached {
            // The asker may have given up; that is its own business.
            drop(asker.reply.send(Some(Arc::clone(action))));
        }
        if !left.is_empty() {
            self.askers.insert(key, left);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.askers.clear();
    }
}
