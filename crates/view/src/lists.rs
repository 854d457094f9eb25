//! Which invocations are of which subscription.
//!
//! There may be as many subscriptions as invocations in a save, and sled's cost is per key. So
//! a list is not one subscription's: the records of a window of the log are spread over a fixed
//! number of lists by a hash of the subscription, each with the rest of the hash as a mark. Who
//! reads a list meets records of others now and then, and looks at the rows anyway.

use std::collections::BTreeMap;

use triggerfish_core::{SubscriptionId, invocation::PART_BITS};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    layout::{BLOCK, LISTS, WINDOW, offset_of, window_of},
    row::Row,
};

/// Lists of one window; a number of theirs has a byte in the key.
const LISTS_PER_WINDOW_SHIFT: u32 = 6;

/// A mark and a record, as they stand in a list: in the order of bytes.
type Item = [u8; 4];

/// Where in the lists of any window a subscription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    list: u8,
    mark: [u8; 2],
}

impl Slot {
    pub(crate) fn of(subscription: SubscriptionId) -> Self {
        let hash = xxh3_64(subscription.0.as_bytes());
        let [first, .., a, b] = hash.to_be_bytes();
        Self {
            list: first >> (u8::BITS - LISTS_PER_WINDOW_SHIFT),
            mark: [a, b],
        }
    }

    /// Whether it is in the same lists as `other`.
    pub(crate) fn shares_lists(self, other: Self) -> bool {
        self.list == other.list
    }

    /// The key of its list in a window.
    pub(crate) fn key(self, window: u64) -> Vec<u8> {
        key(window, self.list)
    }

    /// The records in a list that are of this slot, ascending: one of its invocations is, as a
    /// rule, among the parts of each.
    pub(crate) fn records(self, window: u64, list: &[u8]) -> impl Iterator<Item = u64> {
        let items = items(list);
        let from = items.partition_point(|[a, b, ..]| [*a, *b] < self.mark);
        let rest = items[from..].iter();
        let its = rest.take_while(move |[a, b, ..]| [*a, *b] == self.mark);
        its.map(move |[.., high, low]| {
            let within = u64::from(u16::from_be_bytes([*high, *low]));
            window + (within << PART_BITS)
        })
    }
}

fn key(window: u64, list: u8) -> Vec<u8> {
    let mut key = Vec::with_capacity(10);
    key.push(LISTS);
    key.extend_from_slice(&window.to_be_bytes());
    key.push(list);
    key
}

fn items(list: &[u8]) -> &[Item] {
    list.as_chunks().0
}

/// Additions to and removals from lists.
#[derive(Debug, Default)]
pub(crate) struct Changes(BTreeMap<(u64, u8), BTreeMap<Item, bool>>);

impl Changes {
    /// An invocation is to be listed, or no longer.
    pub(crate) fn note(&mut self, row: &Row, present: bool) {
        let Slot { list, mark } = Slot::of(row.subscription);
        let window = window_of(row.place);
        let within = u16::try_from(offset_of(row.place - window))
            .expect("a window has no more than 65536 offsets");
        let ([a, b], [high, low]) = (mark, within.to_be_bytes());
        let changes = self.0.entry((window, list)).or_default();
        changes.insert([a, b, high, low], present);
    }

    /// What is to be changed in which list.
    pub(crate) fn into_lists(self) -> impl Iterator<Item = (Vec<u8>, ListChange)> {
        let lists = self.0.into_iter();
        lists.map(|((window, list), changes)| (key(window, list), ListChange(changes)))
    }
}

/// Additions to and removals from one list.
#[derive(Debug)]
pub(crate) struct ListChange(BTreeMap<Item, bool>);

impl ListChange {
    /// The list after the change.
    pub(crate) fn apply(self, list: &[u8]) -> Vec<u8> {
        let mut after = Vec::with_capacity(list.len() + size_of::<Item>() * self.0.len());
        let mut kept = items(list).iter().peekable();
        for (item, present) in self.0 {
            while let Some(before) = kept.next_if(|kept| **kept < item) {
                after.extend_from_slice(before);
            }
            let _ = kept.next_if(|kept| **kept == item);
            if present {
                after.extend_from_slice(&item);
            }
        }
        kept.for_each(|item| after.extend_from_slice(item));
        after
    }
}

const _: () = assert!(offset_of(WINDOW) <= 1 << u16::BITS && BLOCK <= WINDOW);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn changes(of: &[(u16, u16, bool)]) -> ListChange {
        let items = of.iter().map(|(mark, within, present)| {
            let ([a, b], [high, low]) = (mark.to_be_bytes(), within.to_be_bytes());
            ([a, b, high, low], *present)
        });
        ListChange(items.collect())
    }

    #[test]
    fn subscriptions_are_spread_over_all_lists() {
        let slots = (0..1_000).map(|n| Slot::of(SubscriptionId(Uuid::from_u128(n))));
        let slots: BTreeSet<Slot> = slots.collect();
        assert!(slots.len() > 990, "{} of 1,000", slots.len());
        let lists: BTreeSet<u8> = slots.iter().map(|slot| slot.list).collect();
        assert_eq!(lists, (0..1 << LISTS_PER_WINDOW_SHIFT).collect());
    }

    proptest! {
        #[test]
        fn a_list_has_what_was_added_and_not_removed(
            steps in prop::collection::vec(
                prop::collection::vec((0..4_u16, 0..20_u16, any::<bool>()), 0..20),
                0..6,
            ),
        ) {
            let (mut list, mut expected) = (Vec::new(), BTreeSet::new());
            for step in steps {
                for (mark, within, present) in &step {
                    if *present {
                        expected.insert((*mark, *within));
                    } else {
                        expected.remove(&(*mark, *within));
                    }
                }
                list = changes(&step).apply(&list);
            }
            for mark in 0..4_u16 {
                let slot = Slot { list: 0, mark: mark.to_be_bytes() };
                let found: Vec<u64> = slot.records(WINDOW, &list).collect();
                let its = expected.iter().filter(|(its, _)| *its == mark);
                let wanted = its.map(|(_, within)| WINDOW + (u64::from(*within) << PART_BITS));
                prop_assert_eq!(found, wanted.collect::<Vec<_>>());
            }
        }
    }
}
