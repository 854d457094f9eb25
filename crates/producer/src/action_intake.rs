//! What a question about an action means: checks, the callbacks it is for, the record. No
//! I/O but reading the clock and drawing the identity of questions that have none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};
use triggerfish_api::ports::{Ask, AskError, StartIdentity};
use triggerfish_core::{
    ActionRequest, EventIdentity, InvocationId, Observation, Part, Timing, TriggerType,
    action::PARTS_MAX,
};
use triggerfish_log::{NewRecord, Topic};
use triggerfish_ops::metrics;
use triggerfish_registry::{CompiledCallback, Registry};
use triggerfish_runtime::{Clock, observation_record};

use crate::intake::entropy;

/// Characters of names that platforms give.
const TEXT_CHARS_MAX: usize = 255;

/// How questions are taken in.
#[derive(Clone, Debug)]
pub struct ActionSettings {
    /// The invocation log.
    pub topic: Topic,
    /// The longest chain of causes.
    pub depth_max: u32,
    /// The largest object, in bytes.
    pub entity_bytes_max: usize,
    /// For one call, unless the callback has its own.
    pub timeout: Duration,
    /// For all calls before one action, unless the platform says so.
    pub budget: Duration,
    /// The longest that a platform may say.
    pub budget_max: Duration,
    /// How long after an action its callbacks may be called.
    pub after_within: Duration,
}

/// Decides what questions mean. Cheap to clone.
#[derive(Clone)]
pub struct ActionIntake {
    registry: Registry,
    settings: Arc<ActionSettings>,
    clock: Arc<dyn Clock>,
}

/// What a question leads to.
pub(crate) struct DecidedAction {
    pub(crate) id: InvocationId,
    pub(crate) request: Arc<ActionRequest>,
    pub(crate) record: NewRecord,
    /// Where else the action may be, if it was asked about when the invocation log had
    /// another number of partitions.
    pub(crate) elsewhere: BTreeSet<u16>,
    /// How long the platform waits.
    pub(crate) patience: Duration,
}

impl ActionIntake {
    /// Callbacks and object types are those in `registry`.
    pub fn new(registry: Registry, settings: ActionSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            registry,
            settings: Arc::new(settings),
            clock,
        }
    }

    /// What `ask` leads to.
    pub(crate) fn decide(&self, ask: &Ask) -> Result<DecidedAction, AskError> {
        let settings = &self.settings;
        let snapshot = self.registry.snapshot();
        let object_type = snapshot
            .object_type(&ask.object_type)
            .ok_or_else(|| AskError::UnknownObjectType(shortened(&ask.object_type)))?;
        if ask.entity.len() > settings.entity_bytes_max {
            let limit = settings.entity_bytes_max;
            return Err(AskError::TooLarge { limit });
        }
        check_text("user", ask.user.as_deref())?;
        check_text("objectId", ask.object_id.as_deref())?;
        let entity = entity(&ask.entity)?;
        let patience = self.patience(ask)?;
        let object_id = ask.object_id.clone().or_else(|| id_in(&entity));
        let callbacks = snapshot.callbacks_for(&ask.object_type, ask.timing, ask.action);
        let parts: Vec<Part> = callbacks.map(|found| self.part(found)).collect();
        if parts.len() > PARTS_MAX {
            return Err(AskError::TooMany {
                count: parts.len(),
                limit: PARTS_MAX,
            });
        }
        let now = self.clock.now();
        let asked = ask.time.map_or(now, |time| time.min(now));
        let lasts = match ask.timing {
            Timing::Before => patience,
            Timing::After => settings.after_within,
        };
        let request = Arc::new(ActionRequest {
            timing: ask.timing,
            object_type: Arc::clone(&object_type.id),
            action: ask.action,
            object_id: object_id.map(Into::into),
            user: ask.user.as_deref().map(Into::into),
            origin: ask.origin,
            input: body(&object_type.object_type.entity, ask),
            asked,
            deadline: asked.after(lasts),
            depth: ask.depth,
            depth_max: settings.depth_max,
            correlation: ask.correlation.as_deref().map(Into::into),
            decided_by: ask.decided_by,
            traceparent: ask.traceparent.as_deref().map(Into::into),
            parts,
        });
        let identity = identity(ask)?;
        let partitions = snapshot.partitions_at(asked).ok_or_else(|| {
            tracing::error!("the registry does not say how many partitions the log has");
            unavailable()
        })?;
        let partition = identity.partition(partitions);
        let id = InvocationId::new(asked, partition, identity.action_key());
        let counts = snapshot.partitions_until(asked);
        let mut elsewhere: BTreeSet<u16> = counts.map(|count| identity.partition(count)).collect();
        elsewhere.remove(&partition);
        for _ in &request.parts {
            metrics::invocation_requested(TriggerType::FireAndForget, request.origin);
        }
        let observation = Observation::ActionAsked(Arc::clone(&request));
        let record = observation_record(&settings.topic, id, &*self.clock, &observation);
        Ok(DecidedAction {
            id,
            request,
            record,
            elsewhere,
            patience,
        })
    }

    fn patience(&self, ask: &Ask) -> Result<Duration, AskError> {
        let longest = self.settings.budget_max;
        let invalid = |field, least: u32| AskError::Invalid {
            field,
            problem: format!(
                "must be from {least} to {} milliseconds",
                longest.as_millis()
            ),
        };
        match (ask.timing, ask.patience) {
            (_, None) => Ok(self.settings.budget),
            (Timing::Before, Some(budget)) if budget.is_zero() || budget > longest => {
                Err(invalid("budgetMs", 1))
            }
            (Timing::After, Some(wait)) if wait > longest => Err(invalid("waitMs", 0)),
            (_, Some(patience)) => Ok(patience),
        }
    }

    fn part(&self, found: &Arc<CompiledCallback>) -> Part {
        let callback = &found.callback;
        let own = callback.timeout_ms.map(u64::from);
        Part {
            callback: callback.id,
            name: callback.name.as_str().into(),
            expected_status: callback.expected_status,
            timeout: own.map_or(self.settings.timeout, Duration::from_millis),
            policy: callback.failure_policy,
        }
    }
}

/// The body that receivers get: the object as it came, byte for byte.
fn body(entity_key: &str, ask: &Ask) -> Bytes {
    let text = |text: &str| serde_json::to_vec(text).expect("a string always serialises");
    let user = ask.user.as_deref().map_or_else(|| b"null".to_vec(), text);
    let entity = ask.entity.trim_ascii();
    let pieces: [&[u8]; 8] = [
        b"{",
        &text(entity_key),
        b":",
        entity,
        b",\"action\":",
        &text(ask.action.as_str()),
        b",\"user\":",
        &user,
    ];
    let mut body = pieces.concat();
    body.push(b'}');
    body.into()
}

fn entity(text: &[u8]) -> Result<Map<String, Value>, AskError> {
    serde_json::from_slice(text).map_err(|_| AskError::Invalid {
        field: "entity",
        problem: "is not a JSON object".to_owned(),
    })
}

fn id_in(entity: &Map<String, Value>) -> Option<String> {
    match entity.get("id")? {
        Value::String(id) if is_short(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn is_short(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= TEXT_CHARS_MAX
}

fn check_text(field: &'static str, text: Option<&str>) -> Result<(), AskError> {
    if text.is_none_or(is_short) {
        return Ok(());
    }
    Err(AskError::Invalid {
        field,
        problem: format!("must have 1 to {TEXT_CHARS_MAX} characters, or be left out"),
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

fn identity(ask: &Ask) -> Result<EventIdentity, AskError> {
    Ok(match &ask.identity {
        StartIdentity::Key { scope, key } => EventIdentity::of(&[
            b"action",
            ask.timing.as_str().as_bytes(),
            scope.as_bytes(),
            key.as_bytes(),
        ]),
        StartIdentity::Unique => EventIdentity::unique(entropy().map_err(|_| unavailable())?),
    })
}

pub(crate) const fn unavailable() -> AskError {
    AskError::Unavailable {
        retry_after: Duration::from_secs(1),
    }
}

#[cfg(test)]
mod tests {
    use triggerfish_core::{Action, Origin};

    use super::*;

    #[test]
    fn the_body_keeps_the_object_byte_for_byte() {
        let ask = Ask {
            timing: Timing::Before,
            object_type: "app".to_owned(),
            action: Action::Created,
            entity: Bytes::from_static(b" { \"id\" : 1.50, \"id\":2 }\n"),
            user: Some("a \"b\"".to_owned()),
            object_id: None,
            patience: None,
            identity: StartIdentity::Unique,
            correlation: None,
            decided_by: None,
            origin: Origin::RealTime,
            time: None,
            depth: 0,
            traceparent: None,
        };
        assert_eq!(
            body("AppToken", &ask),
            r#"{"AppToken":{ "id" : 1.50, "id":2 },"action":"CREATED","user":"a \"b\""}"#
        );
        let nobody = Ask { user: None, ..ask };
        assert!(body("App", &nobody).ends_with(b",\"user\":null}"));
    }

    #[test]
    fn an_object_is_known_by_its_id() {
        let id = |text: &str| id_in(&entity(text.as_bytes()).unwrap());
        assert_eq!(id(r#"{"id":7}"#), Some("7".to_owned()));
        assert_eq!(id(r#"{"id":"a-1"}"#), Some("a-1".to_owned()));
        for other in [r#"{"id":""}"#, r#"{"id":null}"#, r#"{"id":{}}"#, "{}"] {
            assert_eq!(id(other), None, "{other}");
        }
        assert!(entity(b"[]").is_err());
    }
}
