//! Tests of the pure parts, and what they share: a registry without a log.

mod callback;
mod decide;
mod file;
mod file_callbacks;
mod fold;
mod growth;
mod schema;
mod trigger;

use std::{sync::Arc, time::Duration};

use triggerfish_core::{
    Secret, SubscriptionId, Trigger, TriggerType,
    keys::ServerKeys,
    subscription::{
        AuthenticationType, BasicAuthConfig, BearerTokenAuthConfig, DispatchMode, HttpConfig,
        SubscriptionType,
    },
};
use uuid::Uuid;

use crate::{
    decide::Rules,
    error::ChangeError,
    fold::RawRecord,
    limits::Limits,
    model::{NewSubscription, Settings},
    record::{Entry, Write},
    seal::Sealer,
    snapshot::Snapshot,
};

pub(super) const FIRE: &str = "idn:identity-created";
pub(super) const ASK: &str = "test:request-response";

/// Rules and a snapshot that decisions are applied to.
pub(super) struct World {
    pub(super) snapshot: Snapshot,
    pub(super) limits: Limits,
    pub(super) sealer: Sealer,
}

impl World {
    pub(super) fn new() -> Self {
        let check = |url: &str| {
            let scheme = url.strip_prefix("https://");
            scheme.map(drop).ok_or_else(|| "is not https".to_owned())
        };
        Self {
            snapshot: Snapshot::empty(),
            limits: Limits::new(Duration::from_hours(24), Arc::new(check)),
            sealer: sealer(1),
        }
    }

    pub(super) fn rules(&self) -> Rules<'_> {
        Rules {
            limits: &self.limits,
            sealer: &self.sealer,
            salt: &[5; 32],
        }
    }

    /// Applies what was decided, as if it had come from the log.
    pub(super) fn apply(&mut self, write: &Write) {
        apply(&mut self.snapshot, write, &self.sealer);
    }

    /// Creates a subscription; its id is `n`.
    pub(super) fn create(&mut self, n: u128, new: &NewSubscription) -> Result<(), ChangeError> {
        let write = crate::decide::create(&self.snapshot, self.rules(), id(n), new)?;
        self.apply(&write);
        Ok(())
    }
}

pub(super) fn apply(snapshot: &mut Snapshot, write: &Write, sealer: &Sealer) {
    let key = write.key.to_bytes();
    let value = write.entry.as_ref().map(Entry::to_bytes);
    let record = RawRecord {
        key: Some(&key),
        value: value.as_deref(),
    };
    crate::fold::apply(snapshot, &record, sealer);
}

pub(super) fn sealer(key: u8) -> Sealer {
    Sealer::new(&ServerKeys::new(&[vec![key; 32]]).unwrap())
}

pub(super) fn id(n: u128) -> SubscriptionId {
    SubscriptionId(Uuid::from_u128(n))
}

pub(super) fn http(kind: AuthenticationType) -> HttpConfig {
    HttpConfig {
        url: "https://example.com/hook".to_owned(),
        http_dispatch_mode: Some(DispatchMode::Sync),
        http_authentication_type: kind,
        basic_auth_config: None,
        bearer_token_auth_config: None,
    }
}

pub(super) fn with_password(password: Option<&str>) -> HttpConfig {
    HttpConfig {
        basic_auth_config: Some(BasicAuthConfig {
            user_name: "ada".to_owned(),
            password: password.map(Secret::new),
        }),
        ..http(AuthenticationType::BasicAuth)
    }
}

pub(super) fn with_token(token: Option<&str>) -> HttpConfig {
    HttpConfig {
        bearer_token_auth_config: Some(BearerTokenAuthConfig {
            bearer_token: token.map(Secret::new),
        }),
        ..http(AuthenticationType::BearerToken)
    }
}

pub(super) fn settings() -> Settings {
    Settings {
        name: "one".to_owned(),
        description: None,
        subscription_type: SubscriptionType::Http,
        response_deadline: None,
        http_config: Some(http(AuthenticationType::NoAuth)),
        event_bridge_config: None,
        enabled: true,
        filter: None,
        delivery: None,
    }
}

pub(super) fn new_subscription(trigger_id: &str) -> NewSubscription {
    NewSubscription {
        trigger_id: trigger_id.to_owned(),
        settings: settings(),
    }
}

pub(super) fn own_trigger() -> Trigger {
    Trigger {
        id: "acme:order-cancelled".to_owned(),
        name: "Order cancelled".to_owned(),
        trigger_type: TriggerType::FireAndForget,
        description: None,
        input_schema: r#"{"type":"object","required":["order"]}"#.to_owned(),
        example_input: r#"{"order":1}"#.to_owned(),
        output_schema: None,
        example_output: None,
    }
}

/// The field that a change was refused for.
pub(super) fn field(error: &ChangeError) -> &str {
    match error {
        ChangeError::Invalid { field, .. } => field,
        ChangeError::Immutable { field } => field,
        other => panic!("not about a field: {other}"),
    }
}
