//! Whether a call is signed as its subscriber expects, after Standard Webhooks: stated here
//! once more, by the text of the standard and of the design.

use base64::{Engine, engine::general_purpose::STANDARD};
use triggerfish_core::keys::{Purpose, ServerKeys, hmac};

use crate::cast;

/// Whether `signature` is the one of the subscriber of this number, whose secret was never
/// changed, for what it was sent.
#[must_use]
pub(crate) fn is_right(
    keys: &ServerKeys,
    subscriber: u32,
    signature: &str,
    id: &str,
    timestamp: &str,
    body: &[u8],
) -> bool {
    let key = keys.newest(Purpose::WebhookSigning);
    let whose = cast::subscription(subscriber.into());
    let generation = 0_u32.to_be_bytes();
    let secret = hmac(&key, &[whose.0.as_bytes(), &generation]);
    let what = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let mac = STANDARD.encode(hmac(&secret, &what));
    signature.split(' ').any(|one| one == format!("v1,{mac}"))
}
