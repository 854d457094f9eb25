//! A valid request for every operation of the API's description.

use reqwest::Method;
use serde_json::{Value, json};
use triggerfish_tests::Started;

use super::{Request, SECRET};
use crate::scene::TRIGGER;

const PAGE: &str = "limit=10&offset=0&count=true";

/// What the valid requests are about.
pub(super) struct Known {
    pub(super) subscription: String,
    pub(super) open: Started,
    pub(super) client: String,
    pub(super) callback: String,
}

/// A valid request for every operation of the API's description.
pub(super) fn valid(operation: &str, known: &Known) -> Request {
    if operation == "createToken" {
        let form = format!("grant_type=client_credentials&client_id=x&client_secret={SECRET}");
        return Request {
            method: Method::POST,
            path: "/oauth/token".into(),
            query: String::new(),
            headers: vec![(
                "content-type".into(),
                "application/x-www-form-urlencoded".into(),
            )],
            body: form.into_bytes(),
        };
    }
    let (path, body) = valid_body(operation, known);
    let (path, query) = path.split_once('?').unwrap_or((&*path, ""));
    let method = match operation {
        name if name.starts_with("list") || name.starts_with("get") => Method::GET,
        name if name.starts_with("delete") => Method::DELETE,
        name if name.starts_with("patch") => Method::PATCH,
        name if name.starts_with("update") || name.starts_with("put") => Method::PUT,
        _ => Method::POST,
    };
    let content_type = match operation {
        name if name.starts_with("patch") => "application/json-patch+json",
        "sendCloudEvents" => "application/cloudevents+json",
        _ => "application/json",
    };
    Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![("content-type".into(), content_type.into())],
        body: body.into_bytes(),
    }
}

/// Path and body.
fn valid_body(operation: &str, known: &Known) -> (String, String) {
    let found = of_registry(operation, known)
        .or_else(|| of_callbacks(operation, known))
        .or_else(|| of_invocations(operation, known));
    let (path, body) =
        found.unwrap_or_else(|| panic!("a new operation {operation}: add a valid request for it"));
    (path, body.map_or_else(String::new, |body| body.to_string()))
}

type PathAndBody = (String, Option<Value>);

fn of_registry(operation: &str, known: &Known) -> Option<PathAndBody> {
    let nobody = "01a205f7-02c1-7aa4-b7b9-a3ba303a888c";
    let Known {
        subscription,
        client,
        ..
    } = known;
    let found = match operation {
        "listTriggersV1" => (
            format!("/triggers/v1?{PAGE}&sorters=-id&filters=id%20ge%20%22a%22"),
            None,
        ),
        "getTriggerV1" => (format!("/beta/triggers/{TRIGGER}"), None),
        "putTriggerV1" => ("/v2025/triggers/acme:own".into(), Some(trigger_body())),
        "deleteTriggerV1" => ("/triggers/v1/acme:own".into(), None),
        "listSubscriptionsV1" => {
            let filter = "sorters=triggerId&filters=type%20eq%20%22HTTP%22";
            (
                format!("/v2024/trigger-subscriptions?{PAGE}&{filter}"),
                None,
            )
        }
        "createSubscriptionV1" => (
            "/trigger-subscriptions/v1".into(),
            Some(subscription_body()),
        ),
        "getSubscriptionV1" => (format!("/trigger-subscriptions/v1/{subscription}"), None),
        "updateSubscriptionV1" => (
            format!("/v2026/trigger-subscriptions/{subscription}"),
            Some(subscription_body()),
        ),
        "patchSubscriptionV1" => {
            let changes = json!([
                {"op": "replace", "path": "/name", "value": "m"},
                {"op": "add", "path": "/httpConfig/bearerTokenAuthConfig",
                    "value": {"bearerToken": SECRET}},
                {"op": "copy", "from": "/name", "path": "/description"},
            ]);
            (
                format!("/beta/trigger-subscriptions/{subscription}"),
                Some(changes),
            )
        }
        "deleteSubscriptionV1" => (format!("/trigger-subscriptions/v1/{nobody}"), None),
        "testSubscriptionFilterV1" => (
            "/trigger-subscriptions/v1/validate-filter".into(),
            Some(json!({"input": {"a": [1, "x"]}, "filter": "$.a[?(@ =~ /x.*/i)]"})),
        ),
        "rotateSigningSecretV1" => (
            format!("/trigger-subscriptions/v1/{subscription}/rotate-signing-secret"),
            None,
        ),
        "listWorkersV1" => ("/workers/v1".into(), None),
        "listApiClientsV1" => (format!("/api-clients/v1?{PAGE}"), None),
        "createApiClientV1" => (
            "/api-clients/v1".into(),
            Some(json!({"name": "c", "scopes": ["triggerfish:invocations:start"]})),
        ),
        "getApiClientV1" => (format!("/api-clients/v1/{client}"), None),
        "deleteApiClientV1" => ("/api-clients/v1/nobody".into(), None),
        _ => return None,
    };
    Some(found)
}

fn of_callbacks(operation: &str, known: &Known) -> Option<PathAndBody> {
    let nobody = "01a205f7-02c1-7aa4-b7b9-a3ba303a888c";
    let callback = &known.callback;
    let found = match operation {
        "listObjectTypesV1" => (
            format!("/object-types/v1?{PAGE}&sorters=-id&filters=name%20sw%20%22a%22"),
            None,
        ),
        "getObjectTypeV1" => ("/beta/object-types/app".into(), None),
        "putObjectTypeV1" => (
            "/v2025/object-types/invoice".into(),
            Some(json!({"name": "n", "entity": "Invoice", "description": "d",
                "example": {"id": 1, "lines": [{"a": null}]}})),
        ),
        "deleteObjectTypeV1" => ("/object-types/v1/nothing".into(), None),
        "listCallbacksV1" => {
            let filter = "sorters=timing,-created&filters=enabled%20eq%20true";
            (format!("/v2024/callbacks?{PAGE}&{filter}"), None)
        }
        "createCallbackV1" => ("/callbacks/v1".into(), Some(callback_body())),
        "getCallbackV1" => (format!("/callbacks/v1/{callback}"), None),
        "updateCallbackV1" => (
            format!("/v2026/callbacks/{callback}"),
            Some(callback_body()),
        ),
        "patchCallbackV1" => {
            let changes = json!([
                {"op": "replace", "path": "/authentication",
                    "value": {"type": "BEARER_TOKEN", "bearerToken": SECRET}},
                {"op": "add", "path": "/requestHeaders/x-b", "value": "1"},
                {"op": "copy", "from": "/name", "path": "/description"},
            ]);
            (format!("/beta/callbacks/{callback}"), Some(changes))
        }
        "deleteCallbackV1" => (format!("/callbacks/v1/{nobody}"), None),
        "rotateCallbackSigningSecretV1" => (
            format!("/callbacks/v1/{callback}/rotate-signing-secret"),
            None,
        ),
        _ => return None,
    };
    Some(found)
}

fn of_invocations(operation: &str, known: &Known) -> Option<PathAndBody> {
    let open = &known.open.id;
    let start = json!({"triggerId": TRIGGER, "input": {"a": "b"}, "contentJson": {"c": [1, null]}});
    let found = match operation {
        "listTriggerInvocationStatusV1" => {
            let filter = format!("sorters=-created&filters=triggerId%20eq%20%22{TRIGGER}%22");
            (
                format!("/trigger-invocations/v1/status?{PAGE}&{filter}"),
                None,
            )
        }
        "listTriggerInvocationsV1" => (format!("/v2025/trigger-invocations?{PAGE}"), None),
        "listPendingEventsV1" => (
            format!("/trigger-invocations/v1/pending-events?{PAGE}"),
            None,
        ),
        "getTriggerInvocationV1" => (format!("/trigger-invocations/v1/{open}"), None),
        "getTriggerInvocationTimelineV1" => {
            (format!("/trigger-invocations/v1/{open}/timeline"), None)
        }
        "resendTriggerInvocationV1" => (format!("/v3/trigger-invocations/{open}/resend"), None),
        "listActivityV1" => (
            format!("/activity/v1?limit=5&state=OPEN&type=TEST&text=x&triggerId={TRIGGER}"),
            None,
        ),
        "getOverviewV1" => ("/overview/v1".into(), None),
        "startInvocationV1" => ("/trigger-invocations/v1/start".into(), Some(start)),
        "startTestTriggerInvocationV1" => ("/beta/trigger-invocations/test".into(), Some(start)),
        "completeTriggerInvocationV1" => (
            format!("/beta/trigger-invocations/{open}/complete"),
            Some(json!({"secret": SECRET, "output": {"a": 1}, "error": "e"})),
        ),
        "sendCloudEvents" => (
            "/cloudevents".into(),
            Some(
                json!({"specversion": "1.0", "id": "i", "source": "/s", "type": TRIGGER,
                "time": "2026-01-01T00:00:00Z", "partitionkey": "k", "data": {"a": 1}}),
            ),
        ),
        "listRecords" => (
            "/topics/completions/records?from=beginning&limit=5&wait=0".into(),
            None,
        ),
        "askBeforeActionV1" => ("/object-events/v1/before".into(), Some(object_event())),
        "tellAfterActionV1" => ("/v2026/object-events/after".into(), Some(object_event())),
        "getObjectEventV1" => (format!("/object-events/v1/{open}"), None),
        "listCallbackActivationsV1" => {
            let nobody = "01a205f7-02c1-7aa4-b7b9-a3ba303a888c";
            let filter = "filters=outcome%20eq%20%22DENIED%22";
            (
                format!("/callbacks/v1/{nobody}/activations?{PAGE}&{filter}"),
                None,
            )
        }
        "getDeadLetter" => ("/dead-letters/v1/0@0".into(), None),
        "redriveDeadLetters" => (
            "/dead-letters/v1/redrive".into(),
            Some(json!({"places": ["0@0", "0@7"], "dryRun": true})),
        ),
        _ => return None,
    };
    Some(found)
}

fn object_event() -> Value {
    json!({
        "objectType": "app", "action": "CREATED", "entity": {"id": 7},
        "user": "u", "objectId": "7", "budgetMs": 500, "waitMs": 0, "test": true,
    })
}

fn subscription_body() -> Value {
    json!({
        "name": "n", "description": "d", "triggerId": TRIGGER, "type": "HTTP",
        "responseDeadline": "PT1H", "enabled": true, "filter": "$[?($.a == \"b\")]",
        "httpConfig": {
            "url": "http://127.0.0.1:9/hook", "httpDispatchMode": "SYNC",
            "httpAuthenticationType": "BASIC_AUTH",
            "basicAuthConfig": {"userName": "u", "password": SECRET},
            "bearerTokenAuthConfig": {"bearerToken": SECRET},
        },
        "delivery": {"ordering": "key", "maxInFlight": 3,
            "retry": {"maxAttempts": 2, "initialDelayMs": 5, "maxDelayMs": 10}},
    })
}

/// A callback that may block apps.
pub(super) fn callback_body() -> Value {
    json!({
        "name": "n", "description": "d", "timing": "BEFORE", "objectType": "app",
        "url": "http://127.0.0.1:9/hook", "expectedStatus": 200, "enabled": true,
        "authentication": {"type": "BASIC_AUTH", "userName": "u", "password": SECRET},
        "requestHeaders": {"action": "CREATED,UPDATED", "x-tenant": "acme"},
        "timeoutMs": 2000, "failurePolicy": "ALLOW",
    })
}

fn trigger_body() -> Value {
    json!({
        "name": "t", "type": "REQUEST_RESPONSE", "description": "d",
        "inputSchema": {"type": "object", "properties": {"a": {"type": "string"}}},
        "exampleInput": {"a": "x"}, "outputSchema": {"type": "object"}, "exampleOutput": {},
    })
}
