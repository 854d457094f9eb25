//! Inputs that the code itself makes: valid, of every kind, the same each time.

use std::sync::Arc;

use bytes::Bytes;
use proptest::{
    strategy::{Strategy, ValueTree as _},
    test_runner::TestRunner,
};
use triggerfish_core::{
    Invocation, InvocationId, InvocationKey, Observation, Seen,
    action::expand,
    apply,
    testing::{Entry, action_request, log},
};
use triggerfish_log::{NewRecord, Partition, Topic};
use triggerfish_log_embedded::fuzzing as embedded;
use triggerfish_wire::{
    action, envelope,
    peer::{self, InvocationWanted, PartFound, PartsWanted},
    state,
};

use xxhash_rust::xxh3::xxh3_64;

use crate::{
    parts::joined,
    target::credentials::{pass, session},
};

pub(crate) const fn none() -> Vec<Vec<u8>> {
    Vec::new()
}

fn some<T>(strategy: &impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    let made = (0..count).map(|_| {
        let tree = strategy.new_tree(&mut runner);
        tree.expect("these strategies refuse nothing").current()
    });
    made.collect()
}

fn entries() -> Vec<Entry> {
    some(&log(40), 4).into_iter().flatten().collect()
}

pub(crate) fn observations() -> Vec<Vec<u8>> {
    let encoded = entries().into_iter();
    let encoded = encoded.map(|(id, at, seen)| envelope::encode(id, at, &seen).to_vec());
    encoded
        .chain(asked().into_iter().map(|(_, bytes)| bytes.to_vec()))
        .collect()
}

/// Invocations at every stage, each with its envelope.
fn invocations() -> Vec<(Bytes, Invocation)> {
    let mut all = Vec::new();
    let mut known: Option<(Bytes, Invocation)> = None;
    for (offset, (id, at, observation)) in (0..).zip(entries()) {
        let bytes = envelope::encode(id, at, &observation);
        let starts = matches!(observation, Observation::Requested(_));
        let before = known.take().filter(|_| !starts);
        let (envelope, before) =
            before.map_or((bytes, None), |(envelope, one)| (envelope, Some(one)));
        // Under the id of what it follows, so that it is about it.
        let id = before.as_ref().map_or(id, |before| before.id);
        let step = apply(before, Seen { id, offset, at }, observation);
        known = step.state.map(|state| (envelope, state));
        all.extend(known.clone());
    }
    all
}

pub(crate) fn states() -> Vec<Vec<u8>> {
    let all = invocations().into_iter();
    all.map(|(envelope, one)| joined(&envelope, &state::encode(&one)))
        .collect()
}

fn asked() -> Vec<(Seen, Bytes)> {
    let requests = some(&action_request(), 12).into_iter();
    let asked = requests.map(|request| {
        let id = InvocationId::new(request.asked, 3, InvocationKey(5));
        let at = request.asked;
        let asked = Observation::ActionAsked(Arc::new(request));
        (Seen { id, offset: 4, at }, envelope::encode(id, at, &asked))
    });
    asked.collect()
}

pub(crate) fn actions() -> Vec<Vec<u8>> {
    let states = asked().into_iter().filter_map(|(seen, bytes)| {
        let (_, _, observation) = envelope::decode(bytes.clone()).ok()?;
        let Observation::ActionAsked(request) = observation else {
            return None;
        };
        let state = action::encode(&expand(seen, request).action);
        Some(joined(&bytes, &state))
    });
    states.collect()
}

pub(crate) fn peer_messages() -> Vec<Vec<u8>> {
    let rows: Vec<Invocation> = invocations()
        .into_iter()
        .map(|(_, one)| one)
        .take(6)
        .collect();
    let one = InvocationWanted {
        partition: 3,
        key: InvocationKey(5),
        after: Some(9),
        patience_ms: 500,
    };
    let parts = PartsWanted {
        parts: vec![(1, None), (2, Some(7))],
        trigger_id: Some("test:trigger".to_owned()),
        newest_of: vec![rows[0].request.subscription_id],
        limit: 50,
        ..PartsWanted::default()
    };
    let found = PartFound {
        partition: 1,
        position: 40,
        total: 6,
        rows: rows.clone(),
        is_cut: false,
    };
    let of = |kind: u8, bytes: Vec<u8>| [vec![kind], bytes].concat();
    vec![
        of(0, one.encode()),
        of(1, parts.encode()),
        of(3, peer::encode_found(rows.first())),
        of(5, peer::encode_parts(&[found], usize::MAX)),
    ]
}

pub(crate) fn batches() -> Vec<Vec<u8>> {
    let record = |key: Option<&'static str>, value: Option<&'static str>| NewRecord {
        topic: Topic::new("t"),
        partition: Partition(0),
        key: key.map(Bytes::from),
        value: value.map(Bytes::from),
        headers: vec![("h".to_owned(), Bytes::from_static(b"1"))],
    };
    let records = [
        record(Some("k"), Some("v")),
        record(None, Some("")),
        record(Some("gone"), None),
        record(None, Some("a longer value")),
        record(Some(""), Some("w")),
    ];
    let dense = embedded::batch(40, 77, &records);
    let (read, _) = embedded::records(&dense, 0, None).expect("what was written can be read");
    let sparse = embedded::compacted(40, &[read[0].clone(), read[3].clone()]);
    vec![dense.to_vec(), sparse.to_vec()]
}

pub(crate) fn credentials() -> Vec<Vec<u8>> {
    vec![session().into_bytes(), pass().into_bytes()]
}

/// A journal of two whole groups, of one item and of an item and a cleared keyspace.
pub(crate) fn journals() -> Vec<Vec<u8>> {
    let item = |key: &[u8], value: &[u8]| {
        let mut bytes = vec![2, 0, 0];
        bytes.extend(1_u64.to_le_bytes());
        bytes.extend(u16::try_from(key.len()).expect("short").to_le_bytes());
        let length = u32::try_from(value.len()).expect("short").to_le_bytes();
        bytes.extend([length, length].concat());
        bytes.extend([key, value].concat());
        bytes
    };
    let group = |items: &[Vec<u8>]| {
        let mut bytes = vec![1];
        bytes.extend(u32::try_from(items.len()).expect("few").to_le_bytes());
        bytes.extend(9_u64.to_le_bytes());
        let content = items.concat();
        bytes.extend(&content);
        bytes.push(3);
        bytes.extend(xxh3_64(&content).to_le_bytes());
        bytes.extend(b"FJL\x03");
        bytes
    };
    let clear = [vec![4], 2_u64.to_le_bytes().to_vec()].concat();
    let (one, two) = (item(b"k", b"value"), item(b"other", b""));
    vec![[group(&[one]), group(&[two, clear])].concat()]
}
