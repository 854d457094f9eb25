//! Which keys a registry file may have.
//!
//! Checked on the parsed text before it is read, so that a misspelt key is named
//! with its place and with what is known there.

use serde_json::Value;

use super::problem::Problem;

/// The keys of one kind of table, and which of them are tables or lists of tables
/// with known keys of their own. All others may hold anything.
struct Shape {
    keys: &'static [&'static str],
    inner: &'static [(&'static str, &'static Shape)],
}

const RETRY: Shape = Shape {
    keys: &["maxAttempts", "initialDelayMs", "maxDelayMs"],
    inner: &[],
};
const DELIVERY: Shape = Shape {
    keys: &["ordering", "maxInFlight", "retry"],
    inner: &[("retry", &RETRY)],
};
const BASIC_AUTH: Shape = Shape {
    keys: &["userName", "password"],
    inner: &[],
};
const BEARER_TOKEN: Shape = Shape {
    keys: &["bearerToken"],
    inner: &[],
};
const HTTP: Shape = Shape {
    keys: &[
        "url",
        "httpDispatchMode",
        "httpAuthenticationType",
        "basicAuthConfig",
        "bearerTokenAuthConfig",
    ],
    inner: &[
        ("basicAuthConfig", &BASIC_AUTH),
        ("bearerTokenAuthConfig", &BEARER_TOKEN),
    ],
};
const EVENT_BRIDGE: Shape = Shape {
    keys: &["awsAccount", "awsRegion"],
    inner: &[],
};
const SUBSCRIPTION: Shape = Shape {
    keys: &[
        "triggerId",
        "name",
        "description",
        "type",
        "responseDeadline",
        "httpConfig",
        "eventBridgeConfig",
        "enabled",
        "filter",
        "delivery",
    ],
    inner: &[
        ("httpConfig", &HTTP),
        ("eventBridgeConfig", &EVENT_BRIDGE),
        ("delivery", &DELIVERY),
    ],
};
const TRIGGER: Shape = Shape {
    keys: &[
        "id",
        "name",
        "type",
        "description",
        "inputSchema",
        "exampleInput",
        "outputSchema",
        "exampleOutput",
    ],
    inner: &[],
};
const OBJECT_TYPE: Shape = Shape {
    keys: &["id", "name", "entity", "description", "example"],
    inner: &[],
};
const AUTHENTICATION: Shape = Shape {
    keys: &["type", "userName", "password", "bearerToken"],
    inner: &[],
};
const CALLBACK: Shape = Shape {
    keys: &[
        "name",
        "description",
        "timing",
        "objectType",
        "url",
        "authentication",
        "expectedStatus",
        "requestHeaders",
        "enabled",
        "timeoutMs",
        "failurePolicy",
    ],
    inner: &[("authentication", &AUTHENTICATION)],
};
const FILE: Shape = Shape {
    keys: &["triggers", "subscriptions", "objectTypes", "callbacks"],
    inner: &[
        ("triggers", &TRIGGER),
        ("subscriptions", &SUBSCRIPTION),
        ("objectTypes", &OBJECT_TYPE),
        ("callbacks", &CALLBACK),
    ],
};

/// Adds a problem for every key that means nothing where it stands.
pub(super) fn check(file: &Value, problems: &mut Vec<Problem>) {
    walk(file, &FILE, "", problems);
}

fn walk(value: &Value, shape: &Shape, path: &str, problems: &mut Vec<Problem>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, shape, &format!("{path}[{index}]"), problems);
            }
        }
        Value::Object(table) => {
            for (key, value) in table {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{key}");
                if !shape.keys.contains(&key.as_str()) {
                    problems.push(Problem::new(
                        path,
                        "is not known",
                        format!(
                            "remove it or correct it to one of {}",
                            shape.keys.join(", ")
                        ),
                    ));
                } else if let Some((_, inner)) = shape.inner.iter().find(|(name, _)| name == key) {
                    walk(value, inner, &path, problems);
                }
            }
        }
        _ => {}
    }
}
