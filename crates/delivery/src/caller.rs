//! One call of one subscriber.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use reqwest::{
    Client, Response, Url,
    header::{HeaderName, HeaderValue},
    redirect,
};
use serde_json::Value;
use tokio::time::Instant;
use triggerfish_core::{
    AttemptReport, Excerpt, FailureKind, InvocationId, Reply, Request, Secret, Timestamp,
    subscription::HttpConfig,
};

use crate::{
    body::{self, BodyError},
    classify::{self, Expected, Verdict},
    failure::{self, Stage, refused},
    guard::Guard,
    options::{Error, LIMITS, Options},
    pace::Pace,
    redact,
    request::compose,
    resolve::{Lookup, SystemLookup, VettingResolver},
    still::timeout_at,
    targets::Targets,
    tls,
    transport::Transport,
};

/// Says whether an output fits the trigger's schema, else what is wrong with it.
pub type OutputCheck<'c> = &'c (dyn Fn(&Value) -> Result<(), String> + Sync);

/// One call to make.
#[derive(Clone, Copy)]
pub struct Call<'c> {
    /// The invocation; goes out as `webhook-id`.
    pub id: InvocationId,
    /// Number of the call, from 1.
    pub attempt: u32,
    /// What was asked for.
    pub request: &'c Request,
    /// Whom to call, with credentials opened.
    pub http: &'c HttpConfig,
    /// Set if a callback is called.
    pub lifecycle: Option<Lifecycle<'c>>,
    /// Where the result goes; needed where
    /// [`triggerfish_core::Mode::has_callback`].
    pub callback: Option<Callback<'c>>,
    /// What to sign with, see [`crate::webhook::signing_secrets`]. A call without
    /// is refused.
    pub signing: &'c [Secret],
    /// Judges the output of SYNC and DYNAMIC answers.
    pub check_output: OutputCheck<'c>,
    /// The time of the call.
    pub now: Timestamp,
}

/// What is particular to the call of a callback.
#[derive(Clone, Copy, Debug)]
pub struct Lifecycle<'c> {
    /// The status that allows; any 2xx will do without.
    pub expected_status: Option<u16>,
    /// Sent beside our own headers, but for [`triggerfish_core::callback::ACTION_HEADER`].
    pub headers: &'c BTreeMap<String, String>,
    /// For the call in all.
    pub limit: Duration,
}

/// Where and with what a subscriber reports its result.
#[derive(Clone, Copy, Debug)]
pub struct Callback<'c> {
    /// URL of the complete operation of this invocation.
    pub url: &'c str,
    /// The invocation's secret.
    pub secret: &'c Secret,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({}, attempt {})", self.id, self.attempt)
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When it began, by [`Call::now`].
    pub started: Timestamp,
    /// How long it took until it was settled.
    pub took: Duration,
    /// The HTTP status, when there was one.
    pub status: Option<u16>,
    /// What it means for the invocation.
    pub reply: Reply,
    /// The beginning of its body, if a callback was called.
    pub body: Option<Excerpt>,
}

impl Answer {
    /// The observation for the log that call number `attempt` ended like this.
    #[must_use]
    pub fn into_report(self, attempt: u32) -> AttemptReport {
        AttemptReport {
            attempt,
            started: self.started,
            took: self.took,
            status: self.status,
            reply: self.reply,
            body: self.body,
        }
    }
}

/// Calls subscribers. Clones share their connections.
#[derive(Clone)]
pub struct Caller {
    transport: Arc<dyn Transport>,
    shared: Arc<Shared>,
}

struct Shared {
    limit: Duration,
    answer_bytes_max: usize,
    pace: Pace,
    targets: Targets,
    depth_header: HeaderName,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").finish_non_exhaustive()
    }
}

impl Caller {
    /// A caller that asks the system for the addresses of names.
    pub fn new(options: Options) -> Result<Self, Error> {
        Self::with_lookup(options, Arc::new(SystemLookup))
    }

    /// A caller that asks `lookup` for the addresses of names.
    pub fn with_lookup(options: Options, lookup: Arc<dyn Lookup>) -> Result<Self, Error> {
        check(&options)?;
        let guard = Guard::new(&options.allow_networks);
        let client = client(&options, VettingResolver::new(lookup, guard))?;
        Self::with_transport(options, Arc::new(client))
    }

    /// A caller whose requests are carried by `transport`.
    pub fn with_transport(options: Options, transport: Arc<dyn Transport>) -> Result<Self, Error> {
        check(&options)?;
        let guard = Guard::new(&options.allow_networks);
        let depth_header = HeaderName::try_from(options.depth_header.as_str())
            .map_err(|_| Error::DepthHeader(options.depth_header))?;
        Ok(Self {
            transport,
            shared: Arc::new(Shared {
                limit: options.limit,
                answer_bytes_max: options.answer_bytes_max,
                pace: Pace::new(),
                targets: Targets::new(guard),
                depth_header,
            }),
        })
    }

    /// The guard that calls go through, for vetting URLs when they are saved.
    pub fn guard(&self) -> &Guard {
        self.shared.targets.guard()
    }

    /// Makes the call. Ends within the limit, whatever the other side does.
    pub async fn call(&self, call: Call<'_>) -> Answer {
        let begun = Instant::now();
        let answer = |status, reply| Answer {
            started: call.now,
            took: begun.elapsed(),
            status,
            reply,
            body: None,
        };
        let request = match compose(&call, &self.shared.targets, &self.shared.depth_header) {
            Ok(request) => request,
            Err(failure) => return answer(None, Reply::Refused(failure)),
        };
        let url = request.url().clone();
        let limit = call.lifecycle.map_or(self.shared.limit, |own| own.limit);
        let deadline = begun + limit;
        let carried = self.transport.carry(request, &url);
        let mut response = match timeout_at(deadline, carried).await {
            Ok(Ok(response)) => response,
            Ok(Err(reply)) => return answer(None, reply),
            Err(_) => {
                return answer(None, failure::timed_out(Stage::Head, limit));
            }
        };
        let status = response.status().as_u16();
        if let Some(lifecycle) = &call.lifecycle {
            let answer = answer(Some(status), classify::lifecycle(lifecycle, status));
            let body = body::excerpt(response, deadline).await;
            let body = body.map(|(bytes, truncated)| redact::excerpt(&call, &bytes, truncated));
            return Answer { body, ..answer };
        }
        match classify::status(call.request.mode, status, response.headers(), call.now) {
            Verdict::Settled(reply) => {
                let answer = answer(Some(status), reply);
                body::drain(response, deadline).await;
                answer
            }
            Verdict::Read(expected) => {
                let reading = self.read(&mut response, &call, expected, &url);
                let reply = timeout_at(deadline, reading)
                    .await
                    .unwrap_or_else(|_| failure::timed_out(Stage::Body, limit));
                answer(Some(status), reply)
            }
        }
    }

    async fn read(
        &self,
        response: &mut Response,
        call: &Call<'_>,
        expected: Expected,
        url: &Url,
    ) -> Reply {
        if let Err(failure) = classify::check_content_type(response.headers()) {
            return Reply::Refused(failure);
        }
        let bytes_max = self.shared.answer_bytes_max;
        let body = match body::read(response, bytes_max, &self.shared.pace).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) => {
                return refused(
                    FailureKind::TooLarge,
                    format_args!("answer is larger than {bytes_max} bytes"),
                );
            }
            Err(BodyError::Broken(error)) => {
                return failure::of_client_error(&error, Stage::Body, url);
            }
        };
        match expected {
            Expected::Output => classify::output(body, call.check_output),
            Expected::Acknowledgement => classify::acknowledgement(&body),
        }
    }
}

fn check(options: &Options) -> Result<(), Error> {
    let is_possible = LIMITS.contains(&options.limit);
    is_possible.then_some(()).ok_or(Error::Limit)
}

fn client(options: &Options, resolver: VettingResolver) -> Result<Client, Error> {
    let user_agent =
        HeaderValue::try_from(options.user_agent.as_str()).map_err(|_| Error::UserAgent)?;
    Client::builder()
        .tls_backend_preconfigured(tls::client_config(options.extra_ca_file.as_deref())?)
        .user_agent(user_agent)
        .redirect(redirect::Policy::none())
        .referer(false)
        // A call is one request; what is repeated and when is the retry policy's affair.
        .retry(reqwest::retry::never())
        .no_proxy()
        .dns_resolver(resolver)
        .tcp_nodelay(true)
        // Shared out among the addresses of a name, so that one that does not answer
        // leaves time for the next. Longer than the limit, so that with a single
        // address the limit itself is what ends the call.
        .connect_timeout(options.limit.mul_f32(1.25))
        .pool_max_idle_per_host(options.idle_connections_max)
        .pool_idle_timeout(options.idle_connection_timeout)
        // A call that ran out of time leaves an HTTP/2 connection open; this finds
        // out whether the connection still lives.
        .http2_keep_alive_interval(options.limit)
        .http2_keep_alive_timeout(options.limit)
        .build()
        .map_err(Error::Client)
}
