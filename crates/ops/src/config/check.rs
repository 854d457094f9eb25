//! What must hold between values. Every contradiction is reported, not only the
//! first.

use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::{Config, reader::Reader, server_keys};

/// Between the latest deadline and the moment at which the log forgets the request:
/// time to notice the deadline and to emit the completion.
pub(super) const RETENTION_MARGIN: Duration = Duration::from_hours(1);

pub(super) fn check(config: &Config, reader: &mut Reader<'_>) {
    storage(config, reader);
    delivery(config, reader);
    callbacks(config, reader);
    security(config, reader);
    console(config, reader);
    if EnvFilter::builder().parse(&config.log.level).is_err() {
        reader.conflict(
            &["log.level"],
            "is not a level or filter; write error, warn, info, debug, trace or a filter such as info,triggerfish_delivery=debug",
        );
    }
}

fn storage(config: &Config, reader: &mut Reader<'_>) {
    let storage = &config.storage;
    if !(1..=super::Storage::PARTITIONS_MAX).contains(&storage.partitions) {
        reader.conflict(&["storage.partitions"], "must be from 1 to 4096");
    }
    let retention = storage.log_retention.get();
    for (key, longest) in [
        (
            "limits.response_deadline_max",
            &config.limits.response_deadline_max,
        ),
        (
            "delivery.fire_and_forget_deadline",
            &config.delivery.fire_and_forget_deadline,
        ),
        ("callbacks.after_within", &config.callbacks.after_within),
    ] {
        if longest.get().saturating_add(RETENTION_MARGIN) > retention {
            reader.conflict(
                &[key, "storage.log_retention"],
                "an invocation may not stay open longer than the log keeps its records; make the deadline at least PT1H shorter than the retention",
            );
        }
    }
    for (key, keep) in [
        ("storage.keep_completed", &storage.keep_completed),
        ("storage.keep_failed", &storage.keep_failed),
        ("callbacks.keep_history", &config.callbacks.keep_history),
    ] {
        if keep.get() > retention {
            reader.conflict(
                &[key, "storage.log_retention"],
                "an invocation can't be looked up longer than the log keeps its records; shorten the one or lengthen the other",
            );
        }
    }
}

fn delivery(config: &Config, reader: &mut Reader<'_>) {
    let delivery = &config.delivery;
    if delivery.max_in_flight > delivery.max_in_flight_total {
        reader.conflict(
            &["delivery.max_in_flight", "delivery.max_in_flight_total"],
            "one subscription can't have more calls in flight than all together",
        );
    }
    if delivery.breaker_pause.get() > delivery.breaker_pause_max.get() {
        reader.conflict(
            &["delivery.breaker_pause", "delivery.breaker_pause_max"],
            "the first pause can't be longer than the longest",
        );
    }
    for (group, retry) in [
        (
            "delivery.fire_and_forget_retry",
            &delivery.fire_and_forget_retry,
        ),
        (
            "delivery.request_response_retry",
            &delivery.request_response_retry,
        ),
    ] {
        if retry.initial_delay_ms > retry.max_delay_ms {
            reader.conflict(
                &[
                    &format!("{group}.initial_delay_ms"),
                    &format!("{group}.max_delay_ms"),
                ],
                "the first wait can't be longer than the longest",
            );
        }
    }
    let longest = config.limits.response_deadline_max.get();
    if delivery.call_timeout.get() > longest {
        reader.conflict(
            &["delivery.call_timeout", "limits.response_deadline_max"],
            "a call can't be allowed more time than its invocation",
        );
    }
}

fn callbacks(config: &Config, reader: &mut Reader<'_>) {
    let callbacks = &config.callbacks;
    if callbacks.budget.get() > callbacks.budget_max.get() {
        reader.conflict(
            &["callbacks.budget", "callbacks.budget_max"],
            "the usual budget can't be longer than the longest",
        );
    }
    if callbacks.budget_max.get() > Duration::from_secs(10) {
        reader.conflict(
            &["callbacks.budget_max"],
            "nobody waits longer than PT10S for a decision",
        );
    }
    if callbacks.max_in_flight > config.delivery.max_in_flight_total {
        reader.conflict(
            &["callbacks.max_in_flight", "delivery.max_in_flight_total"],
            "one callback can't have more calls in flight than all together",
        );
    }
}

fn security(config: &Config, reader: &mut Reader<'_>) {
    let security = &config.security;
    if !security.keys.is_empty() && security.key_file.is_some() {
        reader.conflict(
            &["security.keys", "security.key_file"],
            "give the keys themselves or their file, not both",
        );
    }
    if server_keys::decode(security.keys.iter().map(triggerfish_core::Secret::expose)).is_err() {
        reader.conflict(
            &["security.keys"],
            "every key must be base64 of at least 32 bytes; make one with `openssl rand -base64 32`",
        );
    }
    let (alone, missing) = match (&security.client_id, &security.client_secret) {
        (Some(_), None) => ("security.client_id", "TRIGGERFISH_CLIENT_SECRET"),
        (None, Some(_)) => ("security.client_secret", "TRIGGERFISH_CLIENT_ID"),
        _ => return,
    };
    let text = format!("an API client needs an id and a secret; set {missing} too");
    reader.conflict(&[alone], &text);
}

/// Short passwords can be guessed, however slowly.
const PASSWORD_CHARACTERS_MIN: usize = 12;

fn console(config: &Config, reader: &mut Reader<'_>) {
    let console = &config.console;
    let (admin, viewer) = ("console.admin_password", "console.viewer_password");
    for (key, password) in [
        (admin, &console.admin_password),
        (viewer, &console.viewer_password),
    ] {
        let length = password.as_ref().map(|text| text.expose().chars().count());
        if length.is_some_and(|length| length < PASSWORD_CHARACTERS_MIN) {
            reader.conflict(&[key], "must have at least 12 characters");
        }
    }
    if console.admin_password.is_some() && console.admin_password == console.viewer_password {
        reader.conflict(
            &[admin, viewer],
            "must differ: by the password it is told who somebody is",
        );
    }
    if console.session_idle.get() > console.session_lifetime.get() {
        reader.conflict(
            &["console.session_idle", "console.session_lifetime"],
            "a session can't be left unused for longer than it lasts",
        );
    }
}
