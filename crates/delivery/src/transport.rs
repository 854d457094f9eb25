//! What carries requests to subscribers.

use std::{future::Future, pin::Pin};

use reqwest::{Client, Request, Response, Url};
use triggerfish_core::Reply;

use crate::failure::{self, Stage};

/// What becomes of a request: the head of the answer with its body to come, or what it means
/// that there is none.
pub type Carried<'t> = Pin<Box<dyn Future<Output = Result<Response, Reply>> + Send + 't>>;

/// Carries requests. The one that is used is an HTTP client; a simulation has its own.
pub trait Transport: Send + Sync + 'static {
    /// Sends `request`, which goes to `url`. The caller sees to the time.
    fn carry<'t>(&'t self, request: Request, url: &'t Url) -> Carried<'t>;
}

impl Transport for Client {
    fn carry<'t>(&'t self, request: Request, url: &'t Url) -> Carried<'t> {
        let answer = self.execute(request);
        Box::pin(async move {
            let answer = answer.await;
            answer.map_err(|error| failure::of_client_error(&error, Stage::Head, url))
        })
    }
}
