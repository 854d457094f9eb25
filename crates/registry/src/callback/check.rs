//! What the settings of a callback must be like.

use triggerfish_core::{
    Callback, FailurePolicy, SubscriptionId, Timestamp, Timing,
    subscription::{HttpConfig, Signing},
};

use super::{CallbackSettings, headers};
use crate::{
    credentials::{self, Names},
    error::ChangeError,
    limits::Limits,
    settings,
};

/// The longest time for one call, in milliseconds.
const TIMEOUT_MS_MAX: u32 = 10_000;

const CREDENTIALS: Names = Names {
    kind: "authentication.type",
    basic: "authentication.userName",
    user_name: "authentication.userName",
    password: "authentication.password",
    bearer: "authentication.bearerToken",
    token: "authentication.bearerToken",
};

/// What never changes about a callback, or not by what a client says.
pub(super) struct Fixed {
    pub(super) id: SubscriptionId,
    pub(super) timing: Timing,
    pub(super) object_type: String,
    pub(super) signing: Signing,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
}

/// The callback that `settings` describe. Credentials may be missing where `stored`
/// has them and the authentication stays the same.
pub(super) fn callback(
    fixed: Fixed,
    settings: CallbackSettings,
    stored: Option<&HttpConfig>,
    limits: &Limits,
) -> Result<Callback, ChangeError> {
    settings::check_name(&settings.name, limits.name_chars_max)?;
    settings::check_description(settings.description.as_deref())?;
    let mut http_config = settings.http_config;
    http_config.http_dispatch_mode = None;
    settings::check_url("url", &http_config.url, limits)?;
    credentials::check(&mut http_config, stored, &CREDENTIALS)?;
    check_expected_status(fixed.timing, settings.expected_status)?;
    headers::check(&settings.request_headers)?;
    check_timeout(settings.timeout_ms)?;
    if fixed.timing == Timing::After && settings.failure_policy.is_some() {
        return Err(ChangeError::invalid(
            "failurePolicy",
            "is for callbacks that can block, and this one is called after the action",
            "leave it out, or make a callback with timing BEFORE",
        ));
    }
    let callback = Callback {
        id: fixed.id,
        name: settings.name,
        description: settings.description,
        timing: fixed.timing,
        object_type: fixed.object_type,
        http_config,
        expected_status: settings.expected_status,
        request_headers: settings.request_headers,
        enabled: settings.enabled,
        timeout_ms: settings.timeout_ms,
        failure_policy: settings.failure_policy.unwrap_or(FailurePolicy::Deny),
        signing: fixed.signing,
        created: fixed.created,
        modified: fixed.modified,
    };
    match callback.actions() {
        Ok(_) => Ok(callback),
        Err(unknown) => Err(headers::unknown_action(&unknown)),
    }
}

fn check_expected_status(timing: Timing, status: Option<u16>) -> Result<(), ChangeError> {
    let (problem, remedy) = match (timing, status) {
        (Timing::Before, Some(100..=599)) | (Timing::After, None) => return Ok(()),
        (Timing::Before, None) => (
            "is missing, and the callback is called before the action".to_owned(),
            "write the HTTP status that allows the action, e.g. 200",
        ),
        (Timing::Before, Some(status)) => (
            format!("{status} is not an HTTP status"),
            "choose 100 to 599, e.g. 200",
        ),
        (Timing::After, Some(_)) => (
            "is for callbacks that can block, and this one is called after the action".to_owned(),
            "leave it out: any 2xx is a success",
        ),
    };
    Err(ChangeError::invalid("expectedStatus", problem, remedy))
}

fn check_timeout(timeout_ms: Option<u32>) -> Result<(), ChangeError> {
    match timeout_ms {
        Some(ms) if !(1..=TIMEOUT_MS_MAX).contains(&ms) => Err(ChangeError::invalid(
            "timeoutMs",
            format!("{ms} is out of range"),
            format!("choose 1 to {TIMEOUT_MS_MAX}, or leave it out"),
        )),
        _ => Ok(()),
    }
}
