//! Which request headers a callback may have.

use std::collections::{BTreeMap, BTreeSet};

use triggerfish_core::callback::ACTION_HEADER;

use crate::{error::ChangeError, schema::cut};

const FIELD: &str = "requestHeaders";
const HEADERS_MAX: usize = 50;
const NAME_BYTES_MAX: usize = 200;
const VALUE_BYTES_MAX: usize = 4_096;

/// Headers that a call has anyway, or that belong to the connection.
const RESERVED: [&str; 18] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "accept",
    "accept-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "traceparent",
    "tracestate",
    "user-agent",
];
/// All headers that begin like this are reserved.
const RESERVED_PREFIXES: [&str; 2] = ["webhook-", "triggerfish-"];

/// Judges names and values.
pub(super) fn check(headers: &BTreeMap<String, String>) -> Result<(), ChangeError> {
    if headers.len() > HEADERS_MAX {
        return Err(ChangeError::invalid(
            FIELD,
            format!("has {} headers", headers.len()),
            format!("write at most {HEADERS_MAX}"),
        ));
    }
    let mut seen = BTreeSet::new();
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        check_name(name, &lower)?;
        check_value(name, value)?;
        if !seen.insert(lower) {
            return Err(ChangeError::invalid(
                field(name),
                "stands twice, in different cases",
                "keep one of them",
            ));
        }
    }
    Ok(())
}

/// What to say about a header `action` that names something else than actions.
pub(super) fn unknown_action(name: &str) -> ChangeError {
    ChangeError::invalid(
        field(ACTION_HEADER),
        format!("{:?} is not an action", cut(name, 50)),
        "write one or more of CREATED, UPDATED and DELETED, separated by commas, or leave it out to be called for all three",
    )
}

fn check_name(name: &str, lower: &str) -> Result<(), ChangeError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_token) {
        return Err(ChangeError::invalid(
            FIELD,
            format!("{:?} is not the name of a header", cut(name, 50)),
            format!("use 1 to {NAME_BYTES_MAX} letters, digits and any of !#$%&'*+-.^_`|~"),
        ));
    }
    if lower == "authorization" {
        return Err(ChangeError::invalid(
            field(name),
            "is a credential, and headers are shown to whoever reads callbacks",
            "use authentication instead",
        ));
    }
    let begins = |prefix: &&str| lower.starts_with(*prefix);
    if RESERVED.contains(&lower) || RESERVED_PREFIXES.iter().any(begins) {
        return Err(ChangeError::invalid(
            field(name),
            "is reserved, the service sets it itself or never sends it",
            "leave it out, or choose a name of your own such as x-tenant",
        ));
    }
    Ok(())
}

/// RFC 9110: visible ASCII, and spaces or tabs between.
fn check_value(name: &str, value: &str) -> Result<(), ChangeError> {
    let legal = |b: u8| b.is_ascii_graphic() || matches!(b, b' ' | b'\t');
    let problem = if value.len() > VALUE_BYTES_MAX {
        "is too long"
    } else if !value.bytes().all(legal) {
        "has a character that headers can't carry"
    } else {
        return Ok(());
    };
    let remedy = format!("write at most {VALUE_BYTES_MAX} characters of printable ASCII");
    Err(ChangeError::invalid(field(name), problem, remedy))
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn field(name: &str) -> String {
    format!("{FIELD}.{name}")
}
