//! Standard Webhooks signatures, checked as a subscriber checks them: from the
//! specification, not from the service's code.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::Call;

/// How many of the call's signatures `secret` (`whsec_...`) has made.
#[must_use]
pub fn made_by(secret: &str, call: &Call) -> usize {
    let key = secret
        .strip_prefix("whsec_")
        .expect("a secret begins with whsec_");
    let key = STANDARD.decode(key).expect("a secret is base64");
    let signed = format!(
        "{}.{}.",
        call.header("webhook-id"),
        call.header("webhook-timestamp")
    );
    let of = |text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes any key");
        mac.update(signed.as_bytes());
        mac.update(&call.body);
        let signature = STANDARD.decode(text).unwrap_or_default();
        mac.verify_slice(&signature).is_ok()
    };
    let versions = call.header("webhook-signature").split(' ');
    versions
        .filter_map(|version| version.strip_prefix("v1,"))
        .filter(|text| of(text))
        .count()
}
