//! What went wrong, in words for a person.
//!
//! Texts name the host and port, never the rest of the URL, and hold nothing that
//! the other side wrote except a content type, cut short.

use std::{
    error::Error,
    fmt::{self, Display},
    io,
    time::Duration,
};

use reqwest::Url;
use triggerfish_core::{Failure, FailureKind, Reply};

use crate::resolve::ResolveError;

pub(crate) fn failure(kind: FailureKind, message: impl Display) -> Failure {
    Failure {
        kind,
        message: message.to_string().into(),
    }
}

pub(crate) fn refused(kind: FailureKind, message: impl Display) -> Reply {
    Reply::Refused(failure(kind, message))
}

fn unavailable(kind: FailureKind, message: impl Display) -> Reply {
    Reply::Unavailable {
        failure: failure(kind, message),
        retry_after: None,
    }
}

/// How far a call had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No status line yet.
    Head,
    /// Reading the body.
    Body,
}

pub(crate) fn timed_out(stage: Stage, limit: Duration) -> Reply {
    let limit = Limit(limit);
    match stage {
        Stage::Head => unavailable(
            FailureKind::Timeout,
            format_args!("no answer within {limit}"),
        ),
        Stage::Body => unavailable(
            FailureKind::Timeout,
            format_args!("answer was not complete within {limit}"),
        ),
    }
}

/// A duration as people write limits: `10 s`, `300 ms`.
struct Limit(Duration);

impl Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_millis() == 0 && self.0.as_secs() > 0 {
            write!(f, "{} s", self.0.as_secs())
        } else {
            write!(f, "{} ms", self.0.as_millis())
        }
    }
}

/// Host and port of a URL.
struct Target<'u>(&'u Url);

impl Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.0.port_or_known_default().unwrap_or_default();
        write!(f, "{}:{port}", self.0.host_str().unwrap_or_default())
    }
}

/// What an error of the HTTP client means for the invocation.
pub(crate) fn of_client_error(error: &reqwest::Error, stage: Stage, url: &Url) -> Reply {
    let target = Target(url);
    if let Some(resolve) = find::<ResolveError>(error) {
        return match resolve {
            ResolveError::NotFound { .. } => unavailable(FailureKind::Dns, resolve),
            ResolveError::Blocked { .. } => refused(FailureKind::Blocked, resolve),
        };
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return unavailable(FailureKind::Connect, of_tls(tls, &target));
    }
    if error.is_builder() {
        return refused(FailureKind::Configuration, "url can't be used for HTTP");
    }
    if error.is_connect() {
        return of_connecting(error, &target);
    }
    let message = match find::<hyper::Error>(error) {
        Some(hyper) if hyper.is_parse_too_large() => {
            format!("head of the answer of {target} is too large")
        }
        Some(hyper) if hyper.is_parse() => format!("answer of {target} is not HTTP: {hyper}"),
        Some(hyper) if hyper.is_incomplete_message() && stage == Stage::Head => {
            format!("{target} closed the connection without a whole answer")
        }
        found => {
            let detail = match (io_kind(error), found) {
                (Some(kind), _) => kind.to_string(),
                (None, Some(hyper)) => hyper.to_string(),
                (None, None) => "the HTTP client gave up".to_owned(),
            };
            match stage {
                Stage::Head => format!("connection to {target} broke: {detail}"),
                Stage::Body => format!("answer of {target} broke off: {detail}"),
            }
        }
    };
    unavailable(FailureKind::Protocol, message)
}

fn of_connecting(error: &reqwest::Error, target: &Target<'_>) -> Reply {
    if error.is_timeout() {
        let message = format_args!("no connection to {target} in time");
        return unavailable(FailureKind::Timeout, message);
    }
    let message = match io_kind(error) {
        Some(io::ErrorKind::ConnectionRefused) => format!("connection refused by {target}"),
        Some(kind) => format!("no connection to {target}: {kind}"),
        None => format!("no connection to {target}"),
    };
    unavailable(FailureKind::Connect, message)
}

fn of_tls(error: &rustls::Error, target: &Target<'_>) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => {
            format!("certificate of {target} is not accepted: {why}")
        }
        other => format!("no TLS connection to {target}: {other}"),
    }
}

/// The error of type `T` that `error` was caused by.
fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An io::Error hides the error it carries from `source`.
        let carried = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if let Some(found) = carried.and_then(|carried| find(carried)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The kind of the innermost I/O error.
fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut kind = None;
    let mut next = Some(error);
    while let Some(error) = next {
        kind = error
            .downcast_ref::<io::Error>()
            .map(io::Error::kind)
            .or(kind);
        next = error.source();
    }
    kind
}
