//! A log in memory and a view that folds it.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use triggerfish_core::{
    AttemptReport, CompletionReport, Failure, FailureKind, Ignored, InvocationId, InvocationKey,
    Mode, Observation, Origin, Reply, Request, RetryPolicy, Seen, SubscriptionId, Timestamp,
    TriggerType, apply,
};
use triggerfish_view::{Error, LogIdentity, Settings, View};
use triggerfish_wire::envelope;

pub(crate) const SETTINGS: Settings = Settings {
    keep_completed: Duration::from_millis(200),
    keep_failed: Duration::from_millis(500),
    keep_callbacks: Duration::from_millis(2_000),
    cache_bytes: 8 << 20,
};

pub(crate) fn identity() -> LogIdentity {
    LogIdentity {
        cluster: "test".into(),
        topic: "invocation-log".into(),
        partition: 3,
    }
}

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

pub(crate) fn id(key: u64) -> InvocationId {
    InvocationId::new(
        at(0),
        3,
        InvocationKey(key.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
    )
}

pub(crate) fn subscription(n: u64) -> SubscriptionId {
    SubscriptionId(uuid::Uuid::from_u128(u128::from(n) + 1))
}

/// The store of a first view in `folder`, as it lies on disk.
pub(crate) fn raw(folder: &Path) -> sled::Db {
    let config = sled::Config::new().path(folder.join("view-0"));
    config.segment_size(1 << 20).open().unwrap()
}

/// One record of the log.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) offset: u64,
    pub(crate) value: Bytes,
}

impl Record {
    pub(crate) fn new(offset: u64, key: u64, at: Timestamp, observation: &Observation) -> Self {
        let value = envelope::encode(id(key), at, observation);
        Self { offset, value }
    }
}

pub(crate) struct Asked {
    pub(crate) subscription: u64,
    pub(crate) ordering_key: Option<u64>,
    pub(crate) created: Timestamp,
    pub(crate) allowed: Duration,
    pub(crate) payload: usize,
}

pub(crate) fn requested(asked: &Asked) -> Observation {
    Observation::Requested(Arc::new(Request {
        trigger_id: "test:trigger".into(),
        trigger_type: TriggerType::RequestResponse,
        subscription_id: subscription(asked.subscription),
        subscription_name: "test".into(),
        origin: Origin::RealTime,
        mode: Mode::Dynamic,
        created: asked.created,
        deadline: asked.created.after(asked.allowed),
        retry: RetryPolicy {
            max_attempts: 4,
            initial_delay_ms: 8,
            max_delay_ms: 50,
        },
        ordering_key: asked.ordering_key.map(|key| format!("key-{key}").into()),
        input: vec![b'x'; asked.payload].into(),
        content_json: Bytes::from_static(b"{}"),
        depth: 0,
        traceparent: None,
        event_id: None,
        member: None,
    }))
}

pub(crate) fn attempted(attempt: u32, reply: Reply) -> Observation {
    Observation::AttemptReported(AttemptReport {
        attempt,
        started: at(0),
        took: Duration::from_millis(1),
        status: None,
        reply,
        body: None,
    })
}

pub(crate) fn unavailable() -> Reply {
    Reply::Unavailable {
        failure: Failure {
            kind: FailureKind::Connect,
            message: "nobody there".into(),
        },
        retry_after: None,
    }
}

pub(crate) fn completed(output: usize) -> Observation {
    Observation::CompletionReported(CompletionReport {
        output: Some(vec![b'1'; output].into()),
        error: None,
    })
}

/// Folds one record into `view`, as the partition's loop does.
pub(crate) fn fold(view: &mut View, record: &Record) -> Result<(), Error> {
    let (id, at, observation) = envelope::decode(record.value.clone()).expect("own record");
    view.set_log_time(at);
    let known = view.get(id.key())?;
    let envelope = known.is_none().then(|| record.value.clone());
    let offset = record.offset;
    let step = apply(known, Seen { id, offset, at }, observation);
    match (step.ignored, step.state) {
        (None, Some(state)) => view.put(state, envelope)?,
        (Some(Ignored::AlreadyRequested), _) => view.note_repeat(id.key(), offset)?,
        _ => {}
    }
    view.advance(offset + 1);
    Ok(())
}

/// Folds what `view` has not seen of `log`.
pub(crate) fn catch_up(view: &mut View, log: &[Record]) -> Result<(), Error> {
    let next = log.partition_point(|record| record.offset < view.position());
    log[next..].iter().try_for_each(|record| fold(view, record))
}

/// Numbers that look random and are the same in every process.
pub(crate) fn mixed(n: u64) -> u64 {
    let mut x = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
