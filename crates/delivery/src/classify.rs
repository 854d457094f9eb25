//! What an answer's status, type and body mean. Pure; the table is in the crate's
//! own page.

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::IgnoredAny;
use serde_json::Value;
use triggerfish_core::{Failure, FailureKind, Mode, Reply, Timestamp};

use crate::{
    caller::Lifecycle,
    failure::{failure, refused},
    retry_after,
};

/// What the status line alone says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The body does not matter.
    Settled(Reply),
    /// It depends on the body.
    Read(Expected),
}

/// What a body has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The output.
    Output,
    /// Any JSON.
    Acknowledgement,
}

/// The reply of a callback.
pub(crate) fn lifecycle(call: &Lifecycle<'_>, status: u16) -> Reply {
    match call.expected_status {
        Some(expected) if status == expected => Reply::Delivered,
        Some(expected) => refused(
            FailureKind::Status,
            format_args!("status {status} instead of the expected {expected}"),
        ),
        None if (200..=299).contains(&status) => Reply::Delivered,
        None => refused(FailureKind::Status, format_args!("status {status}")),
    }
}

pub(crate) fn status(mode: Mode, status: u16, headers: &HeaderMap, now: Timestamp) -> Verdict {
    match (mode, status) {
        (mode, 200..=299) if mode.is_settled_by_status() => Verdict::Settled(Reply::Delivered),
        (Mode::Sync | Mode::Dynamic, 200) => Verdict::Read(Expected::Output),
        (Mode::Async, 200) | (Mode::Dynamic, 202) => Verdict::Read(Expected::Acknowledgement),
        _ => Verdict::Settled(bad_status(mode, status, headers, now)),
    }
}

fn bad_status(mode: Mode, status: u16, headers: &HeaderMap, now: Timestamp) -> Reply {
    let remark = match (mode, status) {
        (_, 300..=399) => ": redirects are not followed, give the final url",
        (_, 410) => ": the endpoint says that it is gone for good",
        (Mode::Dynamic, 200..=299) => ": a DYNAMIC subscriber answers 200 or 202",
        (_, 200..=299) => ": a subscriber that is to answer does so with 200",
        _ => "",
    };
    let failure = failure(FailureKind::Status, format_args!("status {status}{remark}"));
    if may_pass(mode, status) {
        Reply::Unavailable {
            failure,
            retry_after: retry_after::parse(headers, now),
        }
    } else {
        Reply::Refused(failure)
    }
}

/// Whether the same call may work later.
const fn may_pass(mode: Mode, status: u16) -> bool {
    match mode {
        Mode::FireAndForget => !matches!(status, 300..=399 | 410),
        Mode::Before | Mode::After => false,
        Mode::Sync | Mode::Async | Mode::Dynamic => {
            matches!(status, 408 | 425 | 429 | 500..=599)
        }
    }
}

/// Whether the head promises JSON that we can read.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Failure> {
    let wrong = |what: &str| Err(failure(FailureKind::ContentType, what));
    let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return wrong("answer is compressed, which was not asked for");
    }
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return wrong("answer has no content type; it must be application/json");
    };
    let essence = value.to_str().unwrap_or_default();
    let essence = essence.split(';').next().unwrap_or_default().trim();
    if is_json(essence) {
        return Ok(());
    }
    let shown: String = essence.chars().take(80).collect();
    wrong(&format!("answer is not application/json but {shown}"))
}

fn is_json(essence: &str) -> bool {
    let Some((_, subtype)) = essence.split_once('/') else {
        return false;
    };
    let suffix = subtype.len().checked_sub("+json".len());
    essence.eq_ignore_ascii_case("application/json")
        || suffix
            .and_then(|at| subtype.get(at..))
            .is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
}

/// The reply of a subscriber whose answer is the output.
pub(crate) fn output(body: Bytes, check: crate::OutputCheck<'_>) -> Reply {
    let value: Value = match serde_json::from_slice(&body) {
        Ok(value) => value,
        Err(error) => return not_json(&body, &error),
    };
    match check(&value) {
        Ok(()) => Reply::Answered(body),
        Err(violation) => refused(
            FailureKind::Schema,
            format_args!("answer does not fit the output schema: {violation}"),
        ),
    }
}

/// The reply of a subscriber that will call back.
pub(crate) fn acknowledgement(body: &[u8]) -> Reply {
    match serde_json::from_slice::<IgnoredAny>(body) {
        Ok(IgnoredAny) => Reply::Acknowledged,
        Err(error) => not_json(body, &error),
    }
}

fn not_json(body: &[u8], error: &serde_json::Error) -> Reply {
    if body.trim_ascii().is_empty() {
        return refused(FailureKind::InvalidJson, "answer is empty; it must be JSON");
    }
    refused(
        FailureKind::InvalidJson,
        format_args!("answer is not JSON: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MODES: [Mode; 4] = [Mode::Sync, Mode::Async, Mode::Dynamic, Mode::FireAndForget];

    /// One letter per mode: output, acknowledgement, delivered, refused, unavailable.
    fn row(code: u16) -> String {
        let headers = HeaderMap::new();
        let letter = |mode| match status(mode, code, &headers, Timestamp::EPOCH) {
            Verdict::Read(Expected::Output) => 'o',
            Verdict::Read(Expected::Acknowledgement) => 'a',
            Verdict::Settled(Reply::Delivered) => 'd',
            Verdict::Settled(Reply::Refused(_)) => 'r',
            Verdict::Settled(Reply::Unavailable { .. }) => 'u',
            Verdict::Settled(other) => panic!("{other:?}"),
        };
        MODES.into_iter().map(letter).collect()
    }

    #[test]
    fn table_of_statuses() {
        let table = [
            ("oaod", &[200][..]),
            ("rrad", &[202]),
            ("rrrd", &[201, 203, 204, 206, 299]),
            ("rrrr", &[300, 301, 302, 303, 304, 307, 308, 410]),
            ("uuuu", &[408, 425, 429, 500, 501, 502, 503, 504, 599]),
            (
                "rrru",
                &[101, 400, 401, 403, 404, 405, 409, 413, 422, 451, 600],
            ),
        ];
        for (expected, codes) in table {
            for &code in codes {
                assert_eq!(row(code), expected, "status {code}");
            }
        }
    }

    #[test]
    fn a_callback_allows_by_exactly_the_expected_status() {
        let headers = std::collections::BTreeMap::new();
        let says = |expected_status, status| {
            let call = Lifecycle {
                expected_status,
                headers: &headers,
                limit: Duration::from_secs(1),
            };
            match lifecycle(&call, status) {
                Reply::Delivered => "yes".to_owned(),
                Reply::Refused(failure) => failure.message.to_string(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(says(Some(204), 204), "yes");
        assert_eq!(says(Some(418), 418), "yes");
        for status in [100, 200, 203, 205, 302, 404, 500, 599] {
            let expected = format!("status {status} instead of the expected 204");
            assert_eq!(says(Some(204), status), expected);
        }
        assert_eq!(says(None, 200), "yes");
        assert_eq!(says(None, 299), "yes");
        assert_eq!(says(None, 300), "status 300");
        assert_eq!(says(None, 503), "status 503");
    }

    #[test]
    fn retry_after_comes_with_what_may_pass() {
        let headers = HeaderMap::from_iter([(
            reqwest::header::RETRY_AFTER,
            "7".parse().expect("a header value"),
        )]);
        let verdict = status(Mode::Sync, 503, &headers, Timestamp::EPOCH);
        let Verdict::Settled(Reply::Unavailable {
            failure,
            retry_after,
        }) = verdict
        else {
            panic!("{verdict:?}");
        };
        assert_eq!(retry_after, Some(Duration::from_secs(7)));
        assert_eq!(&*failure.message, "status 503");
    }

    #[test]
    fn content_types() {
        let check = |text: &'static str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, text.parse().unwrap())]);
            check_content_type(&headers).map_err(|failure| failure.message.to_string())
        };
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;",
            "application/vnd.acme.answer+json",
            "application/problem+JSON; v=1",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "json",
            "text/json",
            "application/jsonp",
            "text/html",
            "a/json+xml",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert_eq!(
            check("text/html; charset=utf-8").unwrap_err(),
            "answer is not application/json but text/html"
        );
    }
}
