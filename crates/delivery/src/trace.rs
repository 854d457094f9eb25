//! W3C trace context of a call (<https://www.w3.org/TR/trace-context/>).
//!
//! Ids are derived, not random, so the span that a dispatcher records and the one
//! a subscriber sees are the same.

use std::fmt::Write;

use triggerfish_core::InvocationId;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Keeps span ids apart from other numbers derived from an invocation id.
const SPAN_SEED: u64 = 0x7370_616e;

/// The id of the span of call number `attempt`; never zero.
#[must_use]
pub fn span_id(id: InvocationId, attempt: u32) -> u64 {
    xxh3_64_with_seed(id.as_bytes(), SPAN_SEED + u64::from(attempt)).max(1)
}

/// The `traceparent` of call number `attempt`: the trace of `cause` goes on; without
/// a valid cause the invocation id is the trace, sampled.
#[must_use]
pub fn traceparent(cause: Option<&str>, id: InvocationId, attempt: u32) -> String {
    let mut text = String::with_capacity(55);
    text.push_str("00-");
    let cause = cause.and_then(parse);
    if let Some((trace, _)) = cause {
        text.push_str(trace);
    } else {
        write!(text, "{:032x}", u128::from_be_bytes(*id.as_bytes()))
            .expect("writing to a string never fails");
    }
    let flags = cause.map_or("01", |(_, flags)| flags);
    write!(text, "-{:016x}-{flags}", span_id(id, attempt))
        .expect("writing to a string never fails");
    text
}

/// Trace id and flags of a `traceparent`. Of versions later than ours the known
/// front part counts.
fn parse(text: &str) -> Option<(&str, &str)> {
    let (known, rest) = text.split_at_checked(55)?;
    let mut parts = known.split('-');
    let mut part = |length: usize| {
        let part = parts.next()?;
        let is_hex = part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (part.len() == length && is_hex).then_some(part)
    };
    let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let ends_well = rest.is_empty() || (version != "00" && rest.starts_with('-'));
    let is_zero = |part: &str| part.bytes().all(|b| b == b'0');
    (ends_well && version != "ff" && !is_zero(trace) && !is_zero(span)).then_some((trace, flags))
}

#[cfg(test)]
mod tests {
    use triggerfish_core::{InvocationKey, Timestamp};

    use super::*;

    const CAUSE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn id() -> InvocationId {
        InvocationId::new(Timestamp::from_millis(1), 2, InvocationKey(3))
    }

    #[test]
    fn goes_on_with_the_trace_of_the_cause() {
        let first = traceparent(Some(CAUSE), id(), 1);
        assert!(first.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(first.ends_with("-00") && first.len() == 55);
        assert!(!first.contains("00f067aa0ba902b7"));
        assert_eq!(first, traceparent(Some(CAUSE), id(), 1));
        assert_ne!(first, traceparent(Some(CAUSE), id(), 2));
        assert!(parse(&first).is_some());
        let later = format!("01{}-more", &CAUSE[2..]);
        assert!(traceparent(Some(&later), id(), 1).contains("4bf92f3577b34da6"));
    }

    #[test]
    fn what_is_no_trace_context_begins_a_trace() {
        let own = traceparent(None, id(), 1);
        assert_eq!(own[3..35], id().to_string().replace('-', ""));
        assert!(own.ends_with("-01") && parse(&own).is_some());
        let bad = [
            String::new(),
            "00".into(),
            CAUSE.to_uppercase(),
            format!("ff{}", &CAUSE[2..]),
            format!("{CAUSE}-more"),
            format!("{CAUSE}x"),
            CAUSE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            CAUSE.replace("00f067aa0ba902b7", &"0".repeat(16)),
            "é".repeat(40),
        ];
        for cause in bad {
            assert_eq!(traceparent(Some(&cause), id(), 1), own, "{cause}");
        }
    }
}
