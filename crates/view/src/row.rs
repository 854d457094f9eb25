//! What the view itself must know of an invocation: its row. Rows are read without
//! decoding the invocation.

use triggerfish_core::{
    ActionState, Invocation, InvocationId, Outcome, Phase, SubscriptionId, Timestamp,
    invocation::place,
};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    identity::Settings,
    layout::{micros, number, offset_of, record_of, time},
};

/// The hash of an ordering key; keys that share one are called one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub u64);

impl KeyHash {
    /// The hash of `ordering_key`.
    #[must_use]
    pub fn of(ordering_key: &str) -> Self {
        Self(xxh3_64(ordering_key.as_bytes()))
    }
}

/// The row of one invocation, or of one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) place: u64,
    pub(crate) id: InvocationId,
    /// The log time when it was requested: a rebuild that starts at it starts there.
    pub(crate) entered: Timestamp,
    pub(crate) subscription: SubscriptionId,
    pub(crate) deadline: Timestamp,
    pub(crate) order: Option<KeyHash>,
    pub(crate) standing: Standing,
}

/// Where the invocation stands, as far as indexes care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Due(Timestamp),
    Waiting,
    Completed(Timestamp),
    /// Failed or expired.
    Failed(Timestamp),
    /// An action that waits for callbacks.
    Asked,
    /// An action of which all calls have ended.
    Finished(Timestamp),
}

/// Bytes of a row: place, id, entered, subscription, deadline, standing and its time,
/// whether there is an order and its hash.
pub(crate) const ROW_BYTES: usize = 8 + 16 + 8 + 16 + 8 + 1 + 8 + 1 + 8;

impl Row {
    pub(crate) fn of(invocation: &Invocation, entered: Timestamp) -> Self {
        let request = &invocation.request;
        let standing = match &invocation.phase {
            Phase::Due { due, .. } => Standing::Due(*due),
            Phase::Waiting => Standing::Waiting,
            Phase::Closed(closing) => match closing.outcome {
                Outcome::Completed(_) => Standing::Completed(closing.at),
                Outcome::Failed { .. } | Outcome::Expired { .. } => Standing::Failed(closing.at),
            },
        };
        Self {
            place: invocation.place(),
            id: invocation.id,
            entered,
            subscription: request.subscription_id,
            deadline: request.deadline,
            order: request.ordering_key.as_deref().map(KeyHash::of),
            standing,
        }
    }

    /// The row of an action; nobody is called for it itself.
    pub(crate) fn of_action(action: &ActionState, entered: Timestamp) -> Self {
        Self {
            place: place(action.offset, 0),
            id: action.id,
            entered,
            subscription: SubscriptionId(Uuid::nil()),
            deadline: action.request.deadline,
            order: None,
            standing: action.finished.map_or(Standing::Asked, Standing::Finished),
        }
    }

    /// The offset of the record that brought it about.
    pub(crate) const fn offset(&self) -> u64 {
        offset_of(self.place)
    }

    pub(crate) const fn is_action(&self) -> bool {
        matches!(self.standing, Standing::Asked | Standing::Finished(_))
    }

    /// Whether a callback is called, and by it an action told of the outcome.
    const fn is_member(&self) -> bool {
        self.place != record_of(self.place)
    }

    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Due(_) | Standing::Waiting)
    }

    pub(crate) const fn is_queued(&self) -> bool {
        matches!(self.standing, Standing::Due(_))
    }

    /// The last log time at which it is kept; `None` while it is open.
    pub(crate) fn kept_until(&self, settings: &Settings) -> Option<Timestamp> {
        match self.standing {
            Standing::Due(_) | Standing::Waiting | Standing::Asked => None,
            Standing::Finished(at) => Some(at.after(settings.keep_callbacks)),
            Standing::Completed(at) | Standing::Failed(at) if self.is_member() => {
                Some(at.after(settings.keep_callbacks))
            }
            Standing::Completed(at) => Some(at.after(settings.keep_completed)),
            Standing::Failed(at) => Some(at.after(settings.keep_failed)),
        }
    }

    /// Whether it is still there at `log_time`, removed from disk or not.
    pub(crate) fn is_kept(&self, settings: &Settings, log_time: Timestamp) -> bool {
        self.kept_until(settings)
            .is_none_or(|until| until >= log_time)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let (tag, at) = match self.standing {
            Standing::Due(due) => (0, due),
            Standing::Waiting => (1, Timestamp::EPOCH),
            Standing::Completed(at) => (2, at),
            Standing::Failed(at) => (3, at),
            Standing::Asked => (4, Timestamp::EPOCH),
            Standing::Finished(at) => (5, at),
        };
        out.extend_from_slice(&self.place.to_be_bytes());
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(&micros(self.entered).to_be_bytes());
        out.extend_from_slice(self.subscription.0.as_bytes());
        out.extend_from_slice(&micros(self.deadline).to_be_bytes());
        out.push(tag);
        out.extend_from_slice(&micros(at).to_be_bytes());
        out.push(u8::from(self.order.is_some()));
        out.extend_from_slice(&self.order.map_or(0, |hash| hash.0).to_be_bytes());
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let at = time(number(bytes, 57)?);
        let standing = match bytes.get(56)? {
            0 => Standing::Due(at),
            1 => Standing::Waiting,
            2 => Standing::Completed(at),
            3 => Standing::Failed(at),
            4 => Standing::Asked,
            5 => Standing::Finished(at),
            _ => return None,
        };
        let order = match bytes.get(65)? {
            0 => None,
            1 => Some(KeyHash(number(bytes, 66)?)),
            _ => return None,
        };
        Some(Self {
            place: number(bytes, 0)?,
            id: InvocationId::from_bytes(bytes.get(8..24)?.try_into().ok()?)?,
            entered: time(number(bytes, 24)?),
            subscription: SubscriptionId(Uuid::from_slice(bytes.get(32..48)?).ok()?),
            deadline: time(number(bytes, 48)?),
            order,
            standing,
        })
    }
}
