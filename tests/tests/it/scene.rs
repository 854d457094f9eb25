//! The usual beginning: a service with one trigger and one subscriber of it.

use serde_json::{Value, json};
use triggerfish_tests::{Completion, Service, Setup, Started, Subscriber};

/// A service with one trigger, one subscription of it, and its subscriber.
pub(crate) struct Scene {
    pub(crate) service: Service,
    pub(crate) subscriber: Subscriber,
    pub(crate) subscription: String,
}

/// The trigger of every scene; it takes and gives any object.
pub(crate) const TRIGGER: &str = "acme:thing";

impl Scene {
    /// A scene in a mode: `SYNC`, `ASYNC`, `DYNAMIC` or `FIRE_AND_FORGET`.
    pub(crate) async fn new(mode: &str, subscriber: Subscriber) -> Self {
        Self::with(Setup::new(), mode, subscriber, json!({})).await
    }

    /// A scene with settings; `extra` is merged into the subscription.
    pub(crate) async fn with(
        setup: Setup,
        mode: &str,
        subscriber: Subscriber,
        extra: Value,
    ) -> Self {
        let service = setup.start().await;
        let (trigger_type, dispatch) = match mode {
            "FIRE_AND_FORGET" => (mode, "SYNC"),
            mode => ("REQUEST_RESPONSE", mode),
        };
        service.api.put_trigger(TRIGGER, trigger_type).await;
        let url = subscriber.url();
        let subscription = service.api.subscribe(TRIGGER, &url, dispatch, extra).await;
        Self {
            service,
            subscriber,
            subscription,
        }
    }

    /// Starts an invocation.
    pub(crate) async fn start(&self, input: &str, content: &str) -> Started {
        self.service.api.start_one(TRIGGER, input, content).await
    }

    /// Starts an invocation and waits for its end.
    pub(crate) async fn run(&self) -> Value {
        let started = self.start("{}", "{}").await;
        self.service.api.closed(&started.id).await
    }

    /// Stops the service and reads the one completion that is expected.
    pub(crate) async fn completion(self) -> Completion {
        let mut completions = self.service.completions().await;
        assert_eq!(completions.len(), 1, "{completions:?}");
        completions.remove(0)
    }
}

/// The error that a closed invocation shows.
pub(crate) fn error_of(invocation: &Value) -> &str {
    let error = &invocation["completeInvocationInput"]["localizedError"]["message"];
    error.as_str().unwrap_or_default()
}
