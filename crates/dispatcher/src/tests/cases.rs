//! Single situations that went wrong once, or must not.

use std::time::Duration;

use triggerfish_core::breaker::BreakerPolicy;
use triggerfish_log::Partition;

use super::world::{Answer, Asked, Folded, NO_BREAKER, Out, World};
use crate::{flood::TURN, scheduler::Limits};

const P0: Partition = Partition(0);

fn limits(queued: usize) -> Limits {
    Limits {
        in_flight: 100,
        queued,
        breaker: NO_BREAKER,
    }
}

fn asked(key: Option<u8>, retry_ms: u64) -> Asked {
    Asked {
        partition: 0,
        subscription: 1,
        key,
        later: 0,
        retry_ms,
    }
}

#[test]
fn calls_that_wait_for_a_retry_do_not_hold_up_those_that_are_due() {
    let mut world = World::new(1, limits(4), 4);
    for _ in 0..20 {
        world.request(&asked(None, 3_600_000));
    }
    while world.act() > 0 {
        while !world.out.is_empty() {
            world.finish(0, Answer::Unavailable, Folded::Before);
        }
    }
    assert!(world.scheduler.queued() <= 4, "the queue is bounded");
    world.request(&asked(None, 0));
    assert_eq!(world.act(), 1, "it is due and there is room");
    world.check_nothing_is_forgotten();
    world.run_to_the_end();
}

#[test]
fn retries_of_other_keys_do_not_hold_up_a_key_that_is_due() {
    let mut world = World::new(1, limits(2), 3);
    for key in 0..10 {
        world.request(&asked(Some(key), 3_600_000));
    }
    while world.act() > 0 {
        while !world.out.is_empty() {
            world.finish(0, Answer::Unavailable, Folded::Before);
        }
    }
    for key in 10..13 {
        world.request(&asked(Some(key), 0));
        assert_eq!(world.act(), 1, "key {key} is due and there is room");
    }
    world.check_nothing_is_forgotten();
    world.run_to_the_end();
}

#[test]
fn the_end_of_a_turn_and_a_new_call_of_the_key_in_one_batch_keep_their_order() {
    let mut world = World::new(1, limits(10), 4);
    world.request(&asked(Some(1), 0));
    let second = world.request(&asked(Some(1), 0));
    assert_eq!(world.act(), 1);
    world.finish(0, Answer::Output, Folded::Before);
    world.request(&asked(Some(1), 0));
    assert_eq!(world.act(), 1);
    assert_eq!(world.out[0].start.invocation.id.key(), second.1);
    world.run_to_the_end();
}

#[test]
fn a_key_waits_for_a_call_that_is_under_way_though_its_invocation_is_closed() {
    let mut world = World::new(1, limits(10), 4);
    world.request(&asked(Some(1), 0));
    world.request(&asked(Some(1), 0));
    assert_eq!(world.act(), 1);
    let first = world.out[0].start.invocation.id;
    world.complete(first);
    assert_eq!(world.act(), 0, "the call of the key is still being made");
    world.finish(0, Answer::Output, Folded::After);
    assert_eq!(world.act(), 1);
    world.run_to_the_end();
}

#[test]
fn a_key_whose_oldest_call_is_settled_in_the_view_goes_on_with_the_next() {
    let mut world = World::new(1, limits(1), 1);
    let (_, oldest) = world.request(&asked(Some(1), 3_600_000));
    assert_eq!(world.act(), 1);
    world.finish(0, Answer::Unavailable, Folded::Before);
    for _ in 0..3 {
        world.request(&asked(None, 0));
    }
    world.request(&asked(Some(1), 0));
    assert_eq!(world.act(), 1, "the call without an order");
    let oldest = world.invocations[&(P0, oldest)].id;
    world.complete(oldest);
    while !world.out.is_empty() {
        world.finish(0, Answer::Output, Folded::Before);
        world.act();
        world.check_nothing_is_forgotten();
    }
    assert!(world.is_done());
}

#[test]
fn a_full_house_lets_the_others_in_when_one_leaves() {
    let limits = Limits {
        in_flight: 1,
        queued: 1,
        breaker: NO_BREAKER,
    };
    let mut world = World::new(1, limits, 1);
    for subscription in 0..5 {
        let asked = Asked {
            subscription,
            ..asked(None, 0)
        };
        world.request(&asked);
        world.request(&asked);
    }
    for _ in 0..10 {
        assert_eq!(world.act(), 1);
        world.finish(0, Answer::Output, Folded::Before);
    }
    assert!(world.is_done());
}

#[test]
fn a_lane_that_found_no_place_is_woken_in_time_when_another_makes_room() {
    let limits = Limits {
        in_flight: 1,
        queued: 4,
        breaker: NO_BREAKER,
    };
    let mut world = World::new(1, limits, 2);
    let later = Asked {
        subscription: 2,
        later: 100,
        ..asked(None, 0)
    };
    world.request(&asked(None, 0));
    world.request(&Asked {
        subscription: 2,
        ..asked(None, 0)
    });
    world.request(&later);
    for _ in 0..2 {
        assert_eq!(world.act(), 1);
        world.request(&asked(None, 0));
        world.finish(0, Answer::Output, Folded::Before);
    }
    world.act();
    world.check_nothing_is_forgotten();
    world.run_to_the_end();
}

fn breaker() -> BreakerPolicy {
    BreakerPolicy {
        failures_to_open: 2,
        pause: Duration::from_secs(1),
        pause_max: Duration::from_mins(1),
    }
}

#[test]
fn stragglers_do_not_decide_for_the_probe() {
    let limits = Limits {
        in_flight: 100,
        queued: 100,
        breaker: breaker(),
    };
    let mut world = World::new(1, limits, 8);
    for _ in 0..20 {
        world.request(&asked(None, 0));
    }
    assert_eq!(world.act(), 8);
    world.finish(0, Answer::Unavailable, Folded::Later);
    world.finish(0, Answer::Unavailable, Folded::Later);
    assert_eq!(world.act(), 0, "the breaker is open");
    world.wait(Duration::from_secs(1));
    assert_eq!(world.act(), 1, "the probe");
    for _ in 0..6 {
        world.finish(0, Answer::Unavailable, Folded::Later);
        assert_eq!(world.act(), 0);
    }
    world.wait(Duration::from_secs(30));
    assert_eq!(world.act(), 0, "no second probe");
    assert_eq!(world.out.len(), 1, "only the probe is out");
    world.finish(0, Answer::Output, Folded::Later);
    assert_eq!(world.act(), 8, "the subscriber is back");
    world.run_to_the_end();
}

#[test]
fn a_probe_that_is_given_up_is_made_again() {
    let limits = Limits {
        in_flight: 100,
        queued: 100,
        breaker: breaker(),
    };
    let mut world = World::new(2, limits, 1);
    let other = Asked {
        partition: 1,
        ..asked(None, 0)
    };
    world.request(&asked(None, 0));
    world.request(&asked(None, 0));
    world.request(&asked(None, 0));
    for _ in 0..2 {
        assert_eq!(world.act(), 1);
        world.finish(0, Answer::Unavailable, Folded::Later);
    }
    world.wait(Duration::from_secs(1));
    assert_eq!(world.act(), 1, "the probe");
    world.request(&other);
    world.release(P0);
    world.finish(0, Answer::Output, Folded::Later);
    assert_eq!(world.act(), 0, "it said nothing");
    let wake = world.scheduler.wake_at().unwrap();
    world.wait(world.now.until(wake));
    assert_eq!(
        world.act(),
        1,
        "the other partition's call is the next probe"
    );
    world.run_to_the_end();
}

#[test]
fn calls_to_nobody_close_the_breaker() {
    let limits = Limits {
        in_flight: 100,
        queued: 100,
        breaker: breaker(),
    };
    let mut world = World::new(1, limits, 1);
    for _ in 0..12 {
        world.request(&asked(None, 0));
    }
    for _ in 0..2 {
        assert_eq!(world.act(), 1);
        world.finish(0, Answer::Unavailable, Folded::Later);
    }
    world.wait(Duration::from_secs(1));
    for _ in 0..10 {
        assert_eq!(world.act(), 1, "the subscription is gone: nothing is sent");
        world.finish(0, Answer::Nothing, Folded::Before);
    }
}

/// Subscribers `1..=count`, of which each has flooded once.
fn flooding(count: u128) -> World {
    let mut world = World::new(1, limits(100), 8);
    for subscription in 1..=count {
        world.request(&of(subscription));
    }
    assert_eq!(u128::try_from(world.act()), Ok(count), "nobody knows yet");
    while !world.out.is_empty() {
        world.finish(0, Answer::Flood, Folded::Before);
    }
    world
}

fn of(subscription: u128) -> Asked {
    Asked {
        subscription,
        ..asked(None, 0)
    }
}

fn called(world: &World) -> Vec<u128> {
    let subscription = |out: &Out| out.start.invocation.request.subscription_id;
    world
        .out
        .iter()
        .map(|out| subscription(out).0.as_u128())
        .collect()
}

#[test]
fn those_that_flood_take_turns_and_nobody_else_waits() {
    let mut world = flooding(5);
    for subscription in (1..=5).chain(1..=6) {
        world.request(&of(subscription));
    }
    assert_eq!(world.act(), 2);
    assert_eq!(called(&world), [1, 6], "the sixth has never flooded");
    for out in [[6, 1], [6, 2], [6, 3]] {
        world.check_nothing_is_forgotten();
        assert_eq!(world.scheduler.wake_at(), Some(world.now.after(TURN)));
        while let Some(over) = called(&world).iter().position(|of| *of != 6) {
            world.finish(over, Answer::Flood, Folded::Before);
        }
        assert_eq!(world.act(), 0, "their turns last");
        world.wait(TURN);
        assert_eq!((world.act(), called(&world)), (1, out.to_vec()));
    }
    world.run_to_the_end();
}

#[test]
fn a_turn_ends_though_the_call_does_not() {
    let mut world = flooding(5);
    for subscription in 1..=5 {
        world.request(&of(subscription));
    }
    for _ in 1..=5 {
        assert_eq!(world.act(), 1);
        world.wait(TURN);
    }
    world.run_to_the_end();
}

#[test]
fn whoever_answers_as_it_should_or_can_not_be_called_takes_no_turns_any_more() {
    for answer in [Answer::Output, Answer::Nothing] {
        let mut world = flooding(1);
        for _ in 0..8 {
            world.request(&of(1));
        }
        assert_eq!(world.act(), 1);
        world.finish(0, answer, Folded::Before);
        assert_eq!(world.act(), 7, "as many as there may be");
        world.run_to_the_end();
    }
}
