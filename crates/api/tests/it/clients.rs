use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Api, encoded, forms};

#[tokio::test]
async fn a_client_works_from_creation_to_deletion() {
    let api = Api::new().await;
    for path in forms("api-clients", "") {
        let body = json!({"name": "HR", "scopes": ["sp:trigger-service-subscriptions:read"]});
        let reply = api.post(&path, body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        assert_eq!(reply.headers["cache-control"], "no-store");
        let made = reply.json();
        let (id, secret) = (
            made["id"].as_str().unwrap(),
            made["secret"].as_str().unwrap(),
        );
        assert_eq!((id.len(), secret.len()), (32, 64));

        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let token = api.form("/oauth/token", &form).await.json();
        let token = token["access_token"].as_str().unwrap();
        let list = || api.call_as(token, Method::GET, "/beta/triggers", None);
        assert_eq!(list().await.status, 200);

        let one = format!("{path}/{id}");
        let shown = api.get(&one).await;
        let expected = json!({"id": id, "name": "HR",
            "scopes": ["sp:trigger-service-subscriptions:read"], "created": made["created"]});
        assert_eq!(shown.json(), expected);
        let filter = encoded(&format!("id eq \"{id}\""));
        let found = api.get(&format!("{path}?filters={filter}")).await;
        assert_eq!(found.json(), json!([expected]));
        assert!(!found.text.contains(secret) && !found.text.contains("argon2"));

        assert_eq!(api.call(Method::DELETE, &one, None).await.status, 204);
        assert_eq!(list().await.status, 401);
        assert_eq!(api.form("/oauth/token", &form).await.status, 401);
        api.get(&one).await.error(404);
        api.call(Method::DELETE, &one, None).await.error(404);
    }
}

#[tokio::test]
async fn bad_clients_are_refused() {
    let api = Api::new().await;
    for (body, part) in [
        (json!({"scopes": ["sp:scopes:all"]}), "name"),
        (json!({"name": " ", "scopes": ["sp:scopes:all"]}), "name"),
        (json!({"name": "n"}), "scopes"),
        (json!({"name": "n", "scopes": []}), "scopes"),
        (
            json!({"name": "n", "scopes": ["sp:scopes:all", "nope"]}),
            "scopes[1]",
        ),
        (Value::Null, "request body"),
    ] {
        let error = api.post("/beta/api-clients", body).await.error(400);
        assert!(error.contains(part), "{error}");
    }
}
