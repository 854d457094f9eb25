//! The API of an installation: any of its processes.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::Method;

use crate::{
    Answer,
    api::{answer, http},
    eventually,
    service::CLIENT,
    wait::LIMIT,
};

/// More than a process waits for another; less than one that stands still may cost.
const PATIENCE: Duration = Duration::from_secs(12);
const PAUSE: Duration = Duration::from_millis(100);

/// Calls any process. Cheap to clone.
#[derive(Clone)]
pub struct Doors {
    http: reqwest::Client,
    urls: Arc<Mutex<Vec<String>>>,
    token: Arc<Mutex<Option<String>>>,
}

impl Default for Doors {
    fn default() -> Self {
        Self {
            http: http(),
            urls: Arc::default(),
            token: Arc::default(),
        }
    }
}

impl Doors {
    /// These processes are there from now on.
    pub fn set(&self, urls: Vec<String>) {
        *self.urls.lock() = urls;
    }

    /// The base URL of one of them, whether or not it answers.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn any(&self) -> String {
        let urls = self.urls.lock();
        let random = RandomState::new().hash_one(0);
        urls[usize::try_from(random % urls.len() as u64).expect("an index fits")].clone()
    }

    /// Any request to the process at `url`, with a token; `None` if there is no answer.
    pub async fn call(
        &self,
        url: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Option<Answer> {
        let mut request = self
            .http
            .request(method, format!("{url}{path}"))
            .timeout(PATIENCE)
            .bearer_auth(self.token().await)
            .header("content-type", "application/json")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).await
    }

    /// `GET` from the process at `url`.
    pub async fn get(&self, url: &str, path: &str) -> Option<Answer> {
        self.call(url, Method::GET, path, &[], String::new()).await
    }

    /// A request to any process, until one says neither nothing nor 503.
    pub async fn sure(&self, method: Method, path: &str, body: &str) -> Answer {
        eventually(format!("{method} {path} is answered"), async || {
            let url = self.any();
            let answer = self.call(&url, method.clone(), path, &[], body.to_owned());
            answer.await.filter(|answer| answer.status != 503)
        })
        .await
    }

    /// A token, good at every process.
    async fn token(&self) -> String {
        if let Some(token) = self.token.lock().clone() {
            return token;
        }
        let (id, secret) = CLIENT;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
        ];
        // No `eventually`: its futures can't be sent to other threads.
        let mut tries = LIMIT.as_millis() / PAUSE.as_millis();
        let token = loop {
            let url = format!("{}/oauth/token", self.any());
            let asked = answer(self.http.post(url).timeout(PATIENCE).form(&form)).await;
            let answered = asked.map(|answer| answer.json()).unwrap_or_default();
            if let Some(token) = answered["access_token"].as_str() {
                break token.to_owned();
            }
            tries -= 1;
            assert!(tries > 0, "no process gives a token: {answered}");
            tokio::time::sleep(PAUSE).await;
        };
        *self.token.lock() = Some(token.clone());
        token
    }
}
