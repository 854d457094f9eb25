//! Calls one subscriber once over HTTP and says what came of it.
//!
//! A call never fails and never panics: everything bad that a network, a server
//! or a setting can do becomes a [`triggerfish_core::Reply`] with a
//! [`triggerfish_core::Failure`] that a person can act on. This crate must never
//! repeat a call, follow a redirect, read more than it was allowed to, connect to
//! an address that the [`Guard`] has not vetted, or put a credential, a secret or
//! the query of a URL into a message.
//!
//! Start with [`Caller::call`]; `request` shows what goes out, `classify` what the
//! answer means.
//!
//! # What an answer means
//!
//! | what came back | SYNC | ASYNC | DYNAMIC | `FIRE_AND_FORGET` |
//! |---|---|---|---|---|
//! | 200 | answered, if its body is | acknowledged, if its body is JSON | as SYNC | delivered |
//! | 202 | refused | refused | as ASYNC with 200 | delivered |
//! | another 2xx | refused | refused | refused | delivered |
//! | 3xx (never followed), 410 | refused | refused | refused | refused |
//! | 408, 425, 429, 5xx | unavailable | unavailable | unavailable | unavailable |
//! | any other status | refused | refused | refused | unavailable |
//! | not `application/json` or `+json` | refused | refused | refused | not looked at |
//! | not JSON, larger than allowed | refused | refused | refused | not looked at |
//! | output does not fit the schema | refused | - | refused (200) | - |
//! | no whole answer within the limit | unavailable | unavailable | unavailable | unavailable (the status line is enough) |
//! | no address, no connection, bad certificate, reset, not HTTP | unavailable | unavailable | unavailable | unavailable |
//! | address not allowed, settings unfit | refused | refused | refused | refused |
//!
//! *Unavailable* means that the same call may work later, *refused* that it would
//! come to the same again. A wrong certificate is unavailable since certificates
//! expire and are renewed. A 4xx answer to fire and forget is unavailable since
//! nobody is waiting and a subscriber that is being mended shall not miss events;
//! only 410 says that there is nobody, and a redirect needs a person.
//!
//! Callbacks are asked before an action or told after one. Their status says it all: the
//! expected one, or without any 2xx, is delivered, every other refused. The beginning of the
//! answer is kept for their history, whatever it is.

mod body;
mod caller;
mod classify;
mod failure;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod metadata;
mod options;
mod pace;
mod redact;
mod request;
mod resolve;
mod retry_after;
mod still;
mod targets;
mod tls;
pub mod trace;
mod transport;
pub mod webhook;

pub use caller::{Answer, Call, Callback, Caller, Lifecycle, OutputCheck};
pub use guard::{Guard, URL_BYTES_MAX, UrlError, check_url};
pub use options::{Error, Options};
pub use reqwest::{Request, Response};
pub use resolve::{Lookup, SystemLookup};
pub use transport::{Carried, Transport};
pub use url::Url;
