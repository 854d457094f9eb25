//! Calls that are to be made.

use std::time::Duration;

use reqwest::Method;

/// One call that is to be made.
pub(crate) struct Request<'a> {
    pub(super) method: Method,
    pub(super) path: &'a [&'a str],
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Vec<u8>>,
    pub(super) waits: Duration,
}

impl<'a> Request<'a> {
    fn new(method: Method, path: &'a [&'a str]) -> Self {
        let (query, headers) = (Vec::new(), Vec::new());
        Self {
            method,
            path,
            query,
            headers,
            body: None,
            waits: Duration::ZERO,
        }
    }

    /// Reads `path`, its segments unescaped.
    pub(crate) fn get(path: &'a [&'a str]) -> Self {
        Self::new(Method::GET, path)
    }

    /// Sends `body` to `path`.
    pub(crate) fn post(path: &'a [&'a str], body: &impl serde::Serialize) -> Self {
        Self {
            body: Some(json(body)),
            ..Self::new(Method::POST, path)
        }
    }

    /// Puts `body` at `path`.
    pub(crate) fn put(path: &'a [&'a str], body: &impl serde::Serialize) -> Self {
        Self {
            body: Some(json(body)),
            ..Self::new(Method::PUT, path)
        }
    }

    /// Takes away what is at `path`.
    pub(crate) fn delete(path: &'a [&'a str]) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// Adds a parameter, if there is a value.
    pub(crate) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query
            .extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Adds a header, if there is a value.
    pub(crate) fn header(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers
            .extend(value.map(|value| (name, value.to_owned())));
        self
    }

    /// The answer may take so much longer.
    pub(crate) fn waits(mut self, waits: Duration) -> Self {
        self.waits = waits;
        self
    }
}

fn json(body: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("bodies have text keys only")
}
