//! A partition that this process owns.

use tokio::{sync::oneshot, time::Instant};
use triggerfish_core::{Invocation, InvocationKey};
use triggerfish_log::Offset;
use triggerfish_view::View;

use crate::{asking::Asking, tally::Tally};

/// A partition with its view, from the end of its restore on.
pub(crate) struct Owned {
    pub(crate) view: View,
    /// The committed position; nothing after it may be saved.
    pub(crate) committed: Offset,
    /// The first offset that was not in the log when the restore ended: until the
    /// fold is there, calls may be owed that a record further on has answered.
    pub(crate) catch_up: Offset,
    pub(crate) phase: Phase,
    pub(crate) saving: bool,
    pub(crate) last_save: Instant,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) tally: Tally,
    pub(crate) asking: Asking,
}

/// What may be done for a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is folded; nobody acts for it yet.
    CatchingUp,
    /// The roles act for it.
    Running,
    /// It is about to go: what was begun for it comes to its end, nothing new is.
    Leaving,
    /// It is about to go: what was folded is committed and saved, nothing else.
    Released,
}

/// Somebody who wants an invocation as of a position.
pub(crate) struct Waiting {
    pub(crate) after: Offset,
    pub(crate) key: InvocationKey,
    pub(crate) reply: oneshot::Sender<Option<Invocation>>,
}

impl Owned {
    pub(crate) fn new(view: View, committed: Offset, catch_up: Offset) -> Self {
        Self {
            view,
            committed,
            catch_up,
            phase: Phase::CatchingUp,
            saving: false,
            last_save: Instant::now(),
            waiting: Vec::new(),
            tally: Tally::default(),
            asking: Asking::default(),
        }
    }

    /// Nobody is answered for this partition any more.
    pub(crate) fn forget_questions(&mut self) {
        self.waiting.clear();
        self.asking.clear();
    }

    pub(crate) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    pub(crate) fn has_caught_up(&self) -> bool {
        #[cfg(feature = "faults")]
        if crate::faults::is_on(crate::faults::Fault::ActsWhileCatchingUp) {
            return true;
        }
        self.view.position() >= self.catch_up.0
    }

    /// Answers everybody whose position has been reached.
    pub(crate) fn answer_waiting(&mut self) -> Result<(), triggerfish_view::Error> {
        let position = Offset(self.view.position());
        let mut index = 0;
        while index < self.waiting.len() {
            if self.waiting[index].after < position {
                let waiting = self.waiting.swap_remove(index);
                // The asker may have given up; that is its own business.
                drop(waiting.reply.send(self.view.get(waiting.key)?));
            } else {
                index += 1;
            }
        }
        Ok(())
    }
}
