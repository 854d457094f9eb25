//! What is written reads back the same; what is not ours is an error, never a panic.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use triggerfish_core::{
    AttemptReport, Excerpt, Failure, FailureKind, Invocation, InvocationId, InvocationKey,
    Observation, Reply, Seen, SubscriptionId,
    action::expand,
    apply,
    testing::{action_request, log, timestamp},
};
use triggerfish_wire::{
    Error, action, envelope, event,
    peer::{self, ActionStage, ActionWanted, InvocationWanted, PartFound, PartsWanted},
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
            subscription_id: ids.first().copied(), subscriptions_of_trigger: ids.clone(), open_only, limit,
            positions_only, newest_of: ids.clone(), soonest, without_total: !soonest,
        };
        prop_assert_eq!(PartsWanted::decode(parts.encode().into()).unwrap(), parts);
    }

    #[test]
    fn actions(request in action_request(), closings: Vec<(usize, bool)>, key: u64, after: Option<u64>) {
        let id = InvocationId::new(request.asked, 3, InvocationKey(key));
        let asked = Observation::ActionAsked(Arc::new(request.clone()));
        let bytes = envelope::encode(id, request.asked, &asked);
        prop_assert_eq!(envelope::decode(bytes.clone()).unwrap(), (id, request.asked, asked));
        let seen = Seen { id, offset: 4, at: request.asked };
        let mut expansion = expand(seen, Arc::new(request));
        let members: Vec<Invocation> = expansion.members.into_iter().filter_map(|step| step.state).collect();
        for (index, delivered) in closings {
            let Some(member) = members.get(index % 6) else { continue };
            let reply = if delivered { Reply::Delivered } else { refused() };
            let report = AttemptReport {
                attempt: 1, started: seen.at, took: Duration::from_millis(2), status: Some(409), reply,
                body: Some(Excerpt { text: "no".into(), truncated: true }),
            };
            let seen = Seen { id: member.id, ..seen };
            let report = Observation::AttemptReported(report);
            let record = envelope::encode(member.id, seen.at, &report);
            prop_assert_eq!(envelope::decode(record).unwrap(), (member.id, seen.at, report.clone()));
            let requested = Observation::Requested(member.request.clone());
            let requested = envelope::encode(member.id, seen.at, &requested);
            let closed = apply(Some(member.clone()), seen, report).state.unwrap();
            prop_assert_eq!(&state::decode(&requested, &state::encode(&closed)).unwrap(), &closed);
            let _ = expansion.action.told(&closed, 5);
        }
        let action = expansion.action;
        prop_assert_eq!(&action::decode(&bytes, &action::encode(&action)).unwrap(), &action);
        let found = peer::encode_action(Some(&action));
        prop_assert_eq!(peer::decode_action(found.into()).unwrap(), Some(action));
        let wanted = ActionWanted {
            partition: 3, key: InvocationKey(key), after, patience_ms: 7, stage: ActionStage::Decided,
        };
        prop_assert_eq!(ActionWanted::decode(wanted.encode().into()).unwrap(), wanted);
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
        let _ = peer::decode_action(bytes.clone());
        let _ = ActionWanted::decode(bytes.clone());
        prop_assert!(action::decode(&bytes, &bytes).is_err());
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

fn refused() -> Reply {
    Reply::Refused(Failure {
        kind: FailureKind::Status,
        message: "status 409".into(),
    })
}

#[test]
fn a_newer_version_is_refused_by_name() {
    let newer = Bytes::from_static(&[0x08, 0x02]);
    let error = envelope::decode(newer).unwrap_err();
    assert_eq!(error, Error::Version { found: 2, known: 1 });
    assert!(error.to_string().contains("upgrade"), "{error}");
}
