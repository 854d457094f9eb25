//! Subscriptions, requests and callers for the tests.

use std::{collections::BTreeMap, time::Duration};

use triggerfish_core::{
    Failure, FailureKind, InvocationId, InvocationKey, Mode, Origin, Reply, Request, RetryPolicy,
    Secret, Subscription, SubscriptionId, Timestamp, TriggerType,
    subscription::{
        AuthenticationType, BasicAuthConfig, BearerTokenAuthConfig, DeliveryOptions, HttpConfig,
        Signing, SubscriptionType,
    },
};
use triggerfish_delivery::{Answer, Call, Callback, Caller, Lifecycle, Options};

/// For calls that are to run into it.
pub(crate) const LIMIT: Duration = Duration::from_millis(300);
/// For calls that are to end by something else, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(8);
/// Much less than patience, for what must not wait.
pub(crate) const SOON: Duration = Duration::from_secs(4);
pub(crate) const ANSWER_BYTES_MAX: usize = 100_000;
pub(crate) const CALLBACK_URL: &str = "https://t.example/v2026/trigger-invocations/1/complete";
pub(crate) const CALLBACK_SECRET: &str = "3f5cf2a1-callback-secret";
pub(crate) const INPUT: &str = r#"{"amount": 1.50, "name":"J\u00f6rg"}"#;
pub(crate) const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

pub(crate) fn options() -> Options {
    Options {
        limit: PATIENCE,
        answer_bytes_max: ANSWER_BYTES_MAX,
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        ..Options::default()
    }
}

pub(crate) fn caller() -> Caller {
    Caller::new(options()).unwrap()
}

/// Everything that a call borrows.
pub(crate) struct Setup {
    pub(crate) id: InvocationId,
    pub(crate) request: Request,
    pub(crate) subscription: Subscription,
    pub(crate) signing: Vec<Secret>,
    pub(crate) with_callback: bool,
    /// Those that a callback was set up with.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Setup {
    pub(crate) fn new(mode: Mode, url: &str) -> Self {
        let id = SubscriptionId(uuid::Uuid::from_u128(7));
        Self {
            id: InvocationId::new(Timestamp::from_millis(1_000_000), 5, InvocationKey(77)),
            request: request(mode, id),
            subscription: subscription(url, id),
            signing: vec![Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
            with_callback: true,
            headers: BTreeMap::new(),
        }
    }

    /// Callbacks are expected to answer with 204 within [`LIMIT`].
    fn lifecycle(&self) -> Option<Lifecycle<'_>> {
        let expected_status = match self.request.mode {
            Mode::Before => Some(204),
            Mode::After => None,
            _ => return None,
        };
        Some(Lifecycle {
            expected_status,
            headers: &self.headers,
            limit: LIMIT,
        })
    }

    pub(crate) fn http(&mut self) -> &mut HttpConfig {
        self.subscription.http_config.as_mut().unwrap()
    }

    pub(crate) fn basic(mut self, user_name: &str, password: Option<&str>) -> Self {
        self.http().http_authentication_type = AuthenticationType::BasicAuth;
        self.http().basic_auth_config = Some(BasicAuthConfig {
            user_name: user_name.into(),
            password: password.map(Secret::new),
        });
        self
    }

    pub(crate) fn bearer(mut self, token: Option<&str>) -> Self {
        self.http().http_authentication_type = AuthenticationType::BearerToken;
        self.http().bearer_token_auth_config = Some(BearerTokenAuthConfig {
            bearer_token: token.map(Secret::new),
        });
        self
    }

    /// Calls by `caller`; an output is fine unless it has a field `bad`.
    pub(crate) async fn call(&self, caller: &Caller) -> Answer {
        let secret = Secret::new(CALLBACK_SECRET);
        let callback = Callback {
            url: CALLBACK_URL,
            secret: &secret,
        };
        let call = Call {
            id: self.id,
            attempt: 2,
            request: &self.request,
            http: self.subscription.http_config.as_ref().unwrap(),
            lifecycle: self.lifecycle(),
            callback: self.with_callback.then_some(callback),
            signing: &self.signing,
            check_output: &|output| match output.get("bad") {
                Some(_) => Err("/bad is not expected".into()),
                None => Ok(()),
            },
            now: Timestamp::parse("2026-05-03T18:21:39.249635Z").unwrap(),
        };
        let answer = caller.call(call).await;
        assert_eq!(answer.started, call.now);
        answer
    }
}

fn request(mode: Mode, subscription_id: SubscriptionId) -> Request {
    let trigger_type = match mode {
        Mode::FireAndForget | Mode::Before | Mode::After => TriggerType::FireAndForget,
        Mode::Sync | Mode::Async | Mode::Dynamic => TriggerType::RequestResponse,
    };
    Request {
        trigger_id: "idn:access-request-pre-approval".into(),
        trigger_type,
        subscription_id,
        subscription_name: "approvals".into(),
        origin: Origin::RealTime,
        mode,
        created: Timestamp::EPOCH,
        deadline: Timestamp::MAX,
        retry: RetryPolicy::ONCE,
        ordering_key: None,
        input: INPUT.into(),
        content_json: "{}".into(),
        depth: 3,
        traceparent: Some(TRACE.into()),
        event_id: None,
        member: None,
    }
}

fn subscription(url: &str, id: SubscriptionId) -> Subscription {
    Subscription {
        id,
        name: "approvals".into(),
        description: None,
        trigger_id: "idn:access-request-pre-approval".into(),
        subscription_type: SubscriptionType::Http,
        response_deadline: "PT1H".into(),
        http_config: Some(HttpConfig {
            url: url.into(),
            http_dispatch_mode: None,
            http_authentication_type: AuthenticationType::NoAuth,
            basic_auth_config: None,
            bearer_token_auth_config: None,
        }),
        event_bridge_config: None,
        enabled: true,
        filter: None,
        delivery: DeliveryOptions::default(),
        signing: Signing::default(),
        disabled_reason: None,
    }
}

/// Calls `url` in `mode` with nothing special.
pub(crate) async fn call(mode: Mode, url: &str) -> Answer {
    Setup::new(mode, url).call(&caller()).await
}

/// Calls `url` in `mode` with a limit of [`LIMIT`], which must be kept.
pub(crate) async fn call_hastily(mode: Mode, url: String) -> Answer {
    let limit = LIMIT;
    let caller = Caller::new(Options { limit, ..options() }).unwrap();
    let answer = Setup::new(mode, &url).call(&caller).await;
    assert!(answer.took >= LIMIT && answer.took < SOON, "{answer:?}");
    answer
}

/// The failure in it, and whether another call may help.
pub(crate) fn failed(answer: &Answer) -> (&Failure, bool) {
    match &answer.reply {
        Reply::Refused(failure) => (failure, false),
        Reply::Unavailable { failure, .. } => (failure, true),
        other => panic!("expected a failure, got {other:?}"),
    }
}

/// Asserts a failure that another call would not change.
pub(crate) fn assert_refused(answer: &Answer, kind: FailureKind, fragment: &str) {
    assert_failed(answer, kind, false, fragment);
}

/// Asserts a failure that another call may change.
pub(crate) fn assert_unavailable(answer: &Answer, kind: FailureKind, fragment: &str) {
    assert_failed(answer, kind, true, fragment);
}

fn assert_failed(answer: &Answer, kind: FailureKind, may_pass: bool, fragment: &str) {
    let (failure, unavailable) = failed(answer);
    assert_eq!((failure.kind, unavailable), (kind, may_pass), "{failure:?}");
    assert!(
        failure.message.contains(fragment),
        "{:?} lacks {fragment:?}",
        failure.message
    );
    assert!(!failure.message.contains("in-query"), "{failure:?}");
}
