//! Subscribers whose last answer was more than is read: their calls take turns.
//!
//! An answer without an end costs the processors as much as many that end, whoever reads it.
//! A hundred that come at the same moment would hold up the calls of everybody else; one
//! after the other they do not.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use triggerfish_core::{SubscriptionId, Timestamp};

/// How long a turn lasts. Whoever takes longer to answer does not keep the processors busy, and
/// the others are not to wait for that; whoever takes less leaves them to those who answer.
pub(crate) const TURN: Duration = Duration::from_millis(50);

/// Whose turn it is.
#[derive(Default)]
pub(crate) struct Floods {
    /// When the turn ends that has begun.
    turn: Option<Timestamp>,
    line: VecDeque<SubscriptionId>,
    in_line: HashSet<SubscriptionId>,
    /// Was the first in line just now.
    called_up: Option<SubscriptionId>,
}

impl Floods {
    /// Ends the turn if it has lasted long enough.
    pub(crate) fn look_at(&mut self, now: Timestamp) {
        self.turn = self.turn.filter(|end| *end > now);
    }

    /// Calls up the first in line, if it is nobody's turn.
    pub(crate) fn next_in_line(&mut self) -> Option<SubscriptionId> {
        if self.turn.is_some() {
            return None;
        }
        self.called_up = self.line.pop_front();
        let subscription = self.called_up?;
        self.in_line.remove(&subscription);
        Some(subscription)
    }

    /// Whether a call of `subscription` may begin. If not, it is in line for that.
    pub(crate) fn admit(&mut self, subscription: SubscriptionId) -> bool {
        let was_first = self.called_up.take() == Some(subscription);
        if self.turn.is_none() && (was_first || self.line.is_empty()) {
            return true;
        }
        if self.in_line.insert(subscription) {
            self.line.push_back(subscription);
        }
        false
    }

    /// It needs no turn any more.
    pub(crate) fn leave(&mut self, subscription: SubscriptionId) {
        if self.in_line.remove(&subscription) {
            self.line.retain(|other| *other != subscription);
        }
    }

    /// A call has its turn.
    pub(crate) fn began(&mut self, now: Timestamp) {
        self.turn = Some(now.after(TURN));
    }

    pub(crate) fn is_in_line(&self, subscription: SubscriptionId) -> bool {
        self.in_line.contains(&subscription)
    }

    /// When the next turn begins, if somebody is in line for one. Where it is nobody's turn
    /// the end of another call is waited for.
    pub(crate) fn next_turn(&self) -> Option<Timestamp> {
        self.turn.filter(|_| !self.line.is_empty())
    }
}
