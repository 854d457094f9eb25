//! What the settings of a subscription must be like.

use triggerfish_core::{
    RetryPolicy, Subscription, SubscriptionId, TriggerType,
    deadline::{self, DEFAULT_RESPONSE_DEADLINE},
    subscription::{DeliveryOptions, EventBridgeConfig, HttpConfig, SubscriptionType},
};

use crate::{
    credentials::{self, Names},
    error::ChangeError,
    filters,
    limits::Limits,
    model::Settings,
};

const DESCRIPTION_CHARS_MAX: usize = 4_000;
const URL_BYTES_MAX: usize = 2_048;
const IN_FLIGHT_MAX: u32 = 10_000;
const ATTEMPTS_MAX: u32 = 1_000;
/// A day.
const RETRY_DELAY_MS_MAX: u64 = 86_400_000;

const CREDENTIALS: Names = Names {
    kind: "httpConfig.httpAuthenticationType",
    basic: "httpConfig.basicAuthConfig",
    user_name: "httpConfig.basicAuthConfig.userName",
    password: "httpConfig.basicAuthConfig.password",
    bearer: "httpConfig.bearerTokenAuthConfig",
    token: "httpConfig.bearerTokenAuthConfig.bearerToken",
};

/// The subscription that `settings` describe, not judged yet.
pub(crate) fn subscription(
    id: SubscriptionId,
    trigger_id: String,
    settings: &Settings,
) -> Subscription {
    let deadline = settings.response_deadline.as_deref();
    Subscription {
        id,
        name: settings.name.clone(),
        description: settings.description.clone(),
        trigger_id,
        subscription_type: settings.subscription_type,
        response_deadline: deadline.unwrap_or(DEFAULT_RESPONSE_DEADLINE).to_owned(),
        http_config: settings.http_config.clone(),
        event_bridge_config: settings.event_bridge_config.clone(),
        enabled: settings.enabled,
        filter: settings.filter.clone(),
        delivery: settings.delivery.clone().unwrap_or_default(),
        signing: triggerfish_core::subscription::Signing::default(),
        disabled_reason: None,
    }
}

/// Judges `candidate` and drops what does not belong to its type. Credentials may
/// be missing where `stored` has them and the authentication stays the same.
pub(crate) fn check(
    candidate: &mut Subscription,
    trigger_type: TriggerType,
    limits: &Limits,
    stored: Option<&Subscription>,
) -> Result<(), ChangeError> {
    check_name(&candidate.name, limits.name_chars_max)?;
    check_description(candidate.description.as_deref())?;
    check_deadline(&candidate.response_deadline, limits)?;
    if candidate.filter.as_deref().is_some_and(str::is_empty) {
        candidate.filter = None;
    }
    if let Some(filter) = &candidate.filter {
        filters::compile(filter)?;
    }
    check_delivery(&candidate.delivery)?;
    match candidate.subscription_type {
        SubscriptionType::Http => {
            candidate.event_bridge_config = None;
            let Some(http) = &mut candidate.http_config else {
                return Err(missing("httpConfig", "the type is HTTP"));
            };
            check_http(http, trigger_type, limits)?;
            let stored = stored.and_then(|stored| stored.http_config.as_ref());
            credentials::check(http, stored, &CREDENTIALS)
        }
        SubscriptionType::Eventbridge => {
            candidate.http_config = None;
            match &candidate.event_bridge_config {
                Some(config) => check_event_bridge(config),
                None => Err(missing("eventBridgeConfig", "the type is EVENTBRIDGE")),
            }
        }
    }
}

pub(crate) fn check_name(name: &str, chars_max: usize) -> Result<(), ChangeError> {
    if name.trim().is_empty() {
        return Err(ChangeError::invalid("name", "is empty", "give it a name"));
    }
    if name.chars().count() > chars_max {
        return Err(too_long("name", chars_max));
    }
    Ok(())
}

pub(crate) fn check_description(description: Option<&str>) -> Result<(), ChangeError> {
    match description {
        Some(text) if text.chars().count() > DESCRIPTION_CHARS_MAX => {
            Err(too_long("description", DESCRIPTION_CHARS_MAX))
        }
        _ => Ok(()),
    }
}

/// Whether the address in `field` may be called.
pub(crate) fn check_url(field: &str, url: &str, limits: &Limits) -> Result<(), ChangeError> {
    if url.len() > URL_BYTES_MAX {
        return Err(too_long(field, URL_BYTES_MAX));
    }
    (limits.check_url)(url).map_err(|problem| {
        ChangeError::invalid(
            field,
            problem,
            "write the address of an endpoint that may be called",
        )
    })
}

fn check_deadline(text: &str, limits: &Limits) -> Result<(), ChangeError> {
    let invalid =
        |problem: String, remedy: String| ChangeError::invalid("responseDeadline", problem, remedy);
    let deadline = deadline::parse(&crate::schema::cut(text, 100)).map_err(|error| {
        invalid(
            error.to_string(),
            "write an ISO-8601 duration such as PT1H".to_owned(),
        )
    })?;
    if deadline > limits.response_deadline_max {
        return Err(invalid(
            format!("{text} is longer than the log keeps invocations open"),
            format!(
                "write at most PT{}S, or have the limit and the retention of the log raised",
                limits.response_deadline_max.as_secs()
            ),
        ));
    }
    Ok(())
}

fn check_delivery(delivery: &DeliveryOptions) -> Result<(), ChangeError> {
    if let Some(in_flight) = delivery.max_in_flight
        && !(1..=IN_FLIGHT_MAX).contains(&in_flight)
    {
        return Err(ChangeError::invalid(
            "delivery.maxInFlight",
            format!("{in_flight} is out of range"),
            format!("choose 1 to {IN_FLIGHT_MAX}"),
        ));
    }
    match &delivery.retry {
        Some(retry) => check_retry(retry),
        None => Ok(()),
    }
}

fn check_retry(retry: &RetryPolicy) -> Result<(), ChangeError> {
    if !(1..=ATTEMPTS_MAX).contains(&retry.max_attempts) {
        return Err(ChangeError::invalid(
            "delivery.retry.maxAttempts",
            format!("{} is out of range", retry.max_attempts),
            format!("choose 1 (no retry) to {ATTEMPTS_MAX}"),
        ));
    }
    if retry.max_delay_ms > RETRY_DELAY_MS_MAX {
        return Err(ChangeError::invalid(
            "delivery.retry.maxDelayMs",
            format!("{} is more than a day", retry.max_delay_ms),
            format!("choose at most {RETRY_DELAY_MS_MAX}"),
        ));
    }
    if retry.initial_delay_ms > retry.max_delay_ms {
        return Err(ChangeError::invalid(
            "delivery.retry.initialDelayMs",
            "is more than maxDelayMs",
            "choose a value up to maxDelayMs",
        ));
    }
    if retry.max_attempts > 1 && retry.initial_delay_ms == 0 {
        return Err(ChangeError::invalid(
            "delivery.retry.initialDelayMs",
            "is 0, which would repeat calls without a pause",
            "choose at least 1, better 1000",
        ));
    }
    Ok(())
}

fn check_http(
    http: &HttpConfig,
    trigger_type: TriggerType,
    limits: &Limits,
) -> Result<(), ChangeError> {
    check_url("httpConfig.url", &http.url, limits)?;
    if trigger_type == TriggerType::RequestResponse && http.http_dispatch_mode.is_none() {
        return Err(ChangeError::invalid(
            "httpConfig.httpDispatchMode",
            "is missing, and the trigger is REQUEST_RESPONSE",
            "choose SYNC, ASYNC or DYNAMIC",
        ));
    }
    Ok(())
}

fn check_event_bridge(config: &EventBridgeConfig) -> Result<(), ChangeError> {
    let account = config.aws_account.as_bytes();
    if account.len() != 12 || !account.iter().all(u8::is_ascii_digit) {
        return Err(ChangeError::invalid(
            "eventBridgeConfig.awsAccount",
            "is not an AWS account number",
            "write its 12 digits",
        ));
    }
    if !is_region(&config.aws_region) {
        return Err(ChangeError::invalid(
            "eventBridgeConfig.awsRegion",
            "is not an AWS region",
            "write it like us-west-1",
        ));
    }
    Ok(())
}

/// Two letters, one or more words, a number: `us-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [area, words @ .., number] = parts.as_slice() else {
        return false;
    };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    text.len() <= 32
        && area.len() == 2
        && is_word(area)
        && !words.is_empty()
        && words.iter().all(|word| is_word(word))
        && (1..=2).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
}

pub(crate) fn missing(field: &str, why: &str) -> ChangeError {
    ChangeError::invalid(field, format!("is missing, and {why}"), "add it")
}

fn too_long(field: &str, chars_max: usize) -> ChangeError {
    ChangeError::invalid(
        field,
        "is too long",
        format!("write at most {chars_max} characters"),
    )
}
