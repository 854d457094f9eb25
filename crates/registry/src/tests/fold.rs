use std::sync::Arc;

use proptest::prelude::*;
use triggerfish_core::Timestamp;

use super::{FIRE, World, apply, callback, id, new_subscription, own_trigger, sealer, with_token};
use crate::{
    callback::decide as decide_callback,
    decide,
    fold::{self, RawRecord},
    model::Growth,
    record::{Entry, Key, Write},
    snapshot::Snapshot,
    subscription::Fault,
};

type Raw = (Option<Vec<u8>>, Option<Vec<u8>>);

fn fold_all<'a>(records: impl IntoIterator<Item = &'a Raw>) -> Snapshot {
    let sealer = sealer(1);
    let mut snapshot = Snapshot::empty();
    for (key, value) in records {
        let record = RawRecord {
            key: key.as_deref(),
            value: value.as_deref(),
        };
        fold::apply(&mut snapshot, &record, &sealer);
    }
    snapshot
}

/// Everything that a snapshot holds, for comparing two of them.
fn shown(snapshot: &Snapshot) -> String {
    let lists: Vec<_> = snapshot
        .subscriptions()
        .map(|subscription| snapshot.subscriptions_of(&subscription.subscription.trigger_id))
        .collect();
    let (triggers, clients) = (&snapshot.triggers, &snapshot.clients);
    let (growths, unreadable) = (&snapshot.growths, &snapshot.unreadable);
    let subscriptions = &snapshot.subscriptions;
    let (object_types, callbacks) = (&snapshot.object_types, &snapshot.callbacks);
    let called: Vec<_> = snapshot
        .callbacks()
        .map(|callback| snapshot.callbacks_of(&callback.callback.object_type))
        .collect();
    let examples: Vec<_> = snapshot.object_types().map(|one| &one.example).collect();
    format!(
        "{triggers:?} {subscriptions:?} {lists:?} {clients:?} {growths:?} {unreadable:?} \
         {object_types:?} {examples:?} {callbacks:?} {called:?}"
    )
}

fn raw(write: &Write) -> Raw {
    let value = write.entry.as_ref().map(|entry| entry.to_bytes().to_vec());
    (Some(write.key.to_bytes().to_vec()), value)
}

/// Good records, all of few keys, so that they meet each other.
fn good() -> Vec<Raw> {
    let mut world = World::new();
    let mut records = Vec::new();
    for n in 0..3 {
        for trigger_id in [FIRE, "idn:identity-deleted"] {
            let new = new_subscription(trigger_id);
            let write = decide::create(&world.snapshot, world.rules(), id(n), &new).unwrap();
            records.push(raw(&write));
            records.push((Some(write.key.to_bytes().to_vec()), None));
        }
    }
    for order in 1..3 {
        let mut trigger = own_trigger();
        trigger.example_input = format!(r#"{{"order":{order}}}"#);
        let write = decide::put_trigger(&world.snapshot, &trigger).unwrap();
        records.push(raw(&write));
        world.apply(&write);
    }
    records.extend(good_about_callbacks());
    records.push((Some(b"trigger/acme:order-cancelled".to_vec()), None));
    records.push((Some(b"trigger/idn:identity-created".to_vec()), None));
    let growths = r#"[{"since":0,"partitions":4},{"since":9,"partitions":8}]"#;
    records.push((Some(b"growths".to_vec()), Some(growths.into())));
    records
}

fn good_about_callbacks() -> Vec<Raw> {
    let world = World::new();
    let mut records = Vec::new();
    for n in 0..3 {
        for object_type in ["app", "plan"] {
            let mut new = callback::before();
            new.object_type = object_type.to_owned();
            let (rules, now) = (world.rules(), Timestamp::EPOCH);
            let write = decide_callback::create(&world.snapshot, rules, id(n), now, &new).unwrap();
            records.push(raw(&write));
            records.push((Some(write.key.to_bytes().to_vec()), None));
        }
    }
    for name in ["Invoice", "Bill"] {
        let mut own = callback::own_type();
        own.name = name.to_owned();
        records.push(raw(&decide_callback::put_object_type(&own).unwrap()));
    }
    records.push((Some(b"object-type/invoice".to_vec()), None));
    records.push((Some(b"object-type/app".to_vec()), None));
    records
}

fn any_record() -> impl Strategy<Value = Raw> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let key = prop_oneof![
        Just(b"subscription/00000000-0000-0000-0000-000000000001".to_vec()),
        Just(b"trigger/acme:order-cancelled".to_vec()),
        Just(b"trigger/idn:identity-created".to_vec()),
        Just(b"callback/00000000-0000-0000-0000-000000000001".to_vec()),
        Just(b"object-type/invoice".to_vec()),
        Just(b"object-type/app".to_vec()),
        Just(b"client/ops".to_vec()),
        Just(b"growths".to_vec()),
        Just(b"kind/of-a-later-version".to_vec()),
        bytes(),
    ];
    let value = prop_oneof![bytes(), Just(b"{}".to_vec()), Just(b"[]".to_vec())];
    prop_oneof![
        prop::sample::select(good()),
        (prop::option::of(key), prop::option::of(value)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_makes_it_fail_and_compaction_changes_nothing(
        records in prop::collection::vec(any_record(), 0..60),
    ) {
        let whole = fold_all(&records);
        prop_assert_eq!(shown(&whole), shown(&fold_all(&records)));

        // As a compacted topic has it: the newest of each key, in log order.
        let newest = records.iter().enumerate().filter(|(at, (key, _))| {
            !records[at + 1..].iter().any(|(later, _)| later == key)
        });
        let compacted = fold_all(newest.map(|(_, record)| record));
        prop_assert_eq!(shown(&whole), shown(&compacted));
        let by_lists: usize = whole.by_trigger.values().map(|list| list.len()).sum();
        prop_assert_eq!(by_lists, whole.subscriptions().len());
        prop_assert_eq!(whole.triggers().len() >= 44, true);
        let by_lists: usize = whole.by_object_type.values().map(|list| list.len()).sum();
        prop_assert_eq!(by_lists, whole.callbacks().len());
        prop_assert_eq!(whole.object_types().len() >= 6, true);
    }
}

#[test]
fn an_unreadable_record_counts_as_gone_and_is_reported() {
    let mut world = World::new();
    world.create(1, &new_subscription(FIRE)).unwrap();
    let key = Key::Subscription(id(1)).to_bytes();
    let bad = RawRecord {
        key: Some(&key),
        value: Some(b"{\"name\":\"hunter2\"}"),
    };
    fold::apply(&mut world.snapshot, &bad, &world.sealer);
    assert!(world.snapshot.subscription(id(1)).is_none());
    assert!(world.snapshot.subscriptions_of(FIRE).is_empty());
    let reported = format!("{:?}", world.snapshot.unreadable());
    assert!(reported.contains("unexpected shape"), "{reported}");
    assert!(!reported.contains("hunter2"));
    world.create(1, &new_subscription(FIRE)).unwrap();
    assert!(world.snapshot.unreadable().is_empty());
}

#[test]
fn the_catalogue_cannot_be_shadowed() {
    let mut world = World::new();
    let mut trigger = own_trigger();
    trigger.id = FIRE.to_owned();
    let shadow = Write {
        key: Key::Trigger(FIRE.to_owned()),
        entry: Some(Entry::Trigger(trigger)),
    };
    world.apply(&shadow);
    assert_eq!(
        world.snapshot.trigger(FIRE).unwrap().trigger.name,
        "Identity Created"
    );
    assert_eq!(world.snapshot.unreadable().len(), 1);
}

#[test]
fn credentials_open_in_the_snapshot_and_nowhere_else() {
    let mut world = World::new();
    let mut new = new_subscription(FIRE);
    new.settings.http_config = Some(with_token(Some("hunter2")));
    let write = decide::create(&world.snapshot, world.rules(), id(1), &new).unwrap();
    let value = write.entry.as_ref().unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&value).contains("hunter2"));
    world.apply(&write);
    let compiled = world.snapshot.subscription(id(1)).unwrap();
    let token = |subscription: &triggerfish_core::Subscription| {
        let http = subscription.http_config.clone().unwrap();
        http.bearer_token_auth_config.unwrap().bearer_token
    };
    assert_eq!(token(&compiled.subscription).unwrap().expose(), "hunter2");
    assert_eq!(token(&compiled.public()), None);
    assert!(!format!("{:?}", world.snapshot).contains("hunter2"));

    let mut elsewhere = Snapshot::empty();
    apply(&mut elsewhere, &write, &sealer(2));
    let compiled = elsewhere.subscription(id(1)).unwrap();
    assert_eq!(compiled.fault, Some(Fault::CredentialsUnreadable));
    assert_eq!(token(&compiled.subscription), None);
}

#[test]
fn only_what_changed_is_made_anew() {
    let mut world = World::new();
    for n in 0..50 {
        world.create(n, &new_subscription(FIRE)).unwrap();
    }
    let before = world.snapshot.clone();
    let write = decide::set_enabled(&before, id(7), false, None).unwrap();
    world.apply(&write);
    for n in 0..50 {
        let same = Arc::ptr_eq(
            before.subscription(id(n)).unwrap(),
            world.snapshot.subscription(id(n)).unwrap(),
        );
        assert_eq!(same, n != 7);
    }
    assert!(before.subscription(id(7)).unwrap().subscription.enabled);
    assert!(
        !world.snapshot.subscriptions_of(FIRE)[7]
            .subscription
            .enabled
    );
    assert!(Arc::ptr_eq(&before.triggers, &world.snapshot.triggers));
}

#[test]
fn of_ten_thousand_subscriptions_a_change_makes_one_anew() {
    let mut world = World::new();
    world.limits.fire_and_forget_subscriptions_max = 300;
    let triggers: Vec<String> = world
        .snapshot
        .triggers()
        .map(|trigger| trigger.trigger.clone())
        .filter(|trigger| trigger.output_schema.is_none())
        .map(|trigger| trigger.id)
        .collect();
    for n in 0..10_000 {
        let trigger_id = &triggers[usize::try_from(n).unwrap() % triggers.len()];
        world.create(n, &new_subscription(trigger_id)).unwrap();
    }
    for changed in (0..10).map(|n| n * 997) {
        let before = world.snapshot.clone();
        let write = decide::set_enabled(&before, id(changed), false, None).unwrap();
        world.apply(&write);
        let anew: Vec<u128> = (0..10_000)
            .filter(|n| {
                let [before, after] = [&before, &world.snapshot].map(|of| of.subscription(id(*n)));
                !Arc::ptr_eq(before.unwrap(), after.unwrap())
            })
            .collect();
        assert_eq!(anew, [changed]);
    }
    assert_eq!(world.snapshot.subscriptions().len(), 10_000);
}

fn grow(
    world: &mut World,
    now: Timestamp,
    since: Timestamp,
    partitions: u16,
) -> Result<(), crate::ChangeError> {
    let growth = Growth { since, partitions };
    let write = decide::grow(&world.snapshot, now, growth)?;
    world.apply(&write);
    Ok(())
}

/// A clock that is ahead counts by what is to come.
#[test]
fn a_partition_count_is_looked_under_as_soon_as_some_clock_may_go_by_it() {
    let mut world = World::new();
    let at = |millis| Timestamp::from_millis(millis);
    grow(&mut world, at(0), Timestamp::EPOCH, 8).unwrap();
    grow(&mut world, at(1_000), at(9_000), 16).unwrap();
    for (time, partitions) in [(6_999, &[8][..]), (7_000, &[8, 16]), (9_001, &[8, 16])] {
        let until = world.snapshot.partitions_until(at(time));
        assert_eq!(until.collect::<Vec<_>>(), partitions, "{time}");
    }
}

#[test]
fn partition_counts_hold_from_their_time_on() {
    let mut world = World::new();
    assert_eq!(world.snapshot.partitions_at(Timestamp::EPOCH), None);
    let at = |millis| Timestamp::from_millis(millis);
    grow(&mut world, at(500), at(500), 8).unwrap();
    grow(&mut world, at(600), at(700), 16).unwrap();
    for (time, partitions) in [(0, 8), (500, 8), (699, 8), (700, 16), (9_000, 16)] {
        assert_eq!(world.snapshot.partitions_at(at(time)), Some(partitions));
    }
    assert!(grow(&mut world, at(800), at(900), 16).is_err());
    assert!(grow(&mut world, at(800), at(800), 32).is_err());
    assert!(grow(&mut world, at(800), at(900), 5_000).is_err());
}
