//! An API to call, and what its tests share.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use triggerfish_api::{ALL_SCOPES, ApiState, Settings};
use triggerfish_core::{Secret, Timestamp, keys::ServerKeys};
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions};
use triggerfish_registry::{Client, Limits, Registry};

use crate::players::{Archive, Chronicle, Gatekeeper, Intake, Shelf, Staff};

/// The secret of all clients of these tests.
pub(crate) const SECRET: &str = "s3cret-of-the-client";

/// Where the tests' clock stands at first.
pub(crate) const NOW: &str = "2026-05-01T12:00:00Z";

/// Hashing is slow on purpose; once is enough.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let at = Timestamp::parse(NOW).unwrap();
    Client::new("x", "x", &Secret::new(SECRET), vec![], at).unwrap()
});

pub(crate) struct Api {
    pub(crate) intake: Arc<Intake>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) gate: Arc<Gatekeeper>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) registry: Registry,
    pub(crate) keys: ServerKeys,
    pub(crate) clock: Arc<AtomicI64>,
    router: Router,
    token: String,
    _folder: tempfile::TempDir,
    _log: EmbeddedLog,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Api {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(EmbeddedOptions::new(folder.path()))
            .await
            .unwrap();
        let keys = ServerKeys::new(&[vec![7; 32]]).unwrap();
        let limits = Limits::new(
            Duration::from_hours(48),
            Arc::new(|url: &str| {
                let is_http = url.starts_with("https://") || url.starts_with("http://");
                is_http.then_some(()).ok_or_else(|| "is not a URL".into())
            }),
        );
        let registry = Registry::open(&log, "registry".into(), keys.clone(), limits)
            .await
            .unwrap();
        let intake = Arc::new(Intake {
            keys: keys.clone(),
            starts: parking_lot::Mutex::default(),
            answers: parking_lot::Mutex::default(),
        });
        let archive = Arc::new(Archive::default());
        let gate = Arc::new(Gatekeeper::default());
        let shelf = Arc::new(Shelf::default());
        let clock = Arc::new(AtomicI64::new(Timestamp::parse(NOW).unwrap().as_micros()));
        let mut settings = Settings::default();
        change(&mut settings);
        let tells = Arc::clone(&clock);
        let router = triggerfish_api::router(ApiState {
            ingest: Arc::clone(&intake) as _,
            invocations: Arc::clone(&archive) as _,
            records: Arc::clone(&shelf) as _,
            timelines: Arc::new(Chronicle),
            gate: Arc::clone(&gate) as _,
            workers: Arc::new(Staff),
            dead_letters: Arc::clone(&shelf) as _,
            registry: registry.clone(),
            keys: keys.clone(),
            settings,
            clock: Arc::new(move || Timestamp::from_micros(tells.load(Ordering::SeqCst))),
            signing_secret: Arc::new(|id, generation| {
                Secret::new(format!("whsec_{id}_{generation}"))
            }),
        });
        let mut api = Self {
            intake,
            archive,
            gate,
            shelf,
            registry,
            keys,
            clock,
            router,
            token: String::new(),
            _folder: folder,
            _log: log,
        };
        api.token = api.token_for("all", &[ALL_SCOPES]).await;
        api
    }

    /// Makes a client with these scopes and gets it a token.
    pub(crate) async fn token_for(&self, id: &str, scopes: &[&str]) -> String {
        let client = Client {
            id: id.into(),
            name: id.to_uppercase(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            ..CLIENT.clone()
        };
        self.registry.put_client(client).await.unwrap();
        let body = format!("grant_type=client_credentials&client_id={id}&client_secret={SECRET}");
        let reply = self.form("/oauth/token", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        self.clock.fetch_add(micros, Ordering::SeqCst);
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// A request by the client that may do everything.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.call_as(&self.token, method, path, body).await
    }

    pub(crate) async fn call_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |json| json.to_string().into());
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(body)).await
    }

    /// A POST by the client that may do everything, with these headers and this text.
    pub(crate) async fn post_text(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut request =
            Request::post(path).header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.to_owned().into()).unwrap())
            .await
    }

    /// A urlencoded form, without a token.
    pub(crate) async fn form(&self, path: &str, body: &str) -> Reply {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.to_owned().into())
            .unwrap();
        self.send(request).await
    }

    /// Makes a subscription and says its id.
    pub(crate) async fn subscribe(&self, trigger_id: &str, name: &str) -> String {
        let body = json!({
            "name": name, "triggerId": trigger_id, "type": "HTTP",
            "httpConfig": {"url": "https://subscriber.example.com", "httpDispatchMode": "ASYNC"}
        });
        let reply = self.post("/v2026/trigger-subscriptions", body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.json()["id"].as_str().unwrap().to_owned()
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(
            self.headers["content-type"], "application/json",
            "{}",
            self.text
        );
        serde_json::from_str(&self.text).unwrap()
    }

    /// Checks an answer with an `ErrorResponseDto` and gives its text for people.
    pub(crate) fn error(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        let body = self.json();
        let detail = body["detailCode"].as_str().unwrap();
        assert!(detail.starts_with(&status.to_string()), "{detail}");
        let tracking_id = body["trackingId"].as_str().unwrap();
        assert_eq!(tracking_id.len(), 32);
        assert!(tracking_id.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_eq!(self.headers["x-tracking-id"], tracking_id);
        assert!(body["causes"].is_array());
        let message = &body["messages"][0];
        assert_eq!(message["locale"], "en-US");
        assert_eq!(message["localeOrigin"], "DEFAULT");
        message["text"].as_str().unwrap().to_owned()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", self.text);
        let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
        self.json().as_array().unwrap().iter().map(id).collect()
    }
}

/// A path under every prefix, and in the form with `/v1` behind the resource.
pub(crate) fn forms(resource: &str, rest: &str) -> Vec<String> {
    let mut paths = vec![format!("/{resource}/v1{rest}")];
    for prefix in ["beta", "v2024", "v2025", "v2026", "v3"] {
        paths.push(format!("/{prefix}/{resource}{rest}"));
    }
    paths
}

/// Percent-encodes what goes into a query string.
pub(crate) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
