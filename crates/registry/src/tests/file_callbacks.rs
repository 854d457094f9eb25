use serde_json::{Value, json};
use triggerfish_core::{Secret, Timestamp, Timing};

use super::{World, id};
use crate::{
    callback::decide,
    file::{
        Answers, Change, Current, FileError, Format, PlanError, RegistryFile, SecretRef, Target,
    },
    file::{parse, plan},
};

const FILE: &str = r#"
[[callbacks]]
name = "fraud check"
timing = "BEFORE"
objectType = "invoice"
url = "https://fraud.example/check"
authentication = { type = "BEARER_TOKEN", bearerToken = "env:FRAUD_TOKEN" }
expectedStatus = 200
requestHeaders = { action = "CREATED", x-tenant = "acme" }
timeoutMs = 1500

[[callbacks]]
name = "mail"
timing = "AFTER"
objectType = "app"
url = "https://mail.example/new-app"

[[objectTypes]]
id = "invoice"
name = "Invoice"
entity = "Invoice"
example = { id = 1, total = "99.90" }
"#;

fn look_up(reference: SecretRef<'_>) -> Result<String, String> {
    match reference {
        SecretRef::Env("FRAUD_TOKEN") => Ok("hunter2".to_owned()),
        _ => Err("not found".to_owned()),
    }
}

fn toml(text: &str) -> Result<RegistryFile, FileError> {
    parse("registry.toml", text, Format::Toml, &look_up)
}

/// What the API shows of the callbacks and object types.
fn current(world: &World) -> Current {
    let shown = |callback: &crate::CompiledCallback| {
        let callback = callback.public();
        let basic = callback.http_config.basic_auth_config;
        json!({
            "id": callback.id, "name": callback.name, "description": callback.description,
            "timing": callback.timing, "objectType": callback.object_type,
            "url": callback.http_config.url,
            "authentication": {
                "type": callback.http_config.http_authentication_type,
                "userName": basic.map(|basic| basic.user_name),
            },
            "expectedStatus": callback.expected_status,
            "requestHeaders": callback.request_headers, "enabled": callback.enabled,
            "timeoutMs": callback.timeout_ms,
            "failurePolicy": (callback.timing == Timing::Before).then_some(callback.failure_policy),
            "created": "later fields are not looked at",
        })
    };
    let object_types: Vec<Value> = world
        .snapshot
        .object_types()
        .map(|compiled| {
            let mut shown = serde_json::to_value(&compiled.object_type).unwrap();
            shown["example"] = compiled.example.clone().into();
            shown["builtIn"] = compiled.built_in.into();
            shown
        })
        .collect();
    let callbacks: Vec<Value> = world.snapshot.callbacks().map(|one| shown(one)).collect();
    Current::from_api(Answers {
        triggers: &[],
        subscriptions: &[],
        object_types: &object_types,
        callbacks: &callbacks,
    })
    .unwrap()
}

fn applied(file: &RegistryFile) -> World {
    let mut world = World::new();
    for object_type in &file.object_types {
        world.apply(&decide::put_object_type(object_type).unwrap());
    }
    for (n, called) in file.callbacks.iter().enumerate() {
        let now = Timestamp::EPOCH;
        let id = id(n as u128);
        let write = decide::create(&world.snapshot, world.rules(), id, now, &called.new).unwrap();
        world.apply(&write);
    }
    world
}

fn changes(text: &str, world: &World) -> Vec<String> {
    let actions = plan(&toml(text).unwrap(), &current(world)).unwrap();
    actions.iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_is_read_with_its_credentials() {
    let file = toml(FILE).unwrap();
    assert_eq!(file.object_types[0].example, r#"{"id":1,"total":"99.90"}"#);
    let [before, after] = file.callbacks.as_slice() else {
        panic!("{file:?}");
    };
    let http = &before.new.settings.http_config;
    assert_eq!(http.credential(), Some(&Secret::new("hunter2")));
    assert_eq!(before.new.settings.request_headers["x-tenant"], "acme");
    assert!(before.new.settings.enabled && !before.says_enabled);
    assert_eq!(after.new.timing, Timing::After);
    assert!(!format!("{file:?}").contains("hunter2"));
}

#[test]
fn what_is_wrong_is_named_with_file_key_and_remedy() {
    for (wrong, right, expected) in [
        (
            "timeoutMS",
            "timeoutMs",
            "callbacks[0].timeoutMS: is not known; ",
        ),
        (
            "bearertoken",
            "bearerToken",
            "callbacks[0].authentication.bearertoken: is not known",
        ),
        (
            "env:OTHER",
            "env:FRAUD_TOKEN",
            "callbacks[0].authentication.bearerToken: variable \"OTHER\"",
        ),
        ("", "timing = \"BEFORE\"", "missing field `timing`"),
        (
            "entity = \"user\"",
            "entity = \"Invoice\"",
            "objectTypes[0].entity",
        ),
        ("id = \"app\"", "id = \"invoice\"", "built in"),
    ] {
        let text = FILE.replace(right, wrong);
        let problems = toml(&text).unwrap_err().to_string();
        assert!(problems.contains(expected), "{expected} in {problems}");
    }
    let problems = toml(&format!("{FILE}{FILE}")).unwrap_err().to_string();
    for expected in [
        "objectTypes: \"invoice\" stands twice",
        "callbacks: \"mail\" AFTER app stands twice",
    ] {
        assert!(problems.contains(expected), "{expected} in {problems}");
    }
}

#[test]
fn a_plan_says_what_changes_and_never_a_credential() {
    assert_eq!(
        changes(FILE, &World::new()),
        [
            "create object type invoice",
            "create callback \"fraud check\" before actions on invoice",
            "create callback \"mail\" after actions on app",
        ]
    );
    let mut world = applied(&toml(FILE).unwrap());
    assert_eq!(
        changes(FILE, &world),
        [
            "unchanged object type invoice",
            "update callback \"fraud check\" before actions on invoice: credentials set",
            "unchanged callback \"mail\" after actions on app",
        ]
    );
    let text = FILE
        .replace(", bearerToken = \"env:FRAUD_TOKEN\"", "")
        .replace("fraud.example", "other.example")
        .replace(
            "expectedStatus = 200",
            "expectedStatus = 204\nfailurePolicy = \"AUDIT\"",
        )
        .replace("\"CREATED\"", "\"DELETED\"")
        .replace("timeoutMs = 1500", "")
        .replace("99.90", "1.00");
    assert_eq!(
        changes(&text, &world),
        [
            "update object type invoice: example",
            "update callback \"fraud check\" before actions on invoice: url, expectedStatus, \
             requestHeaders, timeoutMs, failurePolicy",
            "unchanged callback \"mail\" after actions on app",
        ]
    );

    let mut stored = world.snapshot.callback(id(1)).unwrap().stored.clone();
    stored.enabled = false;
    world.apply(&decide::write(stored));
    let file = toml(FILE).unwrap();
    let actions = plan(&file, &current(&world)).unwrap();
    assert_eq!(actions[2].change, Change::Unchanged);
    let Target::Callback(Some(found), new) = &actions[2].target else {
        panic!("{:?}", actions[2]);
    };
    assert!(*found == id(1) && !new.settings.enabled);
    let says = FILE.replace("new-app\"", "new-app\"\nenabled = true");
    assert!(changes(&says, &world)[2].ends_with(": enabled"));
}

#[test]
fn names_that_are_not_unique_cannot_be_planned() {
    let mut file = toml(FILE).unwrap();
    file.callbacks.push(file.callbacks[1].clone());
    let world = applied(&file);
    let error = plan(&toml(FILE).unwrap(), &current(&world)).unwrap_err();
    let PlanError::AmbiguousCallback { ids, .. } = &error else {
        panic!("{error}");
    };
    assert!(ids.contains(&id(2).to_string()), "{error}");
}
