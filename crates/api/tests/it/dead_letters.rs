use serde_json::json;
use triggerfish_api::ports::{DeadLetterView, HeaderView, Place, Redrive};
use triggerfish_core::Timestamp;

use crate::harness::Api;

#[tokio::test]
async fn a_letter_is_shown_byte_for_byte() {
    let api = Api::new().await;
    let letter = DeadLetterView {
        place: "0@12".into(),
        written: Timestamp::EPOCH.to_string(),
        reason: "not an event".into(),
        topic: "trigger-events".into(),
        partition: 3,
        offset: 7,
        timestamp: Timestamp::EPOCH.to_string(),
        cut_from: None,
        key_base64: None,
        value_base64: Some("/w==".into()),
        headers: vec![HeaderView {
            name: "a".into(),
            value_base64: "Yg==".into(),
        }],
    };
    api.shelf.letters.lock().push(letter);
    let reply = api.get("/dead-letters/v1/0@12").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(
        reply.json(),
        json!({
            "place": "0@12", "written": "1970-01-01T00:00:00.000000Z", "reason": "not an event",
            "topic": "trigger-events", "partition": 3, "offset": 7,
            "timestamp": "1970-01-01T00:00:00.000000Z", "keyBase64": null, "valueBase64": "/w==",
            "headers": [{"name": "a", "valueBase64": "Yg=="}],
        })
    );
    let error = api.get("/dead-letters/v1/0@13").await.error(404);
    assert!(error.contains("0@13"), "{error}");
    for bad in ["12", "0@", "x@1", "0@-1"] {
        let error = api.get(&format!("/dead-letters/v1/{bad}")).await.error(400);
        assert!(error.contains("partition@offset"), "{error}");
    }
}

#[tokio::test]
async fn letters_are_put_back_by_their_places() {
    let api = Api::new().await;
    let path = "/dead-letters/v1/redrive";
    let reply = api.post(path, json!({"places": ["0@0", "0@9"]})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(
        reply.json(),
        json!([
            {"place": "0@0", "topic": null, "refused": "no"},
            {"place": "0@9", "topic": "trigger-events", "refused": null},
        ])
    );
    let place = |offset| Place {
        partition: 0,
        offset,
    };
    let asked = Redrive {
        places: vec![place(0), place(9)],
        dry_run: false,
    };
    assert_eq!(*api.shelf.redrives.lock(), [asked]);
    let dry = json!({"places": ["0@9"], "dryRun": true});
    assert_eq!(api.post(path, dry).await.status, 200);
    assert!(api.shelf.redrives.lock()[1].dry_run);
    for (body, said) in [
        (json!({"places": []}), "1 to 1000"),
        (json!({"places": vec!["0@1"; 1001]}), "1 to 1000"),
        (json!({"places": ["nine"]}), "partition@offset"),
        (json!({}), "places"),
    ] {
        let error = api.post(path, body).await.error(400);
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(api.shelf.redrives.lock().len(), 2);
}
