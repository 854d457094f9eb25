use axum::http::Method;
use serde_json::json;

use crate::harness::Api;

#[tokio::test]
async fn all_processes_are_listed() {
    let api = Api::new().await;
    for path in ["/workers/v1", "/v2026/workers"] {
        let reply = api.get(path).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let expected = json!([
            {
                "instance": "consumer-1", "roles": ["completion-consumer"], "version": "1.2.3",
                "started": "1970-01-01T00:00:00.000000Z", "secondsSinceHeard": 2,
                "partitions": [{
                    "partition": 7, "since": "1970-01-01T00:00:00.000000Z", "position": 10,
                    "lag": 1, "open": 3, "queued": null,
                }],
            },
            {
                "instance": "producer-1", "roles": ["producer"], "version": "1.2.3",
                "started": "1970-01-01T00:00:00.000000Z", "secondsSinceHeard": 2,
                "partitions": [],
            },
        ]);
        assert_eq!(reply.json(), expected, "{path}");
    }
}

#[tokio::test]
async fn it_takes_the_scope_for_reading_invocations() {
    let api = Api::new().await;
    let scope = "sp:trigger-service-invocation-status:read";
    for (scope, expected) in [(scope, 200), ("triggerfish:records:read", 403)] {
        let token = api.token_for("c", &[scope]).await;
        let reply = api.call_as(&token, Method::GET, "/workers/v1", None).await;
        assert_eq!(reply.status, expected, "{scope}");
    }
}
