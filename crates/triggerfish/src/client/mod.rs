//! The HTTP API of a running service, as the commands call it.
//!
//! Gets itself a token with the first call that needs one and a new one when the
//! service refuses the old one.

mod error;
mod request;

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode, Url, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use tokio::sync::Mutex;
use triggerfish_core::Secret;

use crate::args::{ClientArgs, ServiceUrl};
use error::{in_short, refusal};

pub(crate) use error::ClientError;
pub(crate) use request::Request;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(30);
/// Rows that the API gives at once.
const PAGE_ROWS: usize = 250;

/// Calls one service.
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    login: Option<(String, Secret)>,
    token: Mutex<Option<Secret>>,
}

/// An answer that is a success.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Vec<u8>,
}

/// Records of a topic, and where to read on.
#[derive(Debug, Deserialize)]
pub(crate) struct RecordsPage {
    /// One JSON object each.
    pub(crate) records: Vec<Box<RawValue>>,
    /// What to ask with next.
    pub(crate) cursor: String,
}

#[derive(Deserialize)]
struct Token {
    access_token: Secret,
}

impl Answer {
    /// Whether there is no body, as with 204.
    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// The body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, url: &Url) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| ClientError::Answer {
            url: url.clone(),
            reason: error.to_string(),
        })
    }
}

impl Client {
    /// A client with credentials, where they are given.
    pub(crate) fn new(args: &ClientArgs) -> Result<Self, ClientError> {
        let login = match (&args.client_id, &args.client_secret) {
            (Some(id), Some(secret)) => Some((id.clone(), secret.clone())),
            _ => None,
        };
        Self::open(&args.service, login)
    }

    /// A client of the service, as the API client `login`.
    pub(crate) fn open(
        service: &ServiceUrl,
        login: Option<(String, Secret)>,
    ) -> Result<Self, ClientError> {
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("triggerfish/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&service.url) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(ClientError::Setup)?;
        Ok(Self {
            http,
            url: service.url.clone(),
            login,
            token: Mutex::new(None),
        })
    }

    /// Makes a call with a token.
    pub(crate) async fn call(&self, request: Request<'_>) -> Result<Answer, ClientError> {
        let (token, is_fresh) = self.token().await?;
        match self.send(&request, Some(&token)).await {
            Err(ClientError::Refused {
                status: StatusCode::UNAUTHORIZED,
                ..
            }) if !is_fresh => {
                self.token.lock().await.take();
                let (token, _) = self.token().await?;
                self.send(&request, Some(&token)).await
            }
            answer => answer,
        }
    }

    /// Makes a call without a token.
    pub(crate) async fn call_openly(&self, request: Request<'_>) -> Result<Answer, ClientError> {
        self.send(&request, None).await
    }

    /// Makes a call and reads the answer as JSON.
    pub(crate) async fn fetch<T: DeserializeOwned>(
        &self,
        request: Request<'_>,
    ) -> Result<T, ClientError> {
        self.call(request).await?.json(&self.url)
    }

    /// All rows of a list.
    pub(crate) async fn list(&self, path: &[&str]) -> Result<Vec<Value>, ClientError> {
        self.first(path, None, usize::MAX).await
    }

    /// The first rows of a list, of those that match `filter`.
    pub(crate) async fn first(
        &self,
        path: &[&str],
        filter: Option<&str>,
        rows_max: usize,
    ) -> Result<Vec<Value>, ClientError> {
        let mut rows = Vec::new();
        loop {
            let limit = PAGE_ROWS.min(rows_max - rows.len());
            let request = Request::get(path)
                .query("filters", filter)
                .query("limit", Some(limit))
                .query("offset", Some(rows.len()));
            let page: Vec<Value> = self.fetch(request).await?;
            let is_last = page.len() < limit;
            rows.extend(page);
            if is_last || rows.len() >= rows_max {
                return Ok(rows);
            }
        }
    }

    /// Records of `topic` from `from` (`beginning`, `end` or a cursor), after waiting
    /// up to `wait` for the first.
    pub(crate) async fn records(
        &self,
        topic: &str,
        from: &str,
        limit: u64,
        wait: Duration,
    ) -> Result<RecordsPage, ClientError> {
        let path = ["topics", topic, "records"];
        let request = Request::get(&path)
            .query("from", Some(from))
            .query("limit", Some(limit))
            .query("wait", Some(wait.as_secs()))
            .waits(wait);
        self.fetch(request).await
    }

    /// The service.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// A token for calls that are made without this client.
    pub(crate) async fn bearer(&self) -> Result<Secret, ClientError> {
        Ok(self.token().await?.0)
    }

    /// A token, and whether it was just made.
    async fn token(&self) -> Result<(Secret, bool), ClientError> {
        let mut kept = self.token.lock().await;
        if let Some(token) = &*kept {
            return Ok((token.clone(), false));
        }
        let (id, secret) = self.login.as_ref().ok_or(ClientError::NoCredentials)?;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret.expose()),
        ];
        let request = self
            .http
            .post(address(&self.url, &["oauth", "token"], &[]))
            .form(&form)
            .timeout(TIMEOUT);
        let answer = self.answer(request).await.map_err(|error| match error {
            ClientError::Refused { status, text, .. } if status.is_client_error() => {
                ClientError::Login {
                    id: id.clone(),
                    reason: text,
                }
            }
            error => error,
        })?;
        let token = answer.json::<Token>(&self.url)?.access_token;
        *kept = Some(token.clone());
        Ok((token, true))
    }

    async fn send(
        &self,
        request: &Request<'_>,
        token: Option<&Secret>,
    ) -> Result<Answer, ClientError> {
        let address = address(&self.url, request.path, &request.query);
        let mut call = self
            .http
            .request(request.method.clone(), address)
            .timeout(TIMEOUT + request.waits);
        for (name, value) in &request.headers {
            call = call.header(*name, value);
        }
        if let Some(token) = token {
            call = call.bearer_auth(token.expose());
        }
        if let Some(body) = &request.body {
            call = call
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        self.answer(call).await
    }

    async fn answer(&self, call: RequestBuilder) -> Result<Answer, ClientError> {
        let unreachable = |error| ClientError::Unreachable {
            url: self.url.clone(),
            reason: in_short(&error),
        };
        let response = call.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(Answer { body: body.into() });
        }
        Err(refusal(status, &body))
    }
}

/// Below `base`, which may have a path itself.
fn address(base: &Url, path: &[&str], query: &[(&str, String)]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(base: &str, path: &[&str], query: &[(&str, String)]) -> String {
        address(&Url::parse(base).unwrap(), path, query).into()
    }

    #[test]
    fn addresses_keep_a_path_in_front_and_escape_segments() {
        let path = ["triggers", "v1", "acme:a/b c"];
        let query = [("filters", "triggerId eq \"x\"".to_owned())];
        let expected = "https://host/base/triggers/v1/acme:a%2Fb%20c?filters=triggerId+eq+%22x%22";
        assert_eq!(below("https://host/base/", &path, &query), expected);
        assert_eq!(below("http://h:1", &["x"], &[]), "http://h:1/x");
    }
}
