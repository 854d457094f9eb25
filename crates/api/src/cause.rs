//! What caused an event: headers that Triggerfish sends with every call and that
//! callers pass on.

use axum::http::{HeaderMap, HeaderName};
use triggerfish_wire::traceparent;

use crate::error::ApiError;

/// How many triggers are behind the call that caused this request.
pub(crate) const DEPTH: HeaderName = HeaderName::from_static("triggerfish-depth");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The cause of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// How many triggers are behind the event.
    pub(crate) depth: u32,
    /// W3C trace context.
    pub(crate) traceparent: Option<String>,
}

impl Cause {
    /// Reads the headers. An event that was caused by a call is one deeper than
    /// that call. A trace context that is not well-formed starts no trace.
    pub(crate) fn of(headers: &HeaderMap, depth_max: u32) -> Result<Self, ApiError> {
        let depth = match headers.get(DEPTH) {
            None => 0,
            Some(value) => value
                .to_str()
                .ok()
                .and_then(|text| text.trim().parse::<u32>().ok())
                .ok_or_else(|| {
                    ApiError::bad_request("triggerfish-depth must be a whole number, zero or more")
                })?
                .saturating_add(1),
        };
        check_depth(depth, depth_max)?;
        let traceparent = headers
            .get(TRACEPARENT)
            .and_then(|value| value.to_str().ok())
            .filter(|text| traceparent::is_valid(text))
            .map(str::to_owned);
        Ok(Self { depth, traceparent })
    }
}

/// The loop guard.
pub(crate) fn check_depth(depth: u32, depth_max: u32) -> Result<(), ApiError> {
    if depth > depth_max {
        let error = crate::ports::StartError::TooDeep {
            depth,
            limit: depth_max,
        };
        return Err(error.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(depth: &str) -> Result<Cause, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(DEPTH, depth.parse().unwrap());
        Cause::of(&headers, 3)
    }

    #[test]
    fn every_call_is_one_deeper_up_to_the_limit() {
        assert_eq!(Cause::of(&HeaderMap::new(), 3).unwrap().depth, 0);
        assert_eq!(cause("0").unwrap().depth, 1);
        assert_eq!(cause("2").unwrap().depth, 3);
        for bad in ["3", "4294967295", "-1", "x", ""] {
            assert!(cause(bad).is_err(), "{bad}");
        }
    }
}
