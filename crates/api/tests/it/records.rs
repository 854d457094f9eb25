use std::{collections::BTreeMap, time::Duration};

use serde_json::{json, value::RawValue};
use triggerfish_api::ports::{
    RecordsError, RecordsFrom, RecordsPage, RecordsQuery, TopicRecord, Unavailable,
};
use triggerfish_core::Timestamp;

use crate::harness::Api;

fn record(value: Option<&str>, value_base64: Option<&str>) -> TopicRecord {
    TopicRecord {
        topic: "completions".into(),
        partition: 3,
        offset: 7,
        timestamp: Timestamp::EPOCH,
        key: Some("k".into()),
        value: value.map(|json| RawValue::from_string(json.to_owned()).unwrap()),
        value_base64: value_base64.map(str::to_owned),
        headers: BTreeMap::from([("ce_id".to_owned(), "x".to_owned())]),
    }
}

#[tokio::test]
async fn a_page_keeps_values_byte_for_byte() {
    let api = Api::new().await;
    api.shelf.answers.lock().push(Ok(RecordsPage {
        records: vec![
            record(Some(r#"{"b": 1.50, "a":1}"#), None),
            record(None, Some("//8=")),
        ],
        cursor: "4.2".into(),
    }));
    let reply = api
        .get("/topics/completions/records?from=3.1&limit=5&wait=7")
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let body = reply.json();
    assert_eq!(body["cursor"], "4.2");
    let first = json!({
        "topic": "completions", "partition": 3, "offset": 7,
        "timestamp": "1970-01-01T00:00:00.000000Z", "key": "k",
        "value": {"b": 1.5, "a": 1}, "headers": {"ce_id": "x"},
    });
    assert_eq!(body["records"][0], first);
    assert!(
        reply.text.contains(r#"{"b": 1.50, "a":1}"#),
        "{}",
        reply.text
    );
    assert_eq!(body["records"][1]["value"], json!(null));
    assert_eq!(body["records"][1]["valueBase64"], "//8=");
    let query = RecordsQuery {
        topic: "completions".into(),
        from: RecordsFrom::Cursor("3.1".into()),
        limit: 5,
        wait: Duration::from_secs(7),
    };
    assert_eq!(*api.shelf.queries.lock(), [query]);
}

#[tokio::test]
async fn it_reads_from_the_end_and_does_not_wait_unless_told() {
    let api = Api::new().await;
    for (query, from) in [
        ("", RecordsFrom::End),
        ("?from=end", RecordsFrom::End),
        ("?from=beginning", RecordsFrom::Beginning),
    ] {
        let reply = api.get(&format!("/topics/decisions/records{query}")).await;
        assert_eq!(reply.json(), json!({"records": [], "cursor": "0.0"}));
        let asked = api.shelf.queries.lock().pop().unwrap();
        assert_eq!((asked.from, asked.wait), (from, Duration::ZERO));
        assert_eq!(asked.limit, 100);
    }
}

#[tokio::test]
async fn bad_questions_and_bad_times() {
    let api = Api::new().await;
    for query in ["limit=0", "limit=1001", "limit=x", "wait=31", "wait=-1"] {
        let path = format!("/topics/completions/records?{query}");
        let error = api.get(&path).await.error(400);
        let name = query.split('=').next().unwrap();
        assert!(error.starts_with(name), "{error}");
    }
    assert!(api.shelf.queries.lock().is_empty());

    let answer = |error| api.shelf.answers.lock().push(Err(error));
    answer(RecordsError::UnknownTopic(
        "workers".into(),
        "completions".into(),
    ));
    let error = api.get("/topics/workers/records").await.error(404);
    assert!(error.contains("choose from completions"), "{error}");
    answer(RecordsError::Cursor);
    let error = api
        .get("/topics/completions/records?from=x")
        .await
        .error(400);
    assert!(error.contains("from=beginning"), "{error}");
    answer(RecordsError::Unavailable(Unavailable {
        retry_after: Duration::from_secs(2),
        reason: "the log is closed".into(),
    }));
    let reply = api.get("/topics/completions/records").await;
    reply.error(503);
    assert_eq!(reply.headers["retry-after"], "2");
}
