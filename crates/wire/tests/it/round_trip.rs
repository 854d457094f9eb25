//! What is written reads back the same; what is not ours is an error, never a panic.

use bytes::Bytes;
use proptest::prelude::*;
use triggerfish_core::{
    Invocation, InvocationKey, Seen, SubscriptionId, apply,
    testing::{log, timestamp},
};
use triggerfish_wire::{
    Error, envelope, event,
    peer::{self, InvocationWanted, PartFound, PartsWanted},
    state,
};

proptest! {
    #[test]
    fn envelopes(entries in log(20)) {
        for (id, at, observation) in entries {
            let bytes = envelope::encode(id, at, &observation);
            prop_assert_eq!(envelope::decode(bytes).unwrap(), (id, at, observation));
        }
    }

    #[test]
    fn states(entries in log(30)) {
        let mut kept: Option<(Invocation, Bytes)> = None;
        for (offset, (id, at, observation)) in entries.into_iter().enumerate() {
            let bytes = envelope::encode(id, at, &observation);
            let (before, requested) = kept.take().map_or((None, bytes), |(i, b)| (Some(i), b));
            let seen = Seen { id, offset: offset as u64, at };
            if let Some(state) = apply(before, seen, observation).state {
                let encoded = state::encode(&state);
                prop_assert_eq!(&state::decode(&requested, &encoded).unwrap(), &state);
                kept = Some((state, requested));
            }
        }
    }

    #[test]
    fn answers_of_peers(entries in log(30), bytes_max in 0..3000_usize) {
        let mut known: Option<Invocation> = None;
        let mut rows = Vec::new();
        for (offset, (id, at, observation)) in entries.into_iter().enumerate() {
            let seen = Seen { id, offset: offset as u64, at };
            known = apply(known, seen, observation).state;
            rows.extend(known.clone());
        }
        let found = peer::encode_found(known.as_ref());
        prop_assert_eq!(peer::decode_found(found.into()).unwrap(), known);
        let (some, others) = rows.split_at(rows.len() / 2);
        let part = |partition, rows: &[Invocation]| PartFound {
            partition, position: 7, total: 9, rows: rows.to_vec(), is_cut: false,
        };
        let parts = [part(1, some), part(2, others)];
        let whole = peer::encode_parts(&parts, usize::MAX);
        prop_assert_eq!(&peer::decode_parts(whole.into()).unwrap(), &parts);
        let cut = peer::decode_parts(peer::encode_parts(&parts, bytes_max).into()).unwrap();
        prop_assert_eq!(cut.len(), 2);
        for (cut, whole) in cut.iter().zip(&parts) {
            prop_assert_eq!(&cut.rows[..], &whole.rows[..cut.rows.len()]);
            prop_assert_eq!(cut.is_cut, cut.rows.len() < whole.rows.len());
        }
        let got_on = rows.is_empty() || cut.iter().any(|part| !part.rows.is_empty());
        prop_assert!(got_on);
    }

    #[test]
    fn questions_of_peers(
        partition: u32, key: u64, after: Option<u64>, patience_ms: u32, trigger: Option<String>,
        ids: Vec<u128>, open_only: bool, limit: u32, positions_only: bool, soonest: bool,
    ) {
        let one = InvocationWanted { partition, key: InvocationKey(key), after, patience_ms };
        prop_assert_eq!(InvocationWanted::decode(one.encode().into()).unwrap(), one);
        let ids: Vec<_> = ids.into_iter().map(|id| SubscriptionId(uuid::Uuid::from_u128(id))).collect();
        let parts = PartsWanted {
            parts: vec![(partition, after), (0, None)], trigger_id: trigger,
            subscription_id: ids.first().copied(), subscriptions_of_trigger: ids, open_only, limit,
            positions_only, soonest, without_total: !soonest,
        };
        prop_assert_eq!(PartsWanted::decode(parts.encode().into()).unwrap(), parts);
    }

    #[test]
    fn events(id in ".*", at in timestamp(), depth: u32) {
        let event = event::TriggerEvent {
            trigger_id: "t".into(), input: Bytes::from(id.clone()), id, time: Some(at), depth,
            ..Default::default()
        };
        prop_assert_eq!(event::decode(event::encode(&event)).unwrap(), event);
    }

    #[test]
    fn garbage_is_an_error(bytes: Vec<u8>) {
        let bytes = Bytes::from(bytes);
        let _ = event::decode(bytes.clone());
        let _ = InvocationWanted::decode(bytes.clone());
        let _ = PartsWanted::decode(bytes.clone());
        let _ = peer::decode_found(bytes.clone());
        let _ = peer::decode_parts(bytes.clone());
        prop_assert!(envelope::decode(bytes.clone()).is_err());
        prop_assert!(state::decode(&bytes, &bytes).is_err());
    }

    #[test]
    fn damage_never_panics(entries in log(2), at: usize, byte: u8) {
        for (id, time, observation) in entries {
            let mut bytes = envelope::encode(id, time, &observation).to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = envelope::decode(bytes.into());
        }
    }
}

#[test]
fn a_newer_version_is_refused_by_name() {
    let newer = Bytes::from_static(&[0x08, 0x02]);
    let error = envelope::decode(newer).unwrap_err();
    assert_eq!(error, Error::Version { found: 2, known: 1 });
    assert!(error.to_string().contains("upgrade"), "{error}");
}
