//! A subscriber that does as it is told and keeps every call.

mod connection;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::{
    Answer,
    api::{answer, http},
    wait::holds,
};

/// One call as it arrived.
#[derive(Clone, Debug)]
pub struct Call {
    /// Path and query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Which call of this subscriber it is, from 1.
    pub number: usize,
    /// Which call with this `webhook-id` it is, from 1.
    pub attempt: usize,
    /// When it was there in full.
    pub at: Instant,
    http: reqwest::Client,
}

/// What a subscriber does with a call.
#[derive(Clone, Debug)]
pub enum Reply {
    /// An answer with a content length.
    Answer {
        /// Status code.
        status: u16,
        /// Header lines besides the content length.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
    },
    /// These bytes, and the end of the connection.
    Raw(Bytes),
    /// A head, and then a byte of the body now and then, without end.
    Drip,
    /// Nothing, with the connection open.
    Silence,
    /// A connection that is torn down.
    Reset,
}

impl Reply {
    /// JSON with a status.
    #[must_use]
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".into(), "application/json".into())];
        Self::Answer {
            status,
            headers,
            body: body.into(),
        }
    }

    /// A status and nothing else.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self::Answer {
            status,
            headers: vec![],
            body: Bytes::new(),
        }
    }

    /// The answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

impl Call {
    /// The header's value; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// The id of the invocation.
    #[must_use]
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Posts `output` to the callback URL that came with the call; `None` if nobody
    /// answers there.
    pub async fn call_back(&self, output: &Value) -> Option<Answer> {
        let url = self.callback_url();
        let secret = &self.json()["_metadata"]["secret"];
        let body = json!({"secret": secret, "output": output});
        let request = self
            .http
            .post(url)
            .header("content-type", "application/json");
        answer(request.body(body.to_string())).await
    }

    /// Posts `output`, byte for byte, to another process than the one that called: the one
    /// at `base`. `None` if nobody answers there within `patience`.
    pub async fn call_back_at(
        &self,
        base: &str,
        output: &str,
        patience: Duration,
    ) -> Option<Answer> {
        let url = self.callback_url();
        let path = url.strip_prefix(&self.maker()?)?.to_owned();
        let secret = &self.json()["_metadata"]["secret"];
        let request = self
            .http
            .post(format!("{base}{path}"))
            .timeout(patience)
            .header("content-type", "application/json")
            .body(format!("{{\"secret\":{secret},\"output\":{output}}}"));
        answer(request).await
    }

    /// Base URL of the process that called, where the call tells.
    #[must_use]
    pub fn maker(&self) -> Option<String> {
        let url = reqwest::Url::parse(&self.callback_url()).ok()?;
        Some(url.origin().ascii_serialization())
    }

    fn callback_url(&self) -> String {
        let body = self.json();
        let url = body["_metadata"]["callbackURL"].as_str();
        url.unwrap_or_default().to_owned()
    }
}

type Script = Arc<dyn Fn(Call) -> BoxFuture<'static, Reply> + Send + Sync>;

/// A subscriber on a port of its own.
pub struct Subscriber {
    address: String,
    shared: Arc<Shared>,
    listening: AbortHandle,
}

struct Shared {
    script: Script,
    seen: Mutex<Seen>,
    http: reqwest::Client,
}

#[derive(Default)]
struct Seen {
    calls: Vec<Call>,
    by_id: HashMap<String, usize>,
}

impl Subscriber {
    /// Listens; `script` says what to do with each call.
    ///
    /// # Panics
    /// If there is no port to be had.
    pub async fn start<F>(script: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port").to_string();
        let shared = Arc::new(Shared {
            script: Arc::new(move |call| script(call).boxed()),
            seen: Mutex::default(),
            http: http(),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection::serve(stream, Arc::clone(&serving)));
            }
        });
        Self {
            address,
            shared,
            listening: task.abort_handle(),
        }
    }

    /// One that always replies the same.
    pub async fn always(reply: Reply) -> Self {
        Self::start(move |_| std::future::ready(reply.clone())).await
    }

    /// One that acknowledges and then calls back with `output` until it is heard.
    pub async fn calling_back(acknowledgement: Reply, output: Value) -> Self {
        Self::start(move |call| {
            let output = output.clone();
            tokio::spawn(async move {
                while call
                    .call_back(&output)
                    .await
                    .is_none_or(|heard| heard.status == 503)
                {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
            std::future::ready(acknowledgement.clone())
        })
        .await
    }

    /// Where it is called.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// All calls so far, in the order in which they arrived.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.seen.lock().calls.clone()
    }

    /// How many calls there were so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.seen.lock().calls.len()
    }

    /// Waits until there were `count` calls, and returns them.
    pub async fn called(&self, count: usize) -> Vec<Call> {
        holds(format!("{count} calls"), || self.count() >= count).await;
        self.calls()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Shared {
    /// Keeps the call and asks the script.
    async fn reply(&self, path: String, headers: Vec<(String, String)>, body: Bytes) -> Reply {
        let call = {
            let mut seen = self.seen.lock();
            let mut call = Call {
                path,
                headers,
                body,
                number: seen.calls.len() + 1,
                attempt: 1,
                at: Instant::now(),
                http: self.http.clone(),
            };
            let known = seen.by_id.entry(call.id().to_owned()).or_default();
            *known += 1;
            call.attempt = *known;
            seen.calls.push(call.clone());
            call
        };
        (self.script)(call).await
    }
}
