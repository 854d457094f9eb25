//! A log in memory and a view that folds it.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use triggerfish_core::{
    Action, ActionRequest, ActionState, AttemptReport, CompletionReport, Failure, FailureKind,
    FailurePolicy, Ignored, Invocation, InvocationId, InvocationKey, Mode, Observation, Origin,
    Part, Reply, Request, RetryPolicy, Seen, SubscriptionId, Timestamp, Timing, TriggerType,
    action::expand, apply,
};
use triggerfish_view::{Error, LogIdentity, Settings, View};
use triggerfish_wire::envelope;

pub(crate) const SETTINGS: Settings = Settings {
    keep_completed: Duration::from_millis(200),
    keep_failed: Duration::from_millis(500),
    keep_callbacks: Duration::from_secs(2),
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
        Self::about(offset, id(key), at, observation)
    }

    pub(crate) fn about(
        offset: u64,
        id: InvocationId,
        at: Timestamp,
        observation: &Observation,
    ) -> Self {
        let value = envelope::encode(id, at, observation);
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

/// What is asked of callbacks `0..parts`, of which the last one only watches.
pub(crate) fn action_asked(
    parts: u64,
    depth: u32,
    asked: Timestamp,
    payload: usize,
) -> Observation {
    let part = |n: u64| Part {
        callback: subscription(n),
        name: format!("callback {n}").into(),
        expected_status: Some(200),
        timeout: Duration::from_millis(20),
        policy: if n > 0 && n + 1 == parts {
            FailurePolicy::Audit
        } else {
            FailurePolicy::Deny
        },
    };
    Observation::ActionAsked(Arc::new(ActionRequest {
        timing: Timing::Before,
        object_type: "app".into(),
        action: Action::Created,
        object_id: Some("7".into()),
        user: None,
        origin: Origin::RealTime,
        input: vec![b'x'; payload].into(),
        asked,
        deadline: asked.after(Duration::from_millis(60)),
        depth,
        depth_max: 3,
        correlation: None,
        decided_by: None,
        traceparent: None,
        parts: (0..parts).map(part).collect(),
    }))
}

/// The id of an action; apart from those of invocations.
pub(crate) fn action_id(key: u64) -> InvocationId {
    id(key + 1000)
}

/// The id of the call of callback `n` for an action.
pub(crate) fn member_id(action: InvocationId, n: u64) -> InvocationId {
    let key = action.key().of_member(subscription(n));
    InvocationId::new(action.time(), action.partition(), key)
}

/// Folds one record into `view`, as the partition's loop does.
pub(crate) fn fold(view: &mut View, record: &Record) -> Result<(), Error> {
    let (id, at, observation) = envelope::decode(record.value.clone()).expect("own record");
    view.set_log_time(at);
    let offset = record.offset;
    let seen = Seen { id, offset, at };
    if let Observation::ActionAsked(request) = observation {
        fold_action(view, seen, request, record)?;
        view.advance(offset + 1);
        return Ok(());
    }
    let known = view.get(id.key())?;
    let envelope = known.is_none().then(|| record.value.clone());
    let step = apply(known, seen, observation);
    match (step.ignored, step.state) {
        (None, Some(state)) => {
            view.put(state.clone(), envelope)?;
            tell(view, &state, offset)?;
        }
        (Some(Ignored::AlreadyRequested), _) => view.note_repeat(id.key(), offset)?,
        _ => {}
    }
    view.advance(offset + 1);
    Ok(())
}

fn fold_action(
    view: &mut View,
    seen: Seen,
    request: Arc<ActionRequest>,
    record: &Record,
) -> Result<(), Error> {
    if view.action(seen.id.key())?.is_some() {
        return view.note_repeat(seen.id.key(), seen.offset);
    }
    let expansion = expand(seen, request);
    view.put_action(Arc::new(expansion.action), Some(record.value.clone()))?;
    for state in expansion.members.into_iter().filter_map(|step| step.state) {
        let requested = Observation::Requested(Arc::clone(&state.request));
        let requested = envelope::encode(state.id, seen.at, &requested);
        view.put(state, Some(requested))?;
    }
    Ok(())
}

fn tell(view: &mut View, invocation: &Invocation, offset: u64) -> Result<(), Error> {
    let Some(member) = invocation.request.member.as_deref() else {
        return Ok(());
    };
    let Some(action) = view.action(member.action_id.key())? else {
        return Ok(());
    };
    let mut action = ActionState::clone(&action);
    if action.told(invocation, offset).changed {
        view.put_action(Arc::new(action), None)?;
    }
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
