use triggerfish_core::{Secret, subscription::DispatchMode};

use super::{ASK, FIRE, id};
use crate::{
    decide,
    file::{
        Action, Answers, Change, Current, FileError, Format, PlanError, RegistryFile, SecretRef,
        Target, parse, plan,
    },
    tests::World,
};

const FILE: &str = r#"
[[triggers]]
id = "acme:order-cancelled"
name = "Order cancelled"
type = "FIRE_AND_FORGET"
exampleInput = { order = 1, at = 2026-01-02T03:04:05Z }
[triggers.inputSchema]
type = "object"
required = ["order"]

[[subscriptions]]
triggerId = "acme:order-cancelled"
name = "billing"
type = "HTTP"
filter = "$[?(@.order > 1)]"
delivery = { ordering = "key", maxInFlight = 4 }
[subscriptions.httpConfig]
url = "https://billing.example/hook"
httpAuthenticationType = "BASIC_AUTH"
[subscriptions.httpConfig.basicAuthConfig]
userName = "ada"
password = "env:BILLING_PASSWORD"
"#;

fn look_up(reference: SecretRef<'_>) -> Result<String, String> {
    match reference {
        SecretRef::Env("BILLING_PASSWORD") => Ok("hunter2".to_owned()),
        SecretRef::Env("EMPTY") => Ok(String::new()),
        SecretRef::File("token") => Ok("t0ken".to_owned()),
        _ => Err("not found".to_owned()),
    }
}

fn toml(text: &str) -> Result<RegistryFile, FileError> {
    parse("registry.toml", text, Format::Toml, &look_up)
}

fn problems(text: &str) -> String {
    toml(text).unwrap_err().to_string()
}

#[test]
fn a_file_is_read_with_its_credentials() {
    let file = toml(FILE).unwrap();
    assert_eq!(
        file.triggers[0].example_input,
        r#"{"order":1,"at":"2026-01-02T03:04:05Z"}"#
    );
    let settings = &file.subscriptions[0].new.settings;
    let http = settings.http_config.clone().unwrap();
    let password = http.basic_auth_config.unwrap().password;
    assert_eq!(password, Some(Secret::new("hunter2")));
    assert!(settings.enabled);
    assert!(!file.subscriptions[0].says_enabled);

    let json = r#"{"subscriptions": [{"triggerId": "a", "name": "b", "type": "HTTP",
        "enabled": false, "httpConfig": {"url": "https://x.example",
        "httpAuthenticationType": "BEARER_TOKEN",
        "bearerTokenAuthConfig": {"bearerToken": "file:token"}}}]}"#;
    let file = parse("r.json", json, Format::Json, &look_up).unwrap();
    let http = file.subscriptions[0]
        .new
        .settings
        .http_config
        .clone()
        .unwrap();
    let token = http.bearer_token_auth_config.unwrap().bearer_token;
    assert_eq!(token, Some(Secret::new("t0ken")));
    assert!(file.subscriptions[0].says_enabled);
}

#[test]
fn everything_wrong_is_named_with_file_key_and_remedy() {
    let text = FILE
        .replace("maxInFlight", "maxInflight")
        .replace(
            "[subscriptions.httpConfig]\nurl",
            "[subscriptions.httpConfig]\nurll",
        )
        .replace("name = \"Order", "naem = \"Order");
    let text = format!("{text}\n[[subscriptions]]\nname = \"b\"\ntype = \"HTTP\"");
    let problems = problems(&text);
    for expected in [
        "registry.toml: subscriptions[0].delivery.maxInflight: is not known; ",
        "registry.toml: subscriptions[0].httpConfig.urll: is not known; ",
        "correct it to one of url, httpDispatchMode",
        "registry.toml: triggers[0].naem: is not known; ",
        "registry.toml: subscriptions[1]: missing field `triggerId`; ",
    ] {
        assert!(problems.contains(expected), "{expected} in {problems}");
    }
    assert_eq!(problems.lines().count(), 4, "{problems}");
}

#[test]
fn faulty_files_are_refused() {
    let cases = [
        ("x = ", "in line 1"),
        ("[[subscription]]", "subscription: is not known"),
        ("triggers = 1", "triggers: is not a list"),
        (
            &FILE.replace("env:BILLING_PASSWORD", "env:OTHER"),
            "password: variable \"OTHER\"",
        ),
        (
            &FILE.replace("env:BILLING_PASSWORD", "env:EMPTY"),
            "variable \"EMPTY\" is empty",
        ),
        (
            &FILE.replace("env:BILLING_PASSWORD", "file:gone"),
            "file \"gone\" cannot be read",
        ),
        (
            &FILE.replace("{ order = 1,", "{ ordr = 1,"),
            "triggers[0].exampleInput: does not fit",
        ),
        (
            &FILE.replace(
                "id = \"acme:order-cancelled\"",
                "id = \"idn:identity-created\"",
            ),
            "catalogue",
        ),
        (&format!("{FILE}{FILE}"), "stands twice"),
        (
            "[[subscriptions]]\ntriggerId = \"a\"\nname = \"b\"\ntype = \"SCRIPT\"",
            "SCRIPT",
        ),
    ];
    for (text, expected) in cases {
        let problems = problems(text);
        assert!(problems.contains(expected), "{expected} in {problems}");
    }
    let number = FILE.replace("\"env:BILLING_PASSWORD\"", "31337");
    assert!(!problems(&number).contains("31337"));
}

/// What the API shows after the file was applied to an empty service.
fn applied(file: &RegistryFile) -> World {
    let mut world = World::new();
    for trigger in &file.triggers {
        let write = decide::put_trigger(&world.snapshot, trigger).unwrap();
        world.apply(&write);
    }
    for (n, subscribed) in file.subscriptions.iter().enumerate() {
        world.create(n as u128, &subscribed.new).unwrap();
    }
    world
}

fn current(world: &World) -> Current {
    let triggers: Vec<_> = world
        .snapshot
        .triggers()
        .map(|trigger| {
            let mut shown = serde_json::to_value(&trigger.trigger).unwrap();
            shown["exampleInput"] = trigger.example_input.clone();
            shown["exampleOutput"] = serde_json::Value::Null;
            shown
        })
        .collect();
    let subscriptions: Vec<_> = world
        .snapshot
        .subscriptions()
        .map(|subscription| serde_json::to_value(subscription.public()).unwrap())
        .collect();
    Current::from_api(Answers {
        triggers: &triggers,
        subscriptions: &subscriptions,
        object_types: &[],
        callbacks: &[],
    })
    .unwrap()
}

fn changes(file: &RegistryFile, world: &World) -> Vec<String> {
    let actions: Vec<Action> = plan(file, &current(world)).unwrap();
    actions.iter().map(ToString::to_string).collect()
}

#[test]
fn a_plan_says_what_changes_and_never_a_credential() {
    let file = toml(FILE).unwrap();
    assert_eq!(
        changes(&file, &World::new()),
        [
            "create trigger acme:order-cancelled",
            "create subscription \"billing\" of acme:order-cancelled",
        ]
    );
    let world = applied(&file);
    assert_eq!(
        changes(&file, &world),
        [
            "unchanged trigger acme:order-cancelled",
            "update subscription \"billing\" of acme:order-cancelled: credentials set",
        ]
    );
    let without = FILE.replace("password = \"env:BILLING_PASSWORD\"", "");
    let without = toml(&without).unwrap();
    assert!(changes(&without, &world)[1].starts_with("unchanged"));
    let text = FILE
        .replace("password = \"env:BILLING_PASSWORD\"", "")
        .replace("https://billing", "https://other")
        .replace("\"ada\"", "\"bob\"")
        .replace("maxInFlight = 4", "maxInFlight = 5")
        .replace(
            "filter = \"$[?(@.order > 1)]\"",
            "responseDeadline = \"PT2H\"",
        )
        .replace("required = [\"order\"]", "required = []");
    assert_eq!(
        changes(&toml(&text).unwrap(), &world),
        [
            "update trigger acme:order-cancelled: inputSchema",
            "update subscription \"billing\" of acme:order-cancelled: responseDeadline, filter, \
             delivery, httpConfig.url, httpConfig.basicAuthConfig.userName",
        ]
    );
}

#[test]
fn a_mode_that_nobody_named_is_shown_as_sync_and_no_change() {
    let file = toml(&FILE.replace("password = \"env:BILLING_PASSWORD\"", "")).unwrap();
    let mut current = current(&applied(&toml(FILE).unwrap()));
    for (mode, change) in [
        (DispatchMode::Sync, Change::Unchanged),
        (
            DispatchMode::Async,
            Change::Update(vec!["httpConfig.httpDispatchMode"]),
        ),
    ] {
        let http = current.subscriptions[0].http_config.as_mut().unwrap();
        http.http_dispatch_mode = Some(mode);
        assert_eq!(plan(&file, &current).unwrap()[1].change, change);
    }
}

#[test]
fn what_was_switched_off_stays_off_unless_the_file_says_otherwise() {
    let file = toml(&FILE.replace("password = \"env:BILLING_PASSWORD\"", "")).unwrap();
    let mut world = applied(&toml(FILE).unwrap());
    let write = decide::set_enabled(&world.snapshot, id(0), false, None).unwrap();
    world.apply(&write);
    let actions = plan(&file, &current(&world)).unwrap();
    assert_eq!(actions[1].change, Change::Unchanged);
    let says = FILE
        .replace("password = \"env:BILLING_PASSWORD\"", "")
        .replace("name = \"billing\"", "name = \"billing\"\nenabled = true");
    let actions = plan(&toml(&says).unwrap(), &current(&world)).unwrap();
    assert_eq!(actions[1].change, Change::Update(vec!["enabled"]));
    let Target::Subscription(Some(found), _) = actions[1].target else {
        panic!("{:?}", actions[1]);
    };
    assert_eq!(found, id(0));
}

#[test]
fn names_that_are_not_unique_cannot_be_planned() {
    let mut world = World::new();
    for n in 0..2 {
        world.create(n, &super::new_subscription(FIRE)).unwrap();
    }
    let text =
        format!("[[subscriptions]]\ntriggerId = \"{FIRE}\"\nname = \"one\"\ntype = \"HTTP\"");
    let error = plan(&toml(&text).unwrap(), &current(&world)).unwrap_err();
    assert!(matches!(&error, PlanError::Ambiguous { ids, .. } if ids.contains(&id(1).to_string())));
    let other = text.replace(FIRE, ASK);
    assert!(changes(&toml(&other).unwrap(), &world)[0].starts_with("create"));
}
