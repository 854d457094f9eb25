//! What one partition's view holds for a lane beyond what the lane knows, and how far
//! it has been read.

use triggerfish_core::Timestamp;
use triggerfish_log::Partition;
use triggerfish_view::{CallCursor, KeyHash};

/// A partition whose view may hold calls that the lane does not know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spilled {
    pub(crate) partition: Partition,
    /// Calls without an order, which are read in the order they are due.
    pub(crate) calls: Option<UnreadCalls>,
    /// Calls with an ordering key, which are read key by key.
    pub(crate) keys: Option<UnreadKeys>,
}

/// Nothing at or before `read_to` was left behind, and nothing is due before `first_due`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnreadCalls {
    pub(crate) read_to: Option<CallCursor>,
    pub(crate) first_due: Timestamp,
}

/// A pass through the keys. None after `read_to` has a call due before `first_due`; of
/// those passed, what was left behind is due from `left` on and waits for the next pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnreadKeys {
    pub(crate) read_to: Option<KeyHash>,
    pub(crate) first_due: Timestamp,
    left: Option<Timestamp>,
}

impl Spilled {
    /// Nothing is unread.
    pub(crate) const fn nothing(partition: Partition) -> Self {
        Self {
            partition,
            calls: None,
            keys: None,
        }
    }

    /// Everything is unread.
    pub(crate) fn look_again(&mut self) {
        self.calls = Some(UnreadCalls {
            read_to: None,
            first_due: Timestamp::EPOCH,
        });
        self.keys = Some(UnreadKeys {
            read_to: None,
            first_due: Timestamp::EPOCH,
            left: None,
        });
    }

    /// A call without an order is left in the view.
    pub(crate) fn leave_call(&mut self, at: CallCursor) {
        let unread = self.calls.get_or_insert(UnreadCalls {
            read_to: before(at),
            first_due: at.0,
        });
        if unread.read_to.is_some_and(|read_to| read_to >= at) {
            unread.read_to = before(at);
        }
        unread.first_due = unread.first_due.min(at.0);
    }

    /// A call with an ordering key is left in the view.
    pub(crate) fn leave_key(&mut self, due: Timestamp) {
        let unread = self.keys.get_or_insert(UnreadKeys {
            read_to: None,
            first_due: due,
            left: None,
        });
        if unread.read_to.is_some() {
            unread.left = Some(unread.left.map_or(due, |left| left.min(due)));
        } else {
            unread.first_due = unread.first_due.min(due);
        }
    }

    /// Calls without an order were read; `last` is where, if there may be more.
    pub(crate) fn calls_read(&mut self, last: Option<CallCursor>) {
        self.calls = last.map(|last| UnreadCalls {
            read_to: Some(last),
            first_due: last.0,
        });
    }

    /// Keys were read; `last` is where, if there may be more.
    pub(crate) fn keys_read(&mut self, last: Option<KeyHash>) {
        let Some(unread) = &mut self.keys else { return };
        if last.is_some() {
            unread.read_to = last;
        } else {
            self.keys = unread.left.map(|first_due| UnreadKeys {
                read_to: None,
                first_due,
                left: None,
            });
        }
    }

    /// Nothing unread is due before this; `None` if nothing is unread.
    pub(crate) fn first_due(&self) -> Option<Timestamp> {
        let calls = self.calls.map(|unread| unread.first_due);
        let keys = self.keys.into_iter();
        let keys = keys.flat_map(|unread| unread.left.into_iter().chain([unread.first_due]));
        calls.into_iter().chain(keys).min()
    }
}

/// The place just before `at`.
fn before((due, offset): CallCursor) -> Option<CallCursor> {
    let micros = due.as_micros();
    match offset.checked_sub(1) {
        Some(offset) => Some((due, offset)),
        None if micros > 0 => Some((Timestamp::from_micros(micros - 1), u64::MAX)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_call_left_before_the_cursor_takes_it_back() {
        let mut spilled = Spilled::nothing(Partition(0));
        spilled.look_again();
        spilled.keys_read(None);
        spilled.calls_read(Some((at(50), 7)));
        assert_eq!(spilled.first_due(), Some(at(50)));
        spilled.leave_call((at(60), 3));
        assert_eq!(spilled.calls.unwrap().read_to, Some((at(50), 7)));
        spilled.leave_call((at(20), 9));
        assert_eq!(spilled.calls.unwrap().read_to, Some((at(20), 8)));
        assert_eq!(spilled.first_due(), Some(at(20)));
        spilled.leave_call((at(20), 0));
        assert!(spilled.calls.unwrap().read_to < Some((at(20), 0)));
        spilled.calls_read(None);
        assert_eq!(spilled.first_due(), None);
    }

    #[test]
    fn keys_left_during_a_pass_wait_for_the_next() {
        let mut spilled = Spilled::nothing(Partition(0));
        spilled.leave_key(at(10));
        spilled.leave_key(at(5));
        assert_eq!(spilled.first_due(), Some(at(5)));
        spilled.keys_read(Some(KeyHash(3)));
        spilled.leave_key(at(90));
        spilled.leave_key(at(80));
        assert_eq!(spilled.first_due(), Some(at(5)));
        spilled.keys_read(None);
        assert_eq!(spilled.first_due(), Some(at(80)));
        assert_eq!(spilled.keys.unwrap().read_to, None);
        spilled.keys_read(None);
        assert_eq!(spilled.first_due(), None);
    }
}
