//! What is written reads back the same; what is not ours is an error, never a panic.

use bytes::Bytes;
use proptest::prelude::*;
use triggerfish_core::{
    Invocation, Seen, apply,
    testing::{log, timestamp},
};
use triggerfish_wire::{Error, envelope, event, state};

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
