//! What the settings of a subscription must be like.

use triggerfish_core::{
    RetryPolicy, Secret, Subscription, SubscriptionId, TriggerType,
    deadline::{self, DEFAULT_RESPONSE_DEADLINE},
    subscription::{
        AuthenticationType, DeliveryOptions, EventBridgeConfig, HttpConfig, SubscriptionType,
    },
};

use crate::{error::ChangeError, filters, limits::Limits, model::Settings};

const DESCRIPTION_CHARS_MAX: usize = 4_000;
const URL_BYTES_MAX: usize = 2_048;
const CREDENTIAL_BYTES_MAX: usize = 8_192;
const IN_FLIGHT_MAX: u32 = 10_000;
const ATTEMPTS_MAX: u32 = 1_000;
/// A day.
const RETRY_DELAY_MS_MAX: u64 = 86_400_000;

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
    check_name(&candidate.name, limits)?;
    if let Some(description) = &candidate.description
        && description.chars().count() > DESCRIPTION_CHARS_MAX
    {
        return Err(too_long("description", DESCRIPTION_CHARS_MAX));
    }
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
            let has_password = has_credential(stored, AuthenticationType::BasicAuth);
            let has_token = has_credential(stored, AuthenticationType::BearerToken);
            let Some(http) = &mut candidate.http_config else {
                return Err(missing("httpConfig", "the type is HTTP"));
            };
            check_http(http, trigger_type, limits)?;
            check_authentication(http, has_password, has_token)
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

/// `stored`, if its credentials are of the kind that `candidate` uses.
pub(crate) fn same_authentication<'a>(
    candidate: &Subscription,
    stored: Option<&'a Subscription>,
) -> Option<&'a Subscription> {
    let kind = |subscription: &Subscription| {
        let http = subscription.http_config.as_ref()?;
        Some(http.http_authentication_type)
    };
    stored.filter(|stored| kind(stored) == kind(candidate))
}

fn has_credential(stored: Option<&Subscription>, kind: AuthenticationType) -> bool {
    let Some(http) = stored.and_then(|stored| stored.http_config.as_ref()) else {
        return false;
    };
    let credential = match kind {
        AuthenticationType::NoAuth => None,
        AuthenticationType::BasicAuth => http
            .basic_auth_config
            .as_ref()
            .and_then(|basic| basic.password.as_ref()),
        AuthenticationType::BearerToken => http
            .bearer_token_auth_config
            .as_ref()
            .and_then(|bearer| bearer.bearer_token.as_ref()),
    };
    http.http_authentication_type == kind && credential.is_some()
}

fn check_name(name: &str, limits: &Limits) -> Result<(), ChangeError> {
    if name.trim().is_empty() {
        return Err(ChangeError::invalid("name", "is empty", "give it a name"));
    }
    if name.chars().count() > limits.name_chars_max {
        return Err(too_long("name", limits.name_chars_max));
    }
    Ok(())
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
    if http.url.len() > URL_BYTES_MAX {
        return Err(too_long("httpConfig.url", URL_BYTES_MAX));
    }
    (limits.check_url)(&http.url).map_err(|problem| {
        ChangeError::invalid(
            "httpConfig.url",
            problem,
            "write the address of an endpoint that may be called",
        )
    })?;
    if trigger_type == TriggerType::RequestResponse && http.http_dispatch_mode.is_none() {
        return Err(ChangeError::invalid(
            "httpConfig.httpDispatchMode",
            "is missing, and the trigger is REQUEST_RESPONSE",
            "choose SYNC, ASYNC or DYNAMIC",
        ));
    }
    Ok(())
}

/// A configuration of another authentication type is dropped when it says
/// nothing, and refused when it holds a credential: the caller would believe that
/// it is used.
fn check_authentication(
    http: &mut HttpConfig,
    has_password: bool,
    has_token: bool,
) -> Result<(), ChangeError> {
    let kind = http.http_authentication_type;
    if kind == AuthenticationType::BasicAuth {
        let Some(basic) = &http.basic_auth_config else {
            return Err(missing("httpConfig.basicAuthConfig", "it is BASIC_AUTH"));
        };
        check_user_name(&basic.user_name)?;
        let field = "httpConfig.basicAuthConfig.password";
        check_credential(field, basic.password.as_ref(), has_password)?;
    } else if let Some(basic) = http.basic_auth_config.take() {
        unused(
            "httpConfig.basicAuthConfig",
            "BASIC_AUTH",
            basic.password.as_ref(),
        )?;
    }
    if kind == AuthenticationType::BearerToken {
        let Some(bearer) = &http.bearer_token_auth_config else {
            return Err(missing(
                "httpConfig.bearerTokenAuthConfig",
                "it is BEARER_TOKEN",
            ));
        };
        let field = "httpConfig.bearerTokenAuthConfig.bearerToken";
        check_credential(field, bearer.bearer_token.as_ref(), has_token)?;
    } else if let Some(bearer) = http.bearer_token_auth_config.take() {
        unused(
            "httpConfig.bearerTokenAuthConfig",
            "BEARER_TOKEN",
            bearer.bearer_token.as_ref(),
        )?;
    }
    Ok(())
}

/// RFC 7617: no colon, which ends the name, and no control characters.
fn check_user_name(name: &str) -> Result<(), ChangeError> {
    let illegal = |c: char| c == ':' || c.is_control();
    if name.is_empty() || name.len() > CREDENTIAL_BYTES_MAX || name.chars().any(illegal) {
        return Err(ChangeError::invalid(
            "httpConfig.basicAuthConfig.userName",
            "is empty, too long, or has a colon or control character",
            "write the user name that the subscriber expects",
        ));
    }
    Ok(())
}

fn check_credential(
    field: &str,
    given: Option<&Secret>,
    is_stored: bool,
) -> Result<(), ChangeError> {
    let problem = match given.map(Secret::expose) {
        None if is_stored => return Ok(()),
        None | Some("") => "is missing",
        Some(text) if text.len() > CREDENTIAL_BYTES_MAX => "is too long",
        Some(text) if text.chars().any(char::is_control) => "has a control character",
        Some(_) => return Ok(()),
    };
    Err(ChangeError::invalid(
        field,
        problem,
        format!("write 1 to {CREDENTIAL_BYTES_MAX} bytes without control characters"),
    ))
}

fn unused(field: &str, kind: &str, credential: Option<&Secret>) -> Result<(), ChangeError> {
    if credential.is_some_and(|secret| !secret.expose().is_empty()) {
        return Err(ChangeError::invalid(
            field,
            format!("holds a credential, but httpAuthenticationType is not {kind}"),
            format!("set httpConfig.httpAuthenticationType to {kind}, or leave {field} out"),
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

fn missing(field: &str, why: &str) -> ChangeError {
    ChangeError::invalid(field, format!("is missing, and {why}"), "add it")
}

fn too_long(field: &str, chars_max: usize) -> ChangeError {
    ChangeError::invalid(
        field,
        "is too long",
        format!("write at most {chars_max} characters"),
    )
}
