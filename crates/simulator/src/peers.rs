//! The network among the processes, over which they ask each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use tokio::time::sleep;
use tower::ServiceExt as _;
use triggerfish_peers::{Carried, Transport};

use crate::{chance::Chance, life::Life};

/// Which process listens at which address.
#[derive(Default)]
pub(crate) struct Addresses(Mutex<BTreeMap<String, (Life, Router)>>);

impl Addresses {
    /// From now on `router` answers at `url`, for as long as `life` lasts.
    pub(crate) fn listen(&self, url: &str, life: Life, router: Router) {
        self.0.lock().insert(url.to_owned(), (life, router));
    }

    fn find(&self, question: &Request<Bytes>) -> Option<(Life, Router)> {
        let uri = question.uri();
        let url = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
        let found = self.0.lock().get(&url).cloned();
        found.filter(|(life, _)| !life.is_over())
    }
}

/// The network as one process has it.
pub(crate) struct Among {
    life: Life,
    addresses: Arc<Addresses>,
    chance: Mutex<Chance>,
    is_noisy: bool,
}

impl Among {
    pub(crate) const fn new(
        life: Life,
        addresses: Arc<Addresses>,
        chance: Chance,
        is_noisy: bool,
    ) -> Self {
        Self {
            life,
            addresses,
            chance: Mutex::new(chance),
            is_noisy,
        }
    }

    /// How long something is on its way; for ever if `None`.
    fn way(&self) -> Option<Duration> {
        let mut chance = self.chance.lock();
        match chance.within(0..40) {
            0 if self.is_noisy => None,
            1 | 2 if self.is_noisy => Some(chance.millis(500..6_000)),
            _ => Some(chance.millis(0..8)),
        }
    }

    async fn travel(&self) {
        match self.way() {
            Some(way) => sleep(way).await,
            None => std::future::pending().await,
        }
        self.life.well().await;
    }

    async fn ask(&self, question: Request<Bytes>) -> Result<Response<Bytes>, String> {
        self.travel().await;
        let Some((life, router)) = self.addresses.find(&question) else {
            return Err("the connection is refused".to_owned());
        };
        // What becomes of the question there does not depend on whoever asked.
        let answering = tokio::spawn(async move {
            tokio::select! {
                biased;
                () = life.over() => None,
                answer = life.lived(router.oneshot(question.map(Body::from))) => Some(answer),
            }
        });
        let Ok(Some(Ok(answer))) = answering.await else {
            return Err("the connection is closed".to_owned());
        };
        self.travel().await;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

impl Transport for Among {
    fn carry(&self, question: Request<Bytes>) -> Carried<'_> {
        Box::pin(self.ask(question))
    }
}
