//! Whatever comes in, the answer is a proper one and nobody's fault but the
//! sender's.

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request},
};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::harness::{Api, encoded};

const PATHS: [&str; 23] = [
    "/triggers/v1",
    "/beta/triggers/{}",
    "/v2024/trigger-subscriptions",
    "/v2025/trigger-subscriptions/{}",
    "/v2025/trigger-subscriptions/018f0000-0000-7000-8000-000000000000",
    "/v2026/trigger-subscriptions/validate-filter",
    "/v3/trigger-subscriptions/{}/rotate-signing-secret",
    "/trigger-invocations/v1",
    "/trigger-invocations/v1/status",
    "/beta/trigger-invocations/pending-events",
    "/beta/trigger-invocations/test",
    "/beta/trigger-invocations/start",
    "/beta/trigger-invocations/{}",
    "/beta/trigger-invocations/{}/complete",
    "/beta/api-clients",
    "/beta/api-clients/{}",
    "/cloudevents",
    "/topics/{}/records",
    "/dead-letters/v1/{}",
    "/dead-letters/v1/redrive",
    "/oauth/token",
    "/openapi.json",
    "/{}",
];

const CONTENT_TYPES: [&str; 8] = [
    "application/json",
    "application/json-patch+json",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=B",
    "multipart/form-data",
    "text/plain",
];

/// Bodies that come some way: random bytes, and JSON with names that mean something.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-1e400".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        "[a-z:/$.]{0,8}".prop_map(|text| format!("{text:?}")),
        Just("\"test:request-response\"".to_owned()),
        Just("\"HTTP\"".to_owned()),
        Just("\"\\ud800\"".to_owned()),
    ];
    let name = prop::sample::select(vec![
        "name",
        "triggerId",
        "type",
        "httpConfig",
        "url",
        "enabled",
        "filter",
        "input",
        "contentJson",
        "subscriptionIds",
        "secret",
        "output",
        "error",
        "op",
        "path",
        "value",
        "specversion",
        "id",
        "source",
        "data",
        "scopes",
        "inputSchema",
        "exampleInput",
    ]);
    let json = leaf.prop_recursive(4, 32, 8, move |inner| {
        let member =
            (name.clone(), inner.clone()).prop_map(|(name, value)| format!("{name:?}:{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..8)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    });
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200),
        4 => json.prop_map(String::into_bytes),
    ]
}

/// One request, in parts.
#[derive(Clone, Debug)]
struct Case {
    path: &'static str,
    method: Method,
    content_type: &'static str,
    segment: String,
    query: Option<(&'static str, String)>,
    header: Vec<u8>,
    body: Vec<u8>,
}

fn case() -> impl Strategy<Value = Case> {
    let methods = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let parameters = ["filters", "sorters", "limit", "offset", "count"];
    let query = (prop::sample::select(parameters.to_vec()), ".{0,40}");
    let parts = (
        prop::sample::select(PATHS.to_vec()),
        prop::sample::select(methods.to_vec()),
        prop::sample::select(CONTENT_TYPES.to_vec()),
        prop_oneof![".{0,20}", "[a-z:0-9-]{1,40}"],
        prop::option::of(query),
        prop::collection::vec(any::<u8>(), 0..30),
        body(),
    );
    parts.prop_map(
        |(path, method, content_type, segment, query, header, body)| Case {
            path,
            method,
            content_type,
            segment,
            query,
            header,
            body,
        },
    )
}

impl Case {
    fn request(self, token: &str) -> Request<Body> {
        let mut uri = self.path.replace("{}", &encoded(&self.segment));
        if let Some((name, value)) = self.query {
            uri = format!("{uri}?{name}={}", encoded(&value));
        }
        let mut builder = Request::builder()
            .method(self.method)
            .uri(&uri)
            .header("content-type", self.content_type);
        if self.path != "/oauth/token" {
            builder = builder.header("authorization", format!("Bearer {token}"));
        }
        if let Ok(value) = HeaderValue::from_bytes(&self.header) {
            for name in [
                "traceparent",
                "triggerfish-depth",
                "idempotency-key",
                "ce-id",
                "ce-type",
            ] {
                builder = builder.header(name, value.clone());
            }
        }
        builder.body(self.body.into()).unwrap()
    }
}

/// Without the scope for clients: making them hashes, which takes long.
const SCOPES: [&str; 6] = [
    "sp:trigger-service-subscriptions:manage",
    "sp:trigger-service-invocation-status:manage",
    "triggerfish:invocations:start",
    "triggerfish:triggers:manage",
    "triggerfish:records:read",
    "triggerfish:dead-letters:redrive",
];

#[test]
fn no_input_makes_a_server_error() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (api, token) = runtime.block_on(async {
        let api = Api::with(|settings| settings.body_bytes_max = 4096).await;
        let token = api.token_for("fuzz", &SCOPES).await;
        (api, token)
    });
    let config = ProptestConfig {
        cases: 600,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&case(), |case| {
        let reply = runtime.block_on(api.send(case.request(&token)));
        prop_assert!(!reply.status.is_server_error(), "{}", reply.text);
        prop_assert!(reply.headers.contains_key("x-tracking-id"));
        if !reply.text.is_empty() {
            prop_assert_eq!(&reply.headers["content-type"], "application/json");
        }
        Ok(())
    });
    outcome.unwrap();
}
