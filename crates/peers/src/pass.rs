//! How a process shows another one that it belongs to the same installation.
//!
//! A pass is an HMAC of path, time and body of one request, under a key derived from the
//! server keys: it fits no other request and is over in a minute. Every server key
//! verifies, so keys rotate as they do for tokens.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use subtle::{Choice, ConstantTimeEq as _};
use triggerfish_core::{
    Timestamp,
    keys::{Purpose, ServerKeys, hmac},
};

/// The header that carries it.
pub(crate) const HEADER: &str = "x-triggerfish-peer";
/// How far the clocks of two processes may be apart, the way included.
const VALID: Duration = Duration::from_mins(1);

/// Why a pass is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PassError {
    #[error("the header x-triggerfish-peer is missing or not well-formed")]
    Malformed,
    #[error("the pass is not signed by a server key of this process, or for another request")]
    Signature,
    #[error("the pass is too old or from the future: compare the clocks of both hosts")]
    Expired,
}

/// A pass for one request.
pub(crate) fn sign(keys: &ServerKeys, path: &str, body: &[u8], now: Timestamp) -> String {
    let millis = now.as_millis();
    let signature = mac(&keys.newest(Purpose::PeerCall), path, body, millis);
    format!("{millis}.{}", BASE64.encode(signature))
}

/// Whether `pass` was made for this request a moment ago.
pub(crate) fn verify(
    keys: &ServerKeys,
    pass: &str,
    path: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), PassError> {
    let (said, signature) = pass.split_once('.').ok_or(PassError::Malformed)?;
    let millis: u64 = said.parse().map_err(|_| PassError::Malformed)?;
    // One pass has one form, without a sign or zeros before it.
    if millis.to_string() != said {
        return Err(PassError::Malformed);
    }
    let signature = BASE64.decode(signature).map_err(|_| PassError::Malformed)?;
    let mut known = Choice::from(0);
    for key in keys.derive(Purpose::PeerCall) {
        known |= mac(&key, path, body, millis).as_slice().ct_eq(&signature);
    }
    if !bool::from(known) {
        return Err(PassError::Signature);
    }
    let made = Timestamp::from_millis(millis);
    let apart = made.until(now).max(now.until(made));
    (apart <= VALID).then_some(()).ok_or(PassError::Expired)
}

fn mac(key: &[u8; 32], path: &str, body: &[u8], millis: u64) -> [u8; 32] {
    let length = (path.len() as u64).to_be_bytes();
    hmac(
        key,
        &[&millis.to_be_bytes(), &length, path.as_bytes(), body],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> ServerKeys {
        let keys: Vec<Vec<u8>> = bytes.iter().map(|byte| vec![*byte; 32]).collect();
        ServerKeys::new(&keys).unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn fits_one_request_for_a_minute() {
        let pass = sign(&keys(&[1]), "/a", b"body", at(1000));
        let check =
            |keys: &ServerKeys, path, body: &[u8], now| verify(keys, &pass, path, body, now);
        let own = keys(&[1]);
        for (now, expected) in [
            (at(939), Err(PassError::Expired)),
            (at(940), Ok(())),
            (at(1000), Ok(())),
            (at(1060), Ok(())),
            (at(1061), Err(PassError::Expired)),
        ] {
            assert_eq!(check(&own, "/a", b"body", now), expected, "{now}");
        }
        let forged = Err(PassError::Signature);
        assert_eq!(check(&own, "/b", b"body", at(1000)), forged);
        assert_eq!(check(&own, "/a", b"bodY", at(1000)), forged);
        assert_eq!(check(&own, "/abod", b"y", at(1000)), forged);
        assert_eq!(check(&keys(&[2]), "/a", b"body", at(1000)), forged);
        assert_eq!(check(&keys(&[2, 1]), "/a", b"body", at(1000)), Ok(()));
        let later = pass.replace("1000000.", "1000001.");
        assert_eq!(verify(&own, &later, "/a", b"body", at(1000)), forged);
    }

    #[test]
    fn nonsense_is_malformed() {
        for pass in [
            "",
            ".",
            "1",
            "x.AA",
            "1.***",
            "+1.AA",
            "01.AA",
            "99999999999999999999.AA",
        ] {
            let refused = verify(&keys(&[1]), pass, "/a", b"", at(0));
            assert_eq!(refused, Err(PassError::Malformed), "{pass:?}");
        }
        assert_eq!(
            verify(&keys(&[1]), "1.", "/a", b"", at(0)),
            Err(PassError::Signature)
        );
    }
}
