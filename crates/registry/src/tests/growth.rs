//! Where invocations of an event are, across growths of the invocation log.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;
use triggerfish_core::{
    EventIdentity, Origin, Timestamp,
    fan_out::{Event, partition_of, partitions_of},
};

use super::World;
use crate::{decide, model::Growth, snapshot::Snapshot};

fn event(id: u32, time: Timestamp, ordering_key: Option<u32>) -> Event {
    Event {
        identity: EventIdentity::of(&[&id.to_be_bytes()]),
        time,
        input: "{}".into(),
        content_json: "{}".into(),
        ordering_key: ordering_key.map(|key| key.to_string().into()),
        depth: 0,
        traceparent: None,
        event_id: None,
        origin: Origin::RealTime,
    }
}

/// The partition of the event, by the count in force at its time.
fn place(snapshot: &Snapshot, event: &Event) -> u16 {
    let partitions = snapshot.partitions_at(event.time).unwrap();
    partition_of(event, partitions)
}

fn counts(snapshot: &Snapshot) -> impl Iterator<Item = u16> {
    snapshot.growths().iter().map(|growth| growth.partitions)
}

proptest! {
    #[test]
    fn a_growth_moves_no_event_from_before_it(
        steps in prop::collection::vec((1_u64..1_000, 1_u16..50), 1..8),
        events in prop::collection::vec((any::<u32>(), 0_u64..6_000, prop::option::of(0_u32..9)), 1..20),
    ) {
        let mut world = World::new();
        let (mut since, mut partitions) = (Timestamp::EPOCH, 0);
        for (step, more) in steps {
            let before = world.snapshot.clone();
            partitions += more;
            let growth = Growth { since, partitions };
            let write = decide::grow(&before, Timestamp::EPOCH, growth).unwrap();
            world.apply(&write);
            for (id, millis, key) in &events {
                let event = event(*id, Timestamp::from_millis(*millis), *key);
                let known = partitions_of(&event, counts(&world.snapshot));
                let now = place(&world.snapshot, &event);
                prop_assert!(known.contains(&now) && now < partitions);
                if before.growths().is_empty() {
                    continue;
                }
                let then = place(&before, &event);
                prop_assert!(known.contains(&then), "it is found where it was");
                prop_assert!(event.time >= since || then == now, "it stays where it was");
            }
            since = since.after(Duration::from_millis(step));
        }
    }
}

#[test]
fn an_event_is_in_few_places() {
    let event = event(7, Timestamp::EPOCH, None);
    let all = partitions_of(&event, [4, 8, 16]);
    let expected = [4, 8, 16].map(|partitions| partition_of(&event, partitions));
    assert_eq!(all, BTreeSet::from(expected));
    assert!(partitions_of(&event, []).is_empty());
}
