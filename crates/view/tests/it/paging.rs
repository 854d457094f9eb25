//! Long queues and long histories, read page by page; and removal.

use std::time::Duration;

use triggerfish_core::Phase;
use triggerfish_view::{Filter, View};

use crate::world::{
    Asked, Record, SETTINGS, at, catch_up, completed, fold, id, identity, mixed, raw, requested,
    subscription,
};

fn asked(n: u64, ordering_key: Option<u64>) -> Asked {
    Asked {
        subscription: n % 2,
        ordering_key,
        created: at(mixed(n) % 1000),
        allowed: Duration::from_hours(1),
        payload: 10,
    }
}

#[test]
fn twelve_thousand_queued_calls_come_by_pages_in_due_order() {
    let folder = tempfile::tempdir().unwrap();
    let (mut view, _) = View::open(folder.path(), &identity(), SETTINGS).unwrap();
    for n in 0..12_000 {
        fold(
            &mut view,
            &Record::new(n, n, at(n), &requested(&asked(n, None))),
        )
        .unwrap();
        if n % 5000 == 4999 {
            view.save().unwrap();
        }
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = view.due_calls(subscription(1), after, 100).unwrap();
        let Some(last) = page.last() else { break };
        let Phase::Due { due, .. } = last.phase else {
            panic!("owes no call")
        };
        after = Some((due, last.offset));
        seen.extend(page.iter().map(|call| (call.request.created, call.offset)));
    }
    assert_eq!(seen.len(), 6000);
    assert!(seen.is_sorted());
    assert_eq!(view.counts().queued, 12_000);
}

#[test]
fn of_each_ordering_key_the_oldest_is_called_and_then_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (mut view, _) = View::open(folder.path(), &identity(), SETTINGS).unwrap();
    for n in 0..600 {
        let observation = requested(&asked(0, Some(n % 50)));
        fold(&mut view, &Record::new(n, n, at(n), &observation)).unwrap();
        if n % 100 == 0 {
            view.save().unwrap();
        }
    }
    let keys = view.ordering_keys(subscription(0), None, 1000).unwrap();
    assert_eq!(keys.len(), 50);
    for key in keys {
        let head = view.head_of_key(subscription(0), key, 0).unwrap().unwrap();
        assert!(head.offset < 50);
        let done = Record::new(600 + head.offset, head.offset, at(700), &completed(3));
        fold(&mut view, &done).unwrap();
        let next = view.head_of_key(subscription(0), key, 0).unwrap().unwrap();
        assert_eq!(next.offset, head.offset + 50);
    }
}

/// Many more keys than the index keeps in memory, so that it moves them into buckets,
/// splits those and empties them again.
#[test]
fn keys_are_found_while_they_come_and_go() {
    const INVOCATIONS: u64 = 40_000;
    let folder = tempfile::tempdir().unwrap();
    let (mut view, _) = View::open(folder.path(), &identity(), SETTINGS).unwrap();
    for n in 0..INVOCATIONS {
        let now = at(n / 300);
        fold(
            &mut view,
            &Record::new(2 * n, n, now, &requested(&asked(n, None))),
        )
        .unwrap();
        fold(&mut view, &Record::new(2 * n + 1, n, now, &completed(3))).unwrap();
        if n % 400 == 399 {
            view.save().unwrap();
        }
    }
    let kept = |view: &mut View, n| view.get(id(n).key()).unwrap().map(|known| known.offset);
    // The whole log is shorter than the keep window.
    assert_eq!(
        view.snapshot().count(&Filter::default()).unwrap(),
        INVOCATIONS
    );
    for n in (0..INVOCATIONS).step_by(7) {
        assert_eq!(kept(&mut view, n), Some(2 * n));
    }
    assert_eq!(kept(&mut view, INVOCATIONS), None);
    view.save().unwrap();
    drop(view);
    let (mut view, opened) = View::open(folder.path(), &identity(), SETTINGS).unwrap();
    assert_eq!(opened.position, 2 * INVOCATIONS);
    for n in (0..INVOCATIONS).step_by(7) {
        assert_eq!(kept(&mut view, n), Some(2 * n));
    }
    remove_all(&mut view, 2 * INVOCATIONS);
    for n in (0..INVOCATIONS).step_by(7) {
        assert_eq!(kept(&mut view, n), None);
    }
    drop(view);
    check_nothing_is_left(folder.path());
}

/// Lets all keep windows end, and saves until everything is removed.
fn remove_all(view: &mut View, offset: u64) {
    view.set_log_time(at(60_000));
    assert_eq!(view.snapshot().count(&Filter::default()).unwrap(), 0);
    assert_eq!(view.oldest_kept().unwrap(), None);
    for n in 0..4000 {
        view.advance(offset + n);
        view.save().unwrap();
    }
}

/// Only the two records of the view itself and the index of keys may be left.
fn check_nothing_is_left(folder: &std::path::Path) {
    let db = raw(folder);
    let prefixes: std::collections::BTreeSet<u8> =
        db.iter().keys().map(|key| key.unwrap()[0]).collect();
    let allowed = b"ijmp";
    assert!(
        prefixes.iter().all(|prefix| allowed.contains(prefix)),
        "{prefixes:?}"
    );
    let buckets: usize = db
        .scan_prefix(b"i")
        .map(|pair| pair.unwrap().1.len() / 16)
        .sum();
    assert!(
        buckets < 10_000,
        "{buckets} of 40000 keys are still in buckets"
    );
}

#[test]
fn what_is_removed_leaves_the_others_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let (mut view, _) = View::open(folder.path(), &identity(), SETTINGS).unwrap();
    let mut log = Vec::new();
    for n in 0..400_u64 {
        let key = n / 2;
        let observation = match (n % 2, key % 40) {
            (0, _) => requested(&Asked {
                created: at(n),
                ..asked(key, None)
            }),
            // Every fortieth stays open.
            (_, 0) => continue,
            _ => completed(3),
        };
        log.push(Record::new(n, key, at(n), &observation));
    }
    catch_up(&mut view, &log).unwrap();
    view.save().unwrap();
    view.set_log_time(at(5000));
    for n in 0..20 {
        view.advance(400 + n);
        view.save().unwrap();
    }
    let left = view.snapshot().latest(&Filter::default(), 1000).unwrap();
    let left: Vec<_> = left.iter().map(|invocation| invocation.offset).collect();
    assert_eq!(left, [320, 240, 160, 80, 0]);
    assert_eq!(view.oldest_kept().unwrap(), Some(0));
    assert_eq!(view.counts().open, 5);
}
