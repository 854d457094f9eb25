//! What processes of one installation ask each other, and the answers.

use bytes::Bytes;
use prost::Message;
use triggerfish_core::{ActionState, Invocation, InvocationKey, Observation, SubscriptionId};
use uuid::Uuid;

use crate::{Error, action, envelope, state, v1};

/// One invocation is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvocationWanted {
    /// Its partition.
    pub partition: u32,
    /// What names it there.
    pub key: InvocationKey,
    /// Once the record at this offset is folded.
    pub after: Option<u64>,
    /// How long the answer is waited for, in milliseconds.
    pub patience_ms: u32,
}

/// Invocations of several partitions are wanted. What is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "fields of the message, which are only ever added"
)]
pub struct PartsWanted {
    /// The partitions; from each the rows older than the one that was requested at this
    /// offset.
    pub parts: Vec<(u32, Option<u64>)>,
    /// Of this trigger.
    pub trigger_id: Option<String>,
    /// Of this subscription.
    pub subscription_id: Option<SubscriptionId>,
    /// The subscriptions that the trigger has now.
    pub subscriptions_of_trigger: Vec<SubscriptionId>,
    /// Only those without an outcome.
    pub open_only: bool,
    /// Rows of each partition at most.
    pub limit: u32,
    /// Neither rows nor totals, only positions.
    pub positions_only: bool,
    /// Only the newest row of each of these subscriptions, and no totals.
    pub newest_of: Vec<SubscriptionId>,
    /// Open rows with the earliest deadlines, those first, in place of the newest.
    pub soonest: bool,
    /// Totals need not be counted.
    pub without_total: bool,
}

/// One action is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionWanted {
    /// Its partition.
    pub partition: u32,
    /// What names it there.
    pub key: InvocationKey,
    /// Once the record at this offset is folded.
    pub after: Option<u64>,
    /// How long the answer is waited for, in milliseconds; then it is told as it is.
    pub patience_ms: u32,
    /// How far it has to be.
    pub stage: ActionStage,
}

/// How far an action has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActionStage {
    /// Wherever it is.
    #[default]
    Any,
    /// The decision has fallen.
    Decided,
    /// All its calls have ended.
    Finished,
}

impl ActionStage {
    /// Whether `action` is as far.
    #[must_use]
    pub const fn is_reached_by(self, action: &ActionState) -> bool {
        match self {
            Self::Any => true,
            Self::Decided => action.decision.is_some() || action.finished.is_some(),
            Self::Finished => action.finished.is_some(),
        }
    }
}

/// What one partition has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartFound {
    /// Which one.
    pub partition: u32,
    /// The next record to fold.
    pub position: u64,
    /// How many rows there are without the limit.
    pub total: u64,
    /// Newest first.
    pub rows: Vec<Invocation>,
    /// Rows are missing after the last one: the answer became too large.
    pub is_cut: bool,
}

impl InvocationWanted {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let wire = v1::InvocationWanted {
            partition: self.partition,
            key: self.key.0,
            after: self.after,
            patience_ms: self.patience_ms,
        };
        wire.encode_to_vec()
    }

    /// From bytes.
    ///
    /// # Errors
    /// When it is something else.
    pub fn decode(bytes: Bytes) -> Result<Self, Error> {
        let wire = v1::InvocationWanted::decode(bytes)?;
        Ok(Self {
            partition: wire.partition,
            key: InvocationKey(wire.key),
            after: wire.after,
            patience_ms: wire.patience_ms,
        })
    }
}

impl PartsWanted {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let parts = self.parts.iter();
        let id_bytes = |id: &SubscriptionId| Bytes::copy_from_slice(id.0.as_bytes());
        let wire = v1::PartsWanted {
            parts: parts
                .map(|(partition, before)| v1::PartWanted {
                    partition: *partition,
                    before: *before,
                })
                .collect(),
            trigger_id: self.trigger_id.clone(),
            subscription_id: self.subscription_id.as_ref().map(id_bytes),
            subscriptions_of_trigger: self.subscriptions_of_trigger.iter().map(id_bytes).collect(),
            open_only: self.open_only,
            limit: self.limit,
            positions_only: self.positions_only,
            newest_of: self.newest_of.iter().map(id_bytes).collect(),
            soonest: self.soonest,
            without_total: self.without_total,
        };
        wire.encode_to_vec()
    }

    /// From bytes.
    ///
    /// # Errors
    /// When it is something else.
    pub fn decode(bytes: Bytes) -> Result<Self, Error> {
        let wire = v1::PartsWanted::decode(bytes)?;
        let id = |bytes: Bytes| {
            let uuid = Uuid::from_slice(&bytes).map_err(|_| Error::Field("subscription_id"))?;
            Ok::<_, Error>(SubscriptionId(uuid))
        };
        let parts = wire.parts.into_iter();
        let of_trigger = wire.subscriptions_of_trigger.into_iter().map(id);
        let newest_of = wire.newest_of.into_iter().map(id);
        Ok(Self {
            parts: parts.map(|part| (part.partition, part.before)).collect(),
            trigger_id: wire.trigger_id,
            subscription_id: wire.subscription_id.map(id).transpose()?,
            subscriptions_of_trigger: of_trigger.collect::<Result<_, _>>()?,
            open_only: wire.open_only,
            limit: wire.limit,
            positions_only: wire.positions_only,
            newest_of: newest_of.collect::<Result<_, _>>()?,
            soonest: wire.soonest,
            without_total: wire.without_total,
        })
    }
}

impl ActionWanted {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let stage = match self.stage {
            ActionStage::Any => v1::ActionStage::Any,
            ActionStage::Decided => v1::ActionStage::Decided,
            ActionStage::Finished => v1::ActionStage::Finished,
        };
        let wire = v1::ActionWanted {
            partition: self.partition,
            key: self.key.0,
            after: self.after,
            patience_ms: self.patience_ms,
            stage: stage.into(),
        };
        wire.encode_to_vec()
    }

    /// From bytes.
    ///
    /// # Errors
    /// When it is something else.
    pub fn decode(bytes: Bytes) -> Result<Self, Error> {
        let wire = v1::ActionWanted::decode(bytes)?;
        let stage = match wire.stage() {
            v1::ActionStage::Any => ActionStage::Any,
            v1::ActionStage::Decided => ActionStage::Decided,
            v1::ActionStage::Finished => ActionStage::Finished,
        };
        Ok(Self {
            partition: wire.partition,
            key: InvocationKey(wire.key),
            after: wire.after,
            patience_ms: wire.patience_ms,
            stage,
        })
    }
}

/// The answer to [`ActionWanted`].
#[must_use]
pub fn encode_action(found: Option<&ActionState>) -> Vec<u8> {
    let known = |action: &ActionState| {
        let request = Observation::ActionAsked(action.request.clone());
        v1::KnownAction {
            asked: envelope::encode(action.id, action.request.asked, &request),
            state: action::encode(action).into(),
        }
    };
    let wire = v1::ActionFound {
        action: found.map(known),
    };
    wire.encode_to_vec()
}

/// Reads the answer to [`ActionWanted`].
///
/// # Errors
/// When it is something else.
pub fn decode_action(bytes: Bytes) -> Result<Option<ActionState>, Error> {
    let wire = v1::ActionFound::decode(bytes)?;
    let known = wire.action.as_ref();
    let action = known.map(|known| action::decode(&known.asked, &known.state));
    action.transpose()
}

/// The answer to [`InvocationWanted`].
#[must_use]
pub fn encode_found(found: Option<&Invocation>) -> Vec<u8> {
    let wire = v1::InvocationFound {
        invocation: found.map(known),
    };
    wire.encode_to_vec()
}

/// Reads the answer to [`InvocationWanted`].
///
/// # Errors
/// When it is something else.
pub fn decode_found(bytes: Bytes) -> Result<Option<Invocation>, Error> {
    let wire = v1::InvocationFound::decode(bytes)?;
    wire.invocation.as_ref().map(invocation).transpose()
}

/// The answer to [`PartsWanted`], cut where the rows of all parts together come to
/// `bytes_max`. The first row of all is in it whatever its size, so that whoever asks on
/// gets on.
#[must_use]
pub fn encode_parts(parts: &[PartFound], bytes_max: usize) -> Vec<u8> {
    let (mut left, mut is_empty) = (Some(bytes_max), true);
    let mut wire = v1::PartsFound::default();
    for part in parts {
        let mut found = v1::PartFound {
            partition: part.partition,
            position: part.position,
            total: part.total,
            rows: Vec::new(),
            is_cut: part.is_cut,
        };
        for row in &part.rows {
            let row = known(row);
            left = left.and_then(|left| left.checked_sub(row.encoded_len()));
            if left.is_none() && !is_empty {
                found.is_cut = true;
                break;
            }
            is_empty = false;
            found.rows.push(row);
        }
        wire.parts.push(found);
    }
    wire.encode_to_vec()
}

/// Reads the answer to [`PartsWanted`].
///
/// # Errors
/// When it is something else.
pub fn decode_parts(bytes: Bytes) -> Result<Vec<PartFound>, Error> {
    let wire = v1::PartsFound::decode(bytes)?;
    let part = |part: &v1::PartFound| {
        let rows = part.rows.iter().map(invocation);
        Ok(PartFound {
            partition: part.partition,
            position: part.position,
            total: part.total,
            rows: rows.collect::<Result<_, Error>>()?,
            is_cut: part.is_cut,
        })
    };
    wire.parts.iter().map(part).collect()
}

fn known(invocation: &Invocation) -> v1::KnownInvocation {
    let request = Observation::Requested(invocation.request.clone());
    v1::KnownInvocation {
        requested: envelope::encode(invocation.id, invocation.request.created, &request),
        state: state::encode(invocation).into(),
    }
}

fn invocation(known: &v1::KnownInvocation) -> Result<Invocation, Error> {
    state::decode(&known.requested, &known.state)
}
