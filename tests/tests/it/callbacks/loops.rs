//! A callback whose own calls to the platform raise the same event.

use std::sync::Arc;

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use triggerfish_tests::{Api, Reply, Setup, Subscriber, service::CLIENT};

use super::platform::Platform;

#[tokio::test]
async fn is_stopped_at_the_limit_and_the_history_says_so() {
    let platform = Platform::with(Setup::new().set("delivery.max_depth", "3")).await;
    let base = platform.api().url("");
    let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
    let notes = Arc::clone(&heard);
    let receiver = Subscriber::start(move |call| {
        let (base, notes) = (base.clone(), Arc::clone(&notes));
        async move {
            // The platform passes the depth on, as it is asked to.
            let api = Api::new(&base, CLIENT);
            let depth = call.header("triggerfish-depth").to_owned();
            let headers = [("triggerfish-depth", depth.as_str())];
            let body = json!({"objectType": "app", "action": "UPDATED", "entity": {"id": 7}});
            let told = api
                .call(
                    Method::POST,
                    "/object-events/v1/before",
                    &headers,
                    body.to_string(),
                )
                .await;
            notes.lock().push(told.expect(200).json());
            Reply::status(200)
        }
    })
    .await;
    let extra = json!({"timeoutMs": 9000, "failurePolicy": "ALLOW"});
    let id = platform
        .before_callback("loop", &receiver.url(), extra)
        .await;
    let told = platform.ask(json!({"budgetMs": 9000})).await.json;
    assert_eq!(told["decision"], "ALLOW", "its own call came back");
    let heard = heard.lock().clone();
    let deepest = heard
        .iter()
        .find(|told| told["depth"] == 4)
        .expect("the last one");
    assert_eq!(deepest["decision"], "DENY");
    assert!(
        deepest["reason"].as_str().unwrap().contains("loop guard"),
        "{deepest}"
    );
    assert_eq!(receiver.count(), 4, "depths 0 to 3 are called");
    let history = platform.history(&id).await;
    assert_eq!(history.len(), 5);
    assert_eq!(
        (&history[0]["outcome"], &history[0]["httpStatus"]),
        (&json!("STOPPED"), &Value::Null)
    );
    assert!(history[0]["error"].as_str().unwrap().contains("loop guard"));
}
