//! A small client of the HTTP API.

use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use reqwest::{Method, header::HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::eventually;

/// Talks to one service as one API client.
pub struct Api {
    http: reqwest::Client,
    base: String,
    login: (String, String),
    token: Mutex<Option<String>>,
}

/// What the service answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// An invocation that was started.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// Its id.
    pub id: String,
    /// What completes it.
    pub secret: String,
    /// Its trigger.
    pub trigger_id: String,
}

impl Answer {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What an error says to people.
    #[must_use]
    pub fn message(&self) -> String {
        self.json()["messages"][0]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// How long the service asks to wait before the same is tried again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get("retry-after")?.to_str().ok()?;
        seconds.parse().ok().map(Duration::from_secs)
    }

    /// This answer, if it has the status.
    ///
    /// # Panics
    /// If it has another.
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The invocations that were started; none with a 204.
    ///
    /// # Panics
    /// If it is another answer.
    #[must_use]
    pub fn started(self) -> Vec<Started> {
        if self.status == 204 {
            return vec![];
        }
        let answer = self.expect(200);
        serde_json::from_slice(&answer.body).expect("started invocations")
    }
}

/// An HTTP client without a pool limit and with a generous timeout.
///
/// # Panics
/// If the system has no TLS provider or no sockets.
#[must_use]
pub fn http() -> reqwest::Client {
    // Fails when another test was faster.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .no_proxy();
    builder.build().expect("an HTTP client can be made")
}

/// A body of a test or start operation; `input` and `content` are JSON texts, sent byte
/// for byte.
#[must_use]
pub fn start_body(trigger: &str, input: &str, content: &str) -> String {
    format!(r#"{{"triggerId":"{trigger}","input":{input},"contentJson":{content}}}"#)
}

impl Api {
    /// A client of the service at `base` with this id and secret.
    #[must_use]
    pub fn new(base: &str, (id, secret): (&str, &str)) -> Self {
        Self {
            http: http(),
            base: base.to_owned(),
            login: (id.to_owned(), secret.to_owned()),
            token: Mutex::new(None),
        }
    }

    /// The address of `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A token of this client, asked for once.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn token(&self) -> String {
        if let Some(token) = self.token.lock().clone() {
            return token;
        }
        let (id, secret) = &self.login;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id.as_str()),
            ("client_secret", secret.as_str()),
        ];
        let request = self.http.post(self.url("/oauth/token")).form(&form);
        let answer = answer(request)
            .await
            .expect("the token endpoint answers")
            .expect(200);
        let token = answer.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned();
        *self.token.lock() = Some(token.clone());
        token
    }

    /// Any request, with a token and these headers; `None` if there is no answer.
    pub async fn try_call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Option<Answer> {
        let token = self.token().await;
        let mut request = self
            .http
            .request(method, self.url(path))
            .bearer_auth(token)
            .body(body);
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).await
    }

    /// Any request, with a token and these headers.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let what = format!("{method} {path} is answered");
        self.try_call(method, path, headers, body)
            .await
            .expect(&what)
    }

    /// `GET` without a token; `None` if nobody answers.
    pub async fn try_get(&self, path: &str) -> Option<Answer> {
        answer(self.http.get(self.url(path))).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], "").await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.call(Method::POST, path, &[], body).await
    }

    /// Declares a trigger that takes and gives any object; its type is `REQUEST_RESPONSE`
    /// or `FIRE_AND_FORGET`.
    pub async fn put_trigger(&self, id: &str, trigger_type: &str) {
        let mut trigger = json!({
            "name": id, "type": trigger_type,
            "inputSchema": {"type": "object"}, "exampleInput": {"example": true},
        });
        if trigger_type == "REQUEST_RESPONSE" {
            trigger["outputSchema"] = json!({"type": "object"});
            trigger["exampleOutput"] = json!({});
        }
        let path = format!("/triggers/v1/{id}");
        let answer = self
            .call(Method::PUT, &path, &[], trigger.to_string())
            .await;
        drop(answer.expect(200));
    }

    /// Creates an HTTP subscription of `trigger`; `extra` is merged into its body.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn subscribe(&self, trigger: &str, url: &str, mode: &str, extra: Value) -> String {
        let mut body = json!({
            "name": format!("{mode} of {trigger}"), "triggerId": trigger, "type": "HTTP",
            "httpConfig": {"url": url, "httpDispatchMode": mode},
        });
        merge(&mut body, extra);
        let answer = self
            .post("/trigger-subscriptions/v1", body.to_string())
            .await
            .expect(201);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Starts real invocations; the texts are sent byte for byte.
    pub async fn start(&self, trigger: &str, input: &str, content: &str) -> Vec<Started> {
        let body = start_body(trigger, input, content);
        self.post("/trigger-invocations/v1/start", body)
            .await
            .started()
    }

    /// Starts the one invocation that is expected.
    ///
    /// # Panics
    /// If it is none or several.
    pub async fn start_one(&self, trigger: &str, input: &str, content: &str) -> Started {
        let mut started = self.start(trigger, input, content).await;
        assert_eq!(started.len(), 1, "{started:?}");
        started.remove(0)
    }

    /// Posts a result without a token, as subscribers do.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn complete(&self, id: &str, body: Value) -> Answer {
        let url = self.url(&format!("/beta/trigger-invocations/{id}/complete"));
        let request = self
            .http
            .post(url)
            .header("content-type", "application/json");
        answer(request.body(body.to_string()))
            .await
            .expect("the callback is answered")
    }

    /// Everything about an invocation.
    pub async fn invocation(&self, id: &str) -> Value {
        self.get(&format!("/trigger-invocations/v1/{id}"))
            .await
            .expect(200)
            .json()
    }

    /// Waits until the invocation is in `phase` and returns everything about it.
    pub async fn in_phase(&self, id: &str, phase: &str) -> Value {
        eventually(format!("invocation {id} is {phase}"), async || {
            let found = self.invocation(id).await;
            (found["phase"] == phase).then_some(found)
        })
        .await
    }

    /// Waits until the invocation has an outcome and returns everything about it.
    pub async fn closed(&self, id: &str) -> Value {
        self.in_phase(id, "CLOSED").await
    }
}

/// Sends the request; `None` if there is no whole answer.
pub async fn answer(request: reqwest::RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.ok()?;
    Some(Answer {
        status,
        headers,
        body,
    })
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (into, more) => *into = more,
    }
}
