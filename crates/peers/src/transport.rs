//! The way to other processes: HTTP, or what stands for it in a simulation.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::http::{Request, Response};
use bytes::Bytes;

/// On the network that the processes share, a host that does not take a connection in
/// this time is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Answers are cut below this, save for a first row that is larger than allowed by half.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// How long a connection is kept that nothing is asked on: less than the 75 s after which the
/// other side closes it, so that no question meets one that is just being closed.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// What comes back of a question: the answer, or why there is none.
pub type Carried<'t> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, String>> + Send + 't>>;

/// Carries questions to other processes. How long one may take is not its concern.
pub trait Transport: Send + Sync + 'static {
    /// Takes `question` to the process at its address.
    fn carry(&self, question: Request<Bytes>) -> Carried<'_>;
}

/// Connections to other processes.
pub(crate) struct Http(reqwest::Client);

impl Http {
    /// No proxy and no redirect: what is asked stays among the processes.
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        // The client takes the provider of the process; one that is there already will do.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self(client))
    }

    async fn send(&self, question: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let question = reqwest::Request::try_from(question).map_err(in_short)?;
        let mut response = self.0.execute(question).await.map_err(in_short)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(in_short)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err("its answer is too large".to_owned());
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = Response::new(Bytes::from(body));
        *answer.status_mut() = response.status();
        Ok(answer)
    }
}

impl Transport for Http {
    fn carry(&self, question: Request<Bytes>) -> Carried<'_> {
        Box::pin(self.send(question))
    }
}

/// The cause, without the URL that is named beside it.
fn in_short(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
