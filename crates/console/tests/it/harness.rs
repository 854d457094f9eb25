//! A console to call, and what its tests share.

use std::{
    net::SocketAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Json, Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode},
    routing::any,
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use triggerfish_api::SignedIn;
use triggerfish_console::{Console, Settings, mount};
use triggerfish_core::{Secret, Timestamp, keys::ServerKeys};
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions};
use triggerfish_registry::{Client, Limits, Registry};

pub(crate) const ADMIN: &str = "correct-horse-battery";
pub(crate) const VIEWER: &str = "only-looking-around";
pub(crate) const CLIENT_SECRET: &str = "s3cret-of-the-client";
const NOW: &str = "2026-05-01T12:00:00Z";

/// Hashing is slow on purpose; once is enough.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let at = Timestamp::parse(NOW).unwrap();
    Client::new("x", "x", &Secret::new(CLIENT_SECRET), vec![], at).unwrap()
});

pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) keys: ServerKeys,
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<AtomicI64>,
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

impl Setup {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(EmbeddedOptions::new(folder.path()))
            .await
            .unwrap();
        let keys = ServerKeys::new(&[vec![7; 32]]).unwrap();
        let limits = Limits::new(Duration::from_hours(48), Arc::new(|_: &str| Ok(())));
        let registry = Registry::open(&log, "registry".into(), keys.clone(), limits)
            .await
            .unwrap();
        let settings = Settings {
            public_url: "http://127.0.0.1:8080".into(),
            admin_password: Some(Secret::new(ADMIN)),
            viewer_password: Some(Secret::new(VIEWER)),
            session_lifetime: Duration::from_hours(12),
            session_idle: Duration::from_hours(1),
        };
        Self {
            settings,
            keys,
            registry,
            clock: Arc::new(AtomicI64::new(Timestamp::parse(NOW).unwrap().as_micros())),
            _folder: folder,
            _log: log,
        }
    }

    /// A process with the console before an API that answers with its caller.
    pub(crate) fn process(&self) -> Process {
        let tells = Arc::clone(&self.clock);
        let console = Console {
            registry: self.registry.clone(),
            keys: self.keys.clone(),
            settings: self.settings.clone(),
            clock: Arc::new(move || Timestamp::from_micros(tells.load(Ordering::SeqCst))),
        };
        let api = Router::new()
            .route("/api", any(caller))
            .fallback(|| async { (StatusCode::NOT_FOUND, "the API knows no such path") });
        Process(mount(api, console))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        self.clock.fetch_add(micros, Ordering::SeqCst);
    }

    pub(crate) async fn client(&self, id: &str, scopes: &[&str]) {
        let client = Client {
            id: id.into(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            ..CLIENT.clone()
        };
        self.registry.put_client(client).await.unwrap();
    }
}

/// The caller whom the console vouches for, or `null`.
async fn caller(caller: Option<Extension<SignedIn>>) -> Json<Value> {
    Json(caller.map_or(Value::Null, |Extension(caller)| {
        let scopes: Vec<_> = caller.scopes.iter().map(|scope| scope.as_str()).collect();
        json!({"name": caller.name, "scopes": scopes})
    }))
}

#[derive(Clone)]
pub(crate) struct Process(Router);

/// A request by the console's pages, with these headers.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

pub(crate) const BY_PERSON: (&str, &str) = ("triggerfish-console", "person");
pub(crate) const BY_TIMER: (&str, &str) = ("triggerfish-console", "timer");

impl Process {
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: Headers<'_>,
        body: Option<Value>,
    ) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:8080")
            .extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 4711))));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |json| json.to_string().into());
        let request = request.body(body).unwrap();
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str, headers: Headers<'_>) -> Reply {
        self.send(Method::GET, path, headers, None).await
    }

    pub(crate) async fn sign_in(&self, credentials: Value) -> Reply {
        let path = "/console/session";
        self.send(Method::POST, path, &[BY_PERSON], Some(credentials))
            .await
    }

    /// Signs in by password and gives the cookie.
    pub(crate) async fn cookie_of(&self, password: &str) -> String {
        let reply = self.sign_in(json!({"password": password})).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.cookie().unwrap()
    }

    /// Whom the API sees when the pages call it with this cookie.
    pub(crate) async fn caller(&self, cookie: &str) -> Value {
        let reply = self.get("/api", &[BY_PERSON, ("cookie", cookie)]).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        serde_json::from_str(&reply.text).unwrap()
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The cookie that was set, as a browser sends it.
    pub(crate) fn cookie(&self) -> Option<String> {
        let line = self.headers.get("set-cookie")?.to_str().unwrap();
        line.split(';').next().map(str::to_owned)
    }
}
