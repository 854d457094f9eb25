//! What the fuzzer reaches of this crate.

use triggerfish_core::Subscription;

use crate::{body, patch};

/// The subscription after the patch in this body, or what the caller is told.
///
/// # Errors
/// When the body is no patch, or the patch does not fit.
pub fn patched(body: &[u8], subscription: Subscription) -> Result<Subscription, String> {
    let patch: patch::Patch = body::parse(body).map_err(|error| error.text().to_owned())?;
    patch::patched(&patch, subscription).map_err(|error| error.to_string())
}
