use serde_json::{Value, json};

use crate::harness::{Api, forms};

#[tokio::test]
async fn verdicts() {
    let api = Api::new().await;
    let input = json!({"identity": {"id": "7"}, "flag": false});
    for (filter, valid, json_path, exists) in [
        (r#"$[?($.identity.id == "7")]"#, true, true, true),
        (r#"$[?($.identity.id == "8")]"#, false, true, false),
        ("$.flag", false, true, true),
        ("$.nope", false, true, false),
        ("$[?(", false, false, false),
        ("", false, false, false),
    ] {
        for path in forms("trigger-subscriptions", "/validate-filter") {
            let reply = api
                .post(&path, json!({"input": input, "filter": filter}))
                .await;
            assert_eq!(reply.status, 200);
            let expected =
                json!({"isValid": valid, "isValidJSONPath": json_path, "isPathExist": exists});
            assert_eq!(reply.json(), expected, "{filter}");
        }
    }
}

#[tokio::test]
async fn both_fields_are_needed() {
    let api = Api::new().await;
    for (body, name) in [
        (json!({"input": {}}), "filter"),
        (json!({"filter": "$"}), "input"),
        (json!({"filter": "$", "input": []}), "input"),
        (json!({"filter": Value::Null, "input": {}}), "filter"),
    ] {
        let error = api
            .post("/beta/trigger-subscriptions/validate-filter", body)
            .await
            .error(400);
        assert!(error.contains(name), "{error}");
    }
}
