//! What one event means: checks, filters, fan-out. No I/O but reading the clock
//! and drawing the identity of events that have none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use triggerfish_api::ports::{Start, StartError, StartIdentity, StartInput, Started};
use triggerfish_core::{
    EventIdentity, Observation, Origin,
    fan_out::{self, Defaults, Event},
    keys::ServerKeys,
};
use triggerfish_filter::Verdict;
use triggerfish_log::{NewRecord, Topic};
use triggerfish_ops::metrics::{self, FilterVerdict};
use triggerfish_registry::{CompiledSubscription, CompiledTrigger, Registry, Snapshot};
use triggerfish_runtime::{Clock, observation_record};

/// How events are taken in.
#[derive(Clone, Debug)]
pub struct IntakeSettings {
    /// The invocation log.
    pub topic: Topic,
    /// What is pinned into requests.
    pub defaults: Defaults,
    /// The longest chain of causes.
    pub depth_max: u32,
    /// The largest event, input and contentJson together, in bytes.
    pub event_bytes_max: usize,
    /// Makes secrets.
    pub keys: ServerKeys,
}

/// Decides what events mean. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    registry: Registry,
    settings: Arc<IntakeSettings>,
    clock: Arc<dyn Clock>,
}

/// What an event leads to.
pub(crate) struct Decided {
    /// One for each matching subscription.
    pub(crate) requested: Vec<Requested>,
    /// Where else invocations of the event are, if it came when the invocation log had
    /// another number of partitions.
    pub(crate) elsewhere: BTreeSet<u16>,
}

/// An invocation to be, and its record for the log.
pub(crate) struct Requested {
    pub(crate) started: Started,
    pub(crate) record: NewRecord,
}

impl Intake {
    /// Events are matched with the subscriptions in `registry`.
    pub fn new(registry: Registry, settings: IntakeSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            registry,
            settings: Arc::new(settings),
            clock,
        }
    }

    pub(crate) fn settings(&self) -> &IntakeSettings {
        &self.settings
    }

    /// Whether there is such a trigger.
    pub(crate) fn knows(&self, trigger_id: &str) -> bool {
        self.registry.snapshot().trigger(trigger_id).is_some()
    }

    /// What `start` leads to.
    pub(crate) fn decide(&self, start: &Start) -> Result<Decided, StartError> {
        let snapshot = self.registry.snapshot();
        let trigger = snapshot
            .trigger(&start.trigger_id)
            .ok_or_else(|| StartError::UnknownTrigger(start.trigger_id.clone()))?;
        let limit = self.settings.depth_max;
        if start.depth > limit {
            return Err(StartError::TooDeep {
                depth: start.depth,
                limit,
            });
        }
        let input = match &start.input {
            StartInput::Json(json) => json.clone(),
            StartInput::Example => Bytes::from(trigger.trigger.example_input.clone()),
        };
        if input.len() + start.content_json.len() > self.settings.event_bytes_max {
            return Err(StartError::TooLarge {
                limit: self.settings.event_bytes_max,
            });
        }
        let value: Value = serde_json::from_slice(&input)
            .map_err(|error| StartError::InvalidInput(format!("not JSON: {error}")))?;
        trigger
            .check_input(&value)
            .map_err(|violation| StartError::InvalidInput(violation.to_string()))?;
        let event = self.event(start, input)?;
        let partitions = snapshot.partitions_at(event.time).ok_or_else(|| {
            tracing::error!("the registry does not say how many partitions the log has");
            unavailable()
        })?;
        let requested = addressed(&snapshot, start)?
            .into_iter()
            .filter(|subscription| matches(subscription, &value))
            .map(|subscription| self.request(&event, trigger, subscription, partitions))
            .collect::<Result<_, _>>()?;
        let counts = snapshot.partitions_until(self.clock.now());
        let mut elsewhere = fan_out::partitions_of(&event, counts);
        elsewhere.remove(&fan_out::partition_of(&event, partitions));
        Ok(Decided {
            requested,
            elsewhere,
        })
    }

    fn event(&self, start: &Start, input: Bytes) -> Result<Event, StartError> {
        let identity = match &start.identity {
            StartIdentity::Key { scope, key } => EventIdentity::of(&[
                start.trigger_id.as_bytes(),
                scope.as_bytes(),
                key.as_bytes(),
            ]),
            StartIdentity::Unique => EventIdentity::unique(entropy()?),
        };
        Ok(Event {
            identity,
            time: start.time.unwrap_or_else(|| self.clock.now()),
            input,
            content_json: start.content_json.clone(),
            ordering_key: start.ordering_key.as_deref().map(Into::into),
            depth: start.depth,
            traceparent: start.traceparent.as_deref().map(Into::into),
            event_id: start.event_id.as_deref().map(Into::into),
            origin: start.origin,
        })
    }

    fn request(
        &self,
        event: &Event,
        trigger: &CompiledTrigger,
        found: &CompiledSubscription,
        partitions: u16,
    ) -> Result<Requested, StartError> {
        let Self {
            settings, clock, ..
        } = self;
        let (id, request) = fan_out::request(
            clock.now(),
            event,
            &trigger.trigger,
            &found.subscription,
            partitions,
            &settings.defaults,
        )
        .map_err(|error| {
            StartError::InvalidInput(format!("subscription {}: {error}", found.subscription.id))
        })?;
        metrics::invocation_requested(request.trigger_type, request.origin);
        let started = Started {
            id,
            trigger_id: Arc::clone(&request.trigger_id),
            secret: settings.keys.invocation_secret(id),
            content_json: request.content_json.clone(),
            subscription_id: found.subscription.id,
        };
        let observation = Observation::Requested(Arc::new(request));
        let record = observation_record(&settings.topic, id, &**clock, &observation);
        Ok(Requested { started, record })
    }
}

pub(crate) fn entropy() -> Result<[u8; 32], StartError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gives no randomness");
        unavailable()
    })?;
    Ok(bytes)
}

const fn unavailable() -> StartError {
    StartError::Unavailable {
        retry_after: Duration::from_secs(1),
    }
}

/// The subscriptions that the event is for, before filters. A test reaches disabled
/// ones too (reference 3.9).
fn addressed<'s>(
    snapshot: &'s Snapshot,
    start: &Start,
) -> Result<Vec<&'s Arc<CompiledSubscription>>, StartError> {
    let all = snapshot.subscriptions_of(&start.trigger_id);
    if let Some(wanted) = &start.subscription_ids {
        let unknown = |id| !all.iter().any(|found| found.subscription.id == id);
        if let Some(id) = wanted.iter().copied().find(|id| unknown(*id)) {
            return Err(StartError::UnknownSubscription(id));
        }
    }
    let is_wanted = |found: &CompiledSubscription| {
        let enabled = found.subscription.enabled || start.origin == Origin::Test;
        let wanted = start.subscription_ids.as_ref();
        enabled && wanted.is_none_or(|wanted| wanted.contains(&found.subscription.id))
    };
    Ok(all.iter().filter(|found| is_wanted(found)).collect())
}

/// Whether the filter lets the event through. One that can't be evaluated does not,
/// and says so where an operator looks.
fn matches(found: &CompiledSubscription, input: &Value) -> bool {
    let verdict = match &found.filter {
        None if found.subscription.filter.is_none() => return true,
        None => Err(found
            .fault
            .as_ref()
            .map_or_else(String::new, ToString::to_string)),
        Some(filter) => match filter.matches(input) {
            Verdict::Match => Ok(true),
            Verdict::NoMatch => Ok(false),
            Verdict::Unevaluable(error) => Err(error.to_string()),
        },
    };
    metrics::filter_evaluated(match &verdict {
        Ok(true) => FilterVerdict::Matched,
        Ok(false) => FilterVerdict::NotMatched,
        Err(_) => FilterVerdict::Failed,
    });
    verdict.unwrap_or_else(|reason| {
        tracing::warn!(
            subscription = %found.subscription.id,
            name = found.subscription.name,
            reason,
            "filter could not be evaluated; the event is not sent to this subscription"
        );
        false
    })
}
