//! Triggers and subscriptions as others write them: records, files, patches.

use std::sync::LazyLock;

use serde_json::json;
use triggerfish_api::fuzzing as api;
use triggerfish_core::Subscription;
use triggerfish_registry::{
    file::{self, Current, Format, SecretRef},
    fuzzing,
};

use crate::parts;

pub(super) const WORDS: &[&str] = &[
    "[[triggers]]",
    "[[subscriptions]]",
    "[[callbacks]]",
    "[[objectTypes]]",
    "triggerId",
    "name",
    "type",
    "filter",
    "inputSchema",
    "httpConfig",
    "basicAuthConfig",
    "password",
    "env:OK",
    "file:NO",
    "responseDeadline",
    "delivery",
    "retry",
    "\"",
    "'''",
    "=",
    "{ ",
    " }",
    "$ref",
    "pattern",
    "\n",
    "true",
    "-1",
    "1e9",
    "2024-01-01",
];

pub(super) const PATCH_WORDS: &[&str] = &[
    "add",
    "remove",
    "replace",
    "move",
    "copy",
    "op",
    "path",
    "from",
    "value",
    "/name",
    "/enabled",
    "/filter",
    "/httpConfig",
    "/httpConfig/basicAuthConfig/password",
    "/id",
    "/delivery/retry",
    "/-",
    "~1",
    "~0",
    "~2",
    "null",
    "{}",
    "[]",
    "\"",
    ",",
];

/// Stands where a secret would; no input holds it.
const SECRET: &str = "Zg3nJm9dQ7xw0rTk";

/// A record of the topic `registry`: the key in the first line, then the value.
pub(super) fn record(input: &[u8]) -> bool {
    let (key, value) = parts::lines(input);
    match fuzzing::record(key, value) {
        Ok((key, value)) => {
            let again = fuzzing::record(&key, &value).expect("what was written can be read");
            assert_eq!(again, (key, value));
            true
        }
        Err(reason) => {
            assert!(!reason.is_empty());
            false
        }
    }
}

/// A registry file. What is wrong is said with the file's name, and without the credentials
/// that it refers to; what is taken can be planned.
pub(super) fn file(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else {
        return false;
    };
    let format = if text.starts_with('{') {
        Format::Json
    } else {
        Format::Toml
    };
    let look_up = |reference: SecretRef<'_>| match reference {
        SecretRef::Env(name) | SecretRef::File(name) if name.starts_with("NO") => {
            Err("is not there".to_owned())
        }
        _ => Ok(SECRET.to_owned()),
    };
    match file::parse("hooks.toml", text, format, &look_up) {
        Ok(parsed) => {
            if let Err(error) = file::plan(&parsed, &Current::default()) {
                assert!(!error.to_string().contains(SECRET));
            }
            assert!(!format!("{parsed:?}").contains(SECRET));
            true
        }
        Err(error) => {
            assert!(!error.problems.is_empty());
            let told = error.to_string();
            let all_named = told.split("hooks.toml: ").count() > error.problems.len();
            assert!(all_named, "{told}");
            assert!(!told.contains(SECRET), "{told}");
            false
        }
    }
}

/// A subscription with every credential that there is.
static SUBSCRIPTION: LazyLock<Subscription> = LazyLock::new(|| {
    let subscription = json!({
        "id": "6f1d2c1e-3b7a-4a52-8f5e-1f2a3b4c5d6e",
        "name": "approvals",
        "description": "who approves",
        "triggerId": "test:trigger",
        "type": "HTTP",
        "responseDeadline": "PT1H",
        "httpConfig": {
            "url": "https://example.com/hook",
            "httpDispatchMode": "SYNC",
            "httpAuthenticationType": "BASIC_AUTH",
            "basicAuthConfig": {"userName": "user", "password": SECRET},
            "bearerTokenAuthConfig": {"bearerToken": SECRET},
        },
        "enabled": true,
        "filter": "$.a",
    });
    serde_json::from_value(subscription).expect("a subscription")
});

/// The body of a `PATCH`. What must not change does not, a credential comes out nowhere, and
/// a refusal says which operation or field it is about.
pub(super) fn patch(input: &[u8]) -> bool {
    match api::patched(input, SUBSCRIPTION.clone()) {
        Ok(patched) => {
            let same = |of: fn(&Subscription) -> String| of(&patched) == of(&SUBSCRIPTION);
            assert!(same(|one| one.id.to_string()) && same(|one| one.trigger_id.clone()));
            assert!(same(|one| format!("{:?}", one.signing)));
            let shown = serde_json::to_string(&patched).expect("a subscription is JSON");
            assert!(!shown.contains(SECRET), "a credential was moved: {shown}");
            // Credentials that are not given anew are left out, and kept by the registry.
            let unchanged = |one: Subscription| api::patched(b"[]", one).expect("it fits");
            let once = unchanged(patched);
            assert_eq!(unchanged(once.clone()), once);
            true
        }
        Err(told) => {
            let places = [
                "operation ",
                "field ",
                "the request body",
                "what was patched",
            ];
            assert!(places.iter().any(|place| told.contains(place)), "{told}");
            assert!(!told.contains(SECRET), "{told}");
            false
        }
    }
}
