//! A stand-in for a platform, and receivers that do as they are told.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use triggerfish_tests::{Answer, Api, Reply, Service, Setup, Subscriber};

/// Slack for what a busy machine adds to an answer, where the exact figure is not the point.
pub(crate) const SLACK: Duration = Duration::from_millis(500);

/// A service whose API a platform talks to.
pub(crate) struct Platform {
    pub(crate) service: Service,
}

/// What the service answered, and how long that took.
pub(crate) struct Told {
    pub(crate) json: Value,
    pub(crate) took: Duration,
}

impl Platform {
    pub(crate) async fn new() -> Self {
        Self::with(Setup::new()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let service = setup.start().await;
        Self { service }
    }

    pub(crate) fn api(&self) -> &Api {
        &self.service.api
    }

    /// Sets a before-callback for apps up that expects 200; `extra` replaces fields.
    pub(crate) async fn before_callback(&self, name: &str, url: &str, extra: Value) -> String {
        let body = json!({"name": name, "timing": "BEFORE", "objectType": "app", "url": url, "expectedStatus": 200});
        callback(self.api(), body, extra).await
    }

    /// Sets an after-callback for apps up; `extra` replaces fields.
    pub(crate) async fn after_callback(&self, name: &str, url: &str, extra: Value) -> String {
        let body = json!({"name": name, "timing": "AFTER", "objectType": "app", "url": url});
        callback(self.api(), body, extra).await
    }

    /// Asks before the creation of an app; `extra` replaces fields.
    pub(crate) async fn ask(&self, extra: Value) -> Told {
        self.send("before", extra).await
    }

    /// Tells after the creation of an app; `extra` replaces fields.
    pub(crate) async fn tell(&self, extra: Value) -> Told {
        self.send("after", extra).await
    }

    async fn send(&self, timing: &str, extra: Value) -> Told {
        let began = Instant::now();
        let answer = post(self.api(), timing, extra).await.expect(200);
        let took = began.elapsed();
        let json = answer.json();
        Told { json, took }
    }

    /// The decision as it is recorded; a busy machine may not have told it in time.
    pub(crate) async fn decided(&self, told: &Value) -> Value {
        let path = format!("/object-events/v1/{}", told["id"].as_str().expect("an id"));
        triggerfish_tests::eventually("the decision is recorded", async || {
            let found = self.api().get(&path).await;
            (found.status == 200 && found.json()["final"] == true).then(|| found.json())
        })
        .await
    }

    /// The newest activations of a callback, once all of them have ended.
    pub(crate) async fn history(&self, callback: &str) -> Vec<Value> {
        let path = format!("/callbacks/v1/{callback}/activations");
        triggerfish_tests::eventually("all activations have ended", async || {
            let rows = self.api().get(&path).await.expect(200).json();
            let rows = rows.as_array().expect("a list").clone();
            let ended = rows.iter().all(|row| row["outcome"] != "PENDING");
            ended.then_some(rows)
        })
        .await
    }
}

/// Creates a callback; returns its id.
pub(crate) async fn callback(api: &Api, mut body: Value, extra: Value) -> String {
    replace(&mut body, &extra);
    let answer = api.post("/callbacks/v1", body.to_string()).await;
    let answer = answer.expect(201).json();
    answer["id"].as_str().expect("an id").to_owned()
}

/// Posts an object event about the creation of an app; `extra` replaces fields.
pub(crate) async fn post(api: &Api, timing: &str, extra: Value) -> Answer {
    let mut body = json!({
        "objectType": "app", "action": "CREATED", "user": "jdoe",
        "entity": {"id": 7, "name": "Store", "secret": "app-secret-4711"},
    });
    replace(&mut body, &extra);
    let path = format!("/object-events/v1/{timing}");
    api.post(&path, body.to_string()).await
}

fn replace(body: &mut Value, extra: &Value) {
    for (name, value) in extra.as_object().expect("an object") {
        body[name] = value.clone();
    }
}

/// A receiver that answers with `status`.
pub(crate) async fn answering(status: u16) -> Subscriber {
    Subscriber::always(Reply::json(status, format!("{{\"status\":{status}}}"))).await
}

/// A receiver that never answers.
pub(crate) async fn silent() -> Subscriber {
    Subscriber::always(Reply::Silence).await
}

/// An address where nobody listens.
pub(crate) fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    format!("http://{address}/hook")
}
