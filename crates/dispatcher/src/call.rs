//! Makes one call.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use triggerfish_core::{
    AttemptReport, Failure, FailureKind, Invocation, Member, Reply, Request, Subscription,
    Timestamp,
    keys::ServerKeys,
    subscription::{HttpConfig, SubscriptionType},
};
use triggerfish_delivery::{Call, Callback, Caller, Lifecycle, webhook};
use triggerfish_ops::metrics;
use triggerfish_registry::{CompiledSubscription, Registry, Snapshot};
use triggerfish_runtime::Clock;
#[cfg(feature = "faults")]
use triggerfish_runtime::faults::{self, Fault};

use crate::scheduler::Health;

/// What the report of a call needs to be in the log by the end of the budget.
const REPORT: Duration = Duration::from_millis(50);

/// What every call needs to know.
#[derive(Clone, Debug)]
pub struct CallSettings {
    /// Base of `callbackURL`, without a slash at the end.
    pub public_url: String,
    /// Makes secrets.
    pub keys: ServerKeys,
}

/// Makes calls. Clones share connections.
#[derive(Clone)]
pub struct Calls {
    caller: Caller,
    registry: Registry,
    settings: Arc<CallSettings>,
    clock: Arc<dyn Clock>,
}

impl Calls {
    /// Calls go out by `caller`.
    pub fn new(
        caller: Caller,
        registry: Registry,
        settings: CallSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            caller,
            registry,
            settings: Arc::new(settings),
            clock,
        }
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Makes the call; what came of it is not in the log yet.
    pub(crate) async fn make(&self, invocation: &Invocation, attempt: u32) -> AttemptReport {
        let snapshot = self.registry.snapshot();
        let now = self.clock.now();
        let made = match &invocation.request.member {
            Some(member) => {
                self.call_back(&snapshot, member, invocation, attempt, now)
                    .await
            }
            None => self.post(&snapshot, invocation, attempt, now).await,
        };
        let report = made.unwrap_or_else(|(kind, reason)| refused(now, attempt, kind, &reason));
        metrics::attempt(report.reply.class(), report.took);
        report
    }

    async fn post(
        &self,
        snapshot: &Snapshot,
        invocation: &Invocation,
        attempt: u32,
        now: Timestamp,
    ) -> Result<AttemptReport, Uncalled> {
        let request = &invocation.request;
        let found = snapshot.subscription(request.subscription_id);
        let found = found.ok_or_else(|| gone("the subscription was deleted"))?;
        let http = callable(found)?;
        let trigger = snapshot.trigger(&request.trigger_id);
        let check_output = |output: &Value| match trigger {
            Some(trigger) => trigger
                .check_output(output)
                .map_err(|violation| violation.to_string()),
            None => Err("its trigger was deleted".to_owned()),
        };
        let callback = request.mode.has_callback().then(|| {
            let base = &self.settings.public_url;
            let url = format!("{base}/beta/trigger-invocations/{}/complete", invocation.id);
            (url, self.settings.keys.invocation_secret(invocation.id))
        });
        #[cfg(feature = "faults")]
        if faults::is_on(Fault::SecretInLogLine) {
            let secret = callback.as_ref().map(|(_, secret)| secret.expose());
            tracing::info!(invocation = %invocation.id, secret, "calling");
        }
        let Subscription { id, signing, .. } = found.subscription;
        let signing = webhook::signing_secrets(&self.settings.keys, id, signing, now);
        let call = Call {
            id: invocation.id,
            attempt,
            request,
            http,
            lifecycle: None,
            callback: callback
                .as_ref()
                .map(|(url, secret)| Callback { url, secret }),
            signing: &signing,
            check_output: &check_output,
            now,
        };
        Ok(self.caller.call(call).await.into_report(attempt))
    }

    /// Calls a callback of an action, for as long as its answer still counts.
    async fn call_back(
        &self,
        snapshot: &Snapshot,
        member: &Member,
        invocation: &Invocation,
        attempt: u32,
        now: Timestamp,
    ) -> Result<AttemptReport, Uncalled> {
        let request = &invocation.request;
        let left = now.until(request.deadline);
        if left.is_zero() {
            let reason = "there was no time left for the call".to_owned();
            return Err((FailureKind::Timeout, reason));
        }
        let found = snapshot.callback(request.subscription_id);
        let found = found.ok_or_else(|| gone("the callback was deleted"))?;
        if let Some(fault) = &found.fault {
            return Err((FailureKind::Configuration, fault.to_string()));
        }
        let found = &found.callback;
        #[cfg(feature = "faults")]
        let left = match member.timeout {
            timeout if faults::is_on(Fault::LateDecisions) => timeout * 2,
            _ => left,
        };
        let signing = webhook::signing_secrets(&self.settings.keys, found.id, found.signing, now);
        let call = Call {
            id: invocation.id,
            attempt,
            request,
            http: &found.http_config,
            lifecycle: Some(Lifecycle {
                expected_status: member.expected_status,
                headers: &found.request_headers,
                limit: member
                    .timeout
                    .min(left.saturating_sub((left / 10).min(REPORT))),
            }),
            callback: None,
            signing: &signing,
            check_output: &|_| Ok(()),
            now,
        };
        Ok(self.caller.call(call).await.into_report(attempt))
    }
}

/// Why no call was made.
type Uncalled = (FailureKind, String);

fn gone(reason: &str) -> Uncalled {
    (FailureKind::Gone, reason.to_owned())
}

/// Where this subscription is called, if calls of it can be made at all.
fn callable(found: &CompiledSubscription) -> Result<&HttpConfig, Uncalled> {
    if let Some(fault) = &found.fault {
        return Err((FailureKind::Configuration, fault.to_string()));
    }
    let unfit = |kind, reason: &str| (kind, reason.to_owned());
    match found.subscription.subscription_type {
        SubscriptionType::Http => found.subscription.http_config.as_ref().ok_or_else(|| {
            unfit(
                FailureKind::Configuration,
                "the subscription has no httpConfig",
            )
        }),
        SubscriptionType::Eventbridge => Err(unfit(
            FailureKind::Unsupported,
            "delivery to EVENTBRIDGE is not supported; use a subscription of type HTTP",
        )),
    }
}

fn refused(now: Timestamp, attempt: u32, kind: FailureKind, message: &str) -> AttemptReport {
    let failure = Failure {
        kind,
        message: message.into(),
    };
    AttemptReport {
        attempt,
        started: now,
        took: Duration::ZERO,
        status: None,
        reply: Reply::Refused(failure),
        body: None,
    }
}

/// What a reply says about the callee. Callbacks have no breaker and are never disabled:
/// every action asks them anew.
pub(crate) fn health(request: &Request, reply: &Reply) -> Health {
    if request.member.is_some() {
        return Health::NotCalled;
    }
    match reply {
        Reply::Acknowledged | Reply::Answered(_) | Reply::Delivered => Health::Alive,
        Reply::Unavailable { .. } => Health::Dead,
        Reply::Refused(failure) => match failure.kind {
            FailureKind::Gone | FailureKind::Unsupported | FailureKind::Configuration => {
                Health::NotCalled
            }
            FailureKind::Blocked => Health::Dead,
            FailureKind::TooLarge => Health::Flooding,
            _ => Health::Alive,
        },
    }
}
