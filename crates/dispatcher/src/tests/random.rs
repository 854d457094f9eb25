//! Any sequence of events: no call is lost, none is made twice, limits and order hold.

use std::ops::Range;
use std::time::Duration;

use proptest::{collection::vec, option, prelude::*};
use triggerfish_core::breaker::BreakerPolicy;
use triggerfish_log::Partition;

use super::world::{Answer, Asked, Folded, NO_BREAKER, World};
use crate::scheduler::Limits;

const PARTITIONS: u32 = 2;

#[derive(Clone, Debug)]
enum Event {
    Request(Asked, u8),
    Finish(prop::sample::Index, Answer, Folded),
    Fold(prop::sample::Index, Answer),
    Complete(prop::sample::Index),
    Wait(u64),
    Save(u32),
    Release(u32),
    Open(u32),
    /// The loop turns only now and then: several records are folded between two turns.
    Act,
}

fn answer() -> impl Strategy<Value = Answer> + Clone {
    prop_oneof![
        3 => Just(Answer::Output),
        3 => Just(Answer::Unavailable),
        1 => Just(Answer::Nothing),
    ]
}

fn flooding() -> impl Strategy<Value = Answer> + Clone {
    prop_oneof![1 => Just(Answer::Output), 4 => Just(Answer::Flood)]
}

fn event(
    subscriptions: Range<u128>,
    answer: impl Strategy<Value = Answer> + Clone + 'static,
) -> impl Strategy<Value = Event> {
    let asked = (
        0..PARTITIONS,
        subscriptions,
        option::of(0_u8..3),
        prop_oneof![4 => Just(0_u64), 1 => 1_u64..5_000],
        prop_oneof![Just(0_u64), Just(20), Just(100_000)],
    );
    let asked = asked.prop_map(|(partition, subscription, key, later, retry_ms)| Asked {
        partition,
        subscription,
        key,
        later,
        retry_ms,
    });
    let folded = prop_oneof![
        Just(Folded::Before),
        Just(Folded::After),
        Just(Folded::Later)
    ];
    prop_oneof![
        5 => (asked, 1_u8..4).prop_map(|(asked, count)| Event::Request(asked, count)),
        5 => (any::<prop::sample::Index>(), answer.clone(), folded)
            .prop_map(|(index, answer, folded)| Event::Finish(index, answer, folded)),
        2 => (any::<prop::sample::Index>(), answer)
            .prop_map(|(index, answer)| Event::Fold(index, answer)),
        1 => any::<prop::sample::Index>().prop_map(Event::Complete),
        2 => prop_oneof![1_u64..50, Just(100_000)].prop_map(Event::Wait),
        1 => (0..PARTITIONS).prop_map(Event::Save),
        1 => (0..PARTITIONS).prop_map(Event::Release),
        2 => (0..PARTITIONS).prop_map(Event::Open),
        6 => Just(Event::Act),
    ]
}

fn happen(world: &mut World, event: Event) {
    match event {
        Event::Request(asked, count) if world.is_open(Partition(asked.partition)) => {
            for _ in 0..count {
                world.request(&asked);
            }
        }
        Event::Finish(index, answer, folded) if !world.out.is_empty() => {
            world.finish(index.index(world.out.len()), answer, folded);
        }
        Event::Fold(index, answer) if !world.unfolded.is_empty() => {
            let start = world.unfolded.remove(index.index(world.unfolded.len()));
            world.report(&start, answer);
        }
        Event::Complete(index) if !world.invocations.is_empty() => {
            let (place, call) = index
                .get(&world.invocations.iter().collect::<Vec<_>>())
                .to_owned();
            let (partition, id) = (place.0, call.id);
            if world.is_open(partition) {
                world.complete(id);
            }
        }
        Event::Wait(millis) => world.wait(Duration::from_millis(millis)),
        Event::Save(partition) => world.save(Partition(partition)),
        Event::Release(partition) if world.is_open(Partition(partition)) => {
            world.release(Partition(partition));
        }
        Event::Open(partition) if !world.is_open(Partition(partition)) => {
            world.open(Partition(partition));
        }
        _ => {}
    }
}

fn nothing_is_forgotten(events: Vec<Event>, limits: Limits, per_lane: usize) {
    let mut world = World::new(PARTITIONS, limits, per_lane);
    for event in events {
        let turns = matches!(event, Event::Act | Event::Wait(_));
        happen(&mut world, event);
        if turns {
            world.act();
            world.check_nothing_is_forgotten();
        }
    }
    world.run_to_the_end();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_call_is_made_once_and_in_time(
        events in vec(event(0..2, answer()), 1..80),
        queued in 1_usize..5,
        per_lane in 1_usize..4,
        in_flight in 1_usize..6,
    ) {
        let limits = Limits { in_flight, queued, breaker: NO_BREAKER };
        nothing_is_forgotten(events, limits, per_lane);
    }

    #[test]
    fn turns_of_those_that_flood_hold_calls_back_and_lose_none(
        events in vec(event(0..6, flooding()), 1..120),
        queued in 1_usize..5,
        per_lane in 1_usize..4,
        in_flight in 1_usize..8,
    ) {
        let limits = Limits { in_flight, queued, breaker: NO_BREAKER };
        nothing_is_forgotten(events, limits, per_lane);
    }

    #[test]
    fn a_breaker_holds_calls_back_and_loses_none(
        events in vec(event(0..2, answer()), 1..80),
        queued in 1_usize..5,
        per_lane in 1_usize..4,
    ) {
        let breaker = BreakerPolicy {
            failures_to_open: 2,
            pause: Duration::from_millis(40),
            pause_max: Duration::from_millis(200),
        };
        let limits = Limits { in_flight: 5, queued, breaker };
        let mut world = World::new(PARTITIONS, limits, per_lane);
        for event in events {
            let turns = matches!(event, Event::Act | Event::Wait(_));
            happen(&mut world, event);
            if turns {
                world.act();
            }
        }
        world.run_to_the_end();
    }
}
