use std::{collections::BTreeMap, time::Duration};

use triggerfish_core::{
    Action, FailurePolicy, ObjectType, Secret, Timestamp, Timing,
    subscription::{AuthenticationType, HttpConfig},
};

use super::{World, apply, field, http, id, sealer, with_password, with_token};
use crate::{
    callback::{CallbackReplacement, CallbackSettings, NewCallback, decide},
    error::ChangeError,
    fold::{self, RawRecord},
    snapshot::Snapshot,
    subscription::Fault,
};

const NOW: Timestamp = Timestamp::from_micros(5_000);
const LATER: Timestamp = Timestamp::from_micros(9_000);

impl World {
    fn call_back(&mut self, n: u128, new: &NewCallback) -> Result<(), ChangeError> {
        let write = decide::create(&self.snapshot, self.rules(), id(n), NOW, new)?;
        self.apply(&write);
        Ok(())
    }

    fn change(&mut self, n: u128, replacement: &CallbackReplacement) -> Result<(), ChangeError> {
        let change = |_| Ok(replacement.clone());
        let write = decide::update(&self.snapshot, self.rules(), id(n), LATER, &change)?;
        self.apply(&write);
        Ok(())
    }

    fn declare(&mut self, object_type: &ObjectType) {
        self.apply(&decide::put_object_type(object_type).unwrap());
    }
}

fn settings() -> CallbackSettings {
    CallbackSettings {
        name: "quota check".to_owned(),
        description: None,
        http_config: http(AuthenticationType::NoAuth),
        expected_status: Some(200),
        request_headers: BTreeMap::new(),
        enabled: true,
        timeout_ms: None,
        failure_policy: None,
    }
}

pub(super) fn before() -> NewCallback {
    NewCallback {
        timing: Timing::Before,
        object_type: "app".to_owned(),
        settings: settings(),
    }
}

fn after() -> NewCallback {
    NewCallback {
        timing: Timing::After,
        settings: CallbackSettings {
            expected_status: None,
            ..settings()
        },
        ..before()
    }
}

fn with_headers(headers: &[(&str, &str)]) -> CallbackSettings {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    CallbackSettings {
        request_headers: headers.iter().map(owned).collect(),
        ..settings()
    }
}

fn replacement(settings: CallbackSettings) -> CallbackReplacement {
    CallbackReplacement {
        timing: None,
        object_type: None,
        settings,
    }
}

pub(super) fn own_type() -> ObjectType {
    ObjectType {
        id: "invoice".to_owned(),
        name: "Invoice".to_owned(),
        entity: "Invoice".to_owned(),
        description: None,
        example: r#"{"id":1}"#.to_owned(),
    }
}

fn password(snapshot: &Snapshot, n: u128) -> Option<Secret> {
    let callback = &snapshot.callback(id(n))?.callback;
    callback.http_config.credential().cloned()
}

fn chosen(snapshot: &Snapshot, timing: Timing, action: Action) -> Vec<u128> {
    let chosen = snapshot.callbacks_for("app", timing, action);
    chosen
        .map(|callback| callback.callback.id.0.as_u128())
        .collect()
}

#[test]
fn settings_that_are_wrong_are_named() {
    type Change = fn(&mut CallbackSettings);
    let cases: [(&str, Change); 13] = [
        ("name", |new| new.name = String::new()),
        ("name", |new| new.name = "n".repeat(256)),
        ("description", |new| {
            new.description = Some("d".repeat(5_000));
        }),
        ("url", |new| new.http_config.url = "ftp://x".to_owned()),
        ("url", |new| {
            new.http_config.url = format!("https://{}", "x".repeat(3_000));
        }),
        ("authentication.password", |new| {
            new.http_config = with_password(None);
        }),
        ("authentication.bearerToken", |new| {
            new.http_config = with_token(Some("hunter2\n"));
        }),
        ("authentication.userName", |new| {
            new.http_config = HttpConfig {
                http_authentication_type: AuthenticationType::NoAuth,
                ..with_password(Some("hunter2"))
            };
        }),
        ("expectedStatus", |new| new.expected_status = None),
        ("expectedStatus", |new| new.expected_status = Some(99)),
        ("expectedStatus", |new| new.expected_status = Some(600)),
        ("timeoutMs", |new| new.timeout_ms = Some(0)),
        ("timeoutMs", |new| new.timeout_ms = Some(10_001)),
    ];
    for (expected, change) in cases {
        let mut new = before();
        change(&mut new.settings);
        let error = World::new().call_back(1, &new).unwrap_err();
        assert_eq!(field(&error), expected, "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn what_only_blocks_is_refused_afterwards() {
    let mut new = after();
    World::new().call_back(1, &new).unwrap();
    new.settings.expected_status = Some(200);
    let error = World::new().call_back(1, &new).unwrap_err();
    assert_eq!(field(&error), "expectedStatus");
    new.settings.expected_status = None;
    new.settings.failure_policy = Some(FailurePolicy::Deny);
    let error = World::new().call_back(1, &new).unwrap_err();
    assert_eq!(field(&error), "failurePolicy");
}

#[test]
fn headers_are_judged_by_name_and_value() {
    for (expected, headers) in [
        ("requestHeaders", &[("", "x")] as &[_]),
        ("requestHeaders", &[("a b", "x")]),
        ("requestHeaders", &[("naïve", "x")]),
        ("requestHeaders.Host", &[("Host", "x")]),
        (
            "requestHeaders.authorization",
            &[("authorization", "hunter2")],
        ),
        ("requestHeaders.content-length", &[("content-length", "1")]),
        ("requestHeaders.Content-Type", &[("Content-Type", "a/b")]),
        ("requestHeaders.webhook-id", &[("webhook-id", "1")]),
        ("requestHeaders.Webhook-X", &[("Webhook-X", "1")]),
        ("requestHeaders.traceparent", &[("traceparent", "1")]),
        (
            "requestHeaders.Triggerfish-Depth",
            &[("Triggerfish-Depth", "0")],
        ),
        ("requestHeaders.x-a", &[("x-a", "hunter2\r\nx: y")]),
        ("requestHeaders.x-a", &[("x-a", "ä")]),
        ("requestHeaders.x-a", &[("X-A", "1"), ("x-a", "2")]),
        ("requestHeaders.action", &[("action", "MOVED")]),
        ("requestHeaders.action", &[("Action", "")]),
        ("requestHeaders.action", &[("action", "CREATED;UPDATED")]),
    ] {
        let mut new = before();
        new.settings = with_headers(headers);
        let error = World::new().call_back(1, &new).unwrap_err();
        assert_eq!(field(&error), expected, "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let mut new = before();
    let many = (0..51).map(|n| (format!("x-{n}"), String::new()));
    new.settings.request_headers = many.collect();
    let error = World::new().call_back(1, &new).unwrap_err();
    assert_eq!(field(&error), "requestHeaders");
    new.settings = with_headers(&[("x-tenant", "a b"), ("action", "deleted, CREATED")]);
    World::new().call_back(1, &new).unwrap();
}

#[test]
fn the_enabled_ones_for_the_action_are_chosen_oldest_first() {
    let mut world = World::new();
    let made = |settings| NewCallback {
        settings,
        ..before()
    };
    let disabled = CallbackSettings {
        enabled: false,
        ..settings()
    };
    world.call_back(3, &before()).unwrap();
    world
        .call_back(1, &made(with_headers(&[("Action", "created,updated")])))
        .unwrap();
    world.call_back(2, &made(disabled)).unwrap();
    world.call_back(4, &after()).unwrap();
    let of_another_type = NewCallback {
        object_type: "plan".to_owned(),
        ..before()
    };
    world.call_back(5, &of_another_type).unwrap();

    let before = |action| chosen(&world.snapshot, Timing::Before, action);
    assert_eq!(before(Action::Created), [1, 3]);
    assert_eq!(before(Action::Deleted), [3]);
    assert_eq!(chosen(&world.snapshot, Timing::After, Action::Deleted), [4]);
    assert_eq!(world.snapshot.callbacks().len(), 5);

    world.apply(&decide::delete(&world.snapshot, id(3)).unwrap());
    assert_eq!(
        chosen(&world.snapshot, Timing::Before, Action::Created),
        [1]
    );
    let error = decide::delete(&world.snapshot, id(3)).unwrap_err();
    assert_eq!(error, ChangeError::UnknownCallback(id(3)));
}

#[test]
fn a_new_text_keeps_what_never_changes_and_credentials_left_out() {
    let mut world = World::new();
    let mut new = before();
    new.settings.http_config = with_password(Some("hunter2"));
    world.call_back(1, &new).unwrap();
    let stored = &world.snapshot.callback(id(1)).unwrap().stored;
    assert!(!format!("{:?}", serde_json::to_string(stored)).contains("hunter2"));

    let mut text = replacement(new.settings.clone());
    text.settings.http_config = with_password(None);
    text.settings.name = "renamed".to_owned();
    text.settings.failure_policy = Some(FailurePolicy::Audit);
    text.timing = Some(Timing::Before);
    text.object_type = Some("app".to_owned());
    world.change(1, &text).unwrap();
    let present = world.snapshot.callback(id(1)).unwrap();
    assert_eq!(present.callback.name, "renamed");
    assert_eq!(present.callback.failure_policy, FailurePolicy::Audit);
    assert_eq!(
        (present.callback.created, present.callback.modified),
        (NOW, LATER)
    );
    assert_eq!(password(&world.snapshot, 1), Some(Secret::new("hunter2")));
    assert_eq!(present.public().http_config.credential(), None);

    text.timing = Some(Timing::After);
    assert_eq!(field(&world.change(1, &text).unwrap_err()), "timing");
    text.timing = None;
    text.object_type = Some("plan".to_owned());
    assert_eq!(field(&world.change(1, &text).unwrap_err()), "objectType");
    text.object_type = None;
    text.settings.http_config = with_token(None);
    let error = world.change(1, &text).unwrap_err();
    assert_eq!(field(&error), "authentication.bearerToken");
    assert_eq!(
        world.change(2, &text).unwrap_err(),
        ChangeError::UnknownCallback(id(2))
    );
}

#[test]
fn a_type_and_timing_has_so_many_callbacks_at_most() {
    let mut world = World::new();
    world.limits.callbacks_max = 2;
    world.call_back(1, &before()).unwrap();
    world.call_back(2, &before()).unwrap();
    let error = world.call_back(3, &before()).unwrap_err();
    assert!(matches!(
        error,
        ChangeError::TooManyCallbacks { limit: 2, .. }
    ));
    world.call_back(3, &after()).unwrap();
}

#[test]
fn an_object_type_in_use_or_built_in_stays() {
    let mut world = World::new();
    let of_own_type = NewCallback {
        object_type: "invoice".to_owned(),
        ..before()
    };
    let error = world.call_back(1, &of_own_type).unwrap_err();
    assert_eq!(error, ChangeError::UnknownObjectType("invoice".to_owned()));
    world.declare(&own_type());
    world.call_back(1, &of_own_type).unwrap();
    let error = decide::delete_object_type(&world.snapshot, "invoice").unwrap_err();
    assert!(matches!(
        error,
        ChangeError::ObjectTypeInUse { callbacks: 1, .. }
    ));
    world.apply(&decide::delete(&world.snapshot, id(1)).unwrap());
    world.apply(&decide::delete_object_type(&world.snapshot, "invoice").unwrap());
    assert_eq!(world.snapshot.object_types().len(), 6);
    assert_eq!(
        decide::delete_object_type(&world.snapshot, "invoice").unwrap_err(),
        ChangeError::UnknownObjectType("invoice".to_owned())
    );
    let built_in = ChangeError::BuiltIn("app".to_owned());
    let deleted = decide::delete_object_type(&world.snapshot, "app");
    assert_eq!(deleted.unwrap_err(), built_in);
    let app = ObjectType {
        id: "app".to_owned(),
        ..own_type()
    };
    assert_eq!(decide::put_object_type(&app).unwrap_err(), built_in);
}

#[test]
fn a_rotation_keeps_the_rest() {
    let mut world = World::new();
    world.call_back(1, &before()).unwrap();
    let overlap = Duration::from_mins(1);
    let write = decide::rotate_signing(&world.snapshot, id(1), LATER, overlap).unwrap();
    world.apply(&write);
    let signing = world.snapshot.callback(id(1)).unwrap().callback.signing;
    assert_eq!(signing.generation, 1);
    assert_eq!(signing.previous_until, Some(LATER.after(overlap)));
}

#[test]
fn what_is_in_the_log_is_kept_even_if_it_cannot_be_called() {
    let mut world = World::new();
    let mut new = before();
    new.settings.http_config = with_password(Some("hunter2"));
    let write = decide::create(&world.snapshot, world.rules(), id(1), NOW, &new).unwrap();
    world.apply(&write);
    let mut elsewhere = Snapshot::empty();
    apply(&mut elsewhere, &write, &sealer(2));
    let callback = elsewhere.callback(id(1)).unwrap();
    assert_eq!(callback.fault, Some(Fault::CredentialsUnreadable));
    assert_eq!(callback.callback.http_config.credential(), None);

    let mut stored = world.snapshot.callback(id(1)).unwrap().stored.clone();
    let unknown = ("action".to_owned(), "MOVED".to_owned());
    stored.request_headers = [unknown].into();
    let value = serde_json::to_vec(&stored).unwrap();
    let key = format!("callback/{}", id(1));
    let record = RawRecord {
        key: Some(key.as_bytes()),
        value: Some(&value),
    };
    fold::apply(&mut world.snapshot, &record, &world.sealer);
    let callback = world.snapshot.callback(id(1)).unwrap();
    let fault = Fault::ActionUnknown("MOVED".to_owned());
    assert_eq!(callback.fault, Some(fault));
    assert_eq!(
        chosen(&world.snapshot, Timing::Before, Action::Deleted),
        [1]
    );
}

#[test]
fn unreadable_records_count_as_deletions() {
    let mut world = World::new();
    world.declare(&own_type());
    world.call_back(1, &before()).unwrap();
    let built_in = serde_json::to_string(&ObjectType {
        id: "app".to_owned(),
        ..own_type()
    })
    .unwrap();
    let other_id = serde_json::to_string(&own_type()).unwrap();
    let callback_key = format!("callback/{}", id(1));
    for (key, value) in [
        ("object-type/invoice", "{}"),
        ("object-type/app", built_in.as_str()),
        ("object-type/other", other_id.as_str()),
        (callback_key.as_str(), "{}"),
        ("callback/x", "{}"),
    ] {
        let record = RawRecord {
            key: Some(key.as_bytes()),
            value: Some(value.as_bytes()),
        };
        fold::apply(&mut world.snapshot, &record, &world.sealer);
        assert!(world.snapshot.unreadable().contains_key(key), "{key}");
    }
    assert!(world.snapshot.object_type("invoice").is_none());
    assert!(world.snapshot.object_type("app").unwrap().built_in);
    assert!(world.snapshot.callback(id(1)).is_none());
    assert_eq!(
        chosen(&world.snapshot, Timing::Before, Action::Created),
        [] as [u128; 0]
    );
}
