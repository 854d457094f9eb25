use std::time::Duration;

use triggerfish_core::{
    RetryPolicy, Secret, Subscription, Timestamp, TriggerType,
    subscription::{
        AuthenticationType, BearerTokenAuthConfig, DeliveryOptions, EventBridgeConfig, HttpConfig,
        SubscriptionType,
    },
};

use super::{
    ASK, FIRE, World, field, http, id, new_subscription, own_trigger, settings, with_password,
    with_token,
};
use crate::{
    decide,
    error::ChangeError,
    model::{Replacement, Settings},
};

fn refused(change: impl FnOnce(&mut Settings)) -> String {
    let mut new = new_subscription(ASK);
    change(&mut new.settings);
    let error = World::new().create(1, &new).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains("hunter2"), "{text}");
    field(&error).to_owned()
}

fn event_bridge(account: &str, region: &str) -> Settings {
    Settings {
        subscription_type: SubscriptionType::Eventbridge,
        event_bridge_config: Some(EventBridgeConfig {
            aws_account: account.to_owned(),
            aws_region: region.to_owned(),
        }),
        http_config: None,
        ..settings()
    }
}

fn delivery(max_in_flight: Option<u32>, retry: Option<(u32, u64, u64)>) -> Settings {
    Settings {
        delivery: Some(DeliveryOptions {
            max_in_flight,
            retry: retry.map(
                |(max_attempts, initial_delay_ms, max_delay_ms)| RetryPolicy {
                    max_attempts,
                    initial_delay_ms,
                    max_delay_ms,
                },
            ),
            ..DeliveryOptions::default()
        }),
        ..settings()
    }
}

fn all_refused(cases: impl IntoIterator<Item = (&'static str, Settings)>) {
    for (expected, wrong) in cases {
        let shown = format!("{wrong:?}");
        assert_eq!(refused(|settings| *settings = wrong), expected, "{shown}");
    }
}

fn over_http(http_config: HttpConfig) -> Settings {
    Settings {
        http_config: Some(http_config),
        ..settings()
    }
}

#[test]
fn general_settings_that_are_wrong_are_named() {
    let deadline = |text: &str| Settings {
        response_deadline: Some(text.to_owned()),
        ..settings()
    };
    let named = |name: &str| Settings {
        name: name.to_owned(),
        ..settings()
    };
    let filter = |text: &str| Settings {
        filter: Some(text.to_owned()),
        ..settings()
    };
    let long = Settings {
        description: Some("d".repeat(5_000)),
        ..settings()
    };
    all_refused([
        ("name", named(" ")),
        ("name", named(&"n".repeat(256))),
        ("description", long),
        ("responseDeadline", deadline("1h")),
        ("responseDeadline", deadline("")),
        ("responseDeadline", deadline("P1M")),
        ("responseDeadline", deadline("PT0S")),
        ("responseDeadline", deadline("P2D")),
        (
            "responseDeadline",
            deadline(&format!("PT{}S", "1".repeat(9_000))),
        ),
        ("filter", filter("$[?(")),
        ("filter", filter(&"$".repeat(10_000))),
    ]);
}

#[test]
fn http_settings_that_are_wrong_are_named() {
    let url = |url: &str| {
        over_http(HttpConfig {
            url: url.to_owned(),
            ..http(AuthenticationType::NoAuth)
        })
    };
    let no_mode = HttpConfig {
        http_dispatch_mode: None,
        ..http(AuthenticationType::NoAuth)
    };
    let none = Settings {
        http_config: None,
        ..settings()
    };
    all_refused([
        ("httpConfig", none),
        ("httpConfig.url", url("http://example.com")),
        (
            "httpConfig.url",
            url(&format!("https://{}", "x".repeat(3_000))),
        ),
        ("httpConfig.httpDispatchMode", over_http(no_mode)),
    ]);
}

#[test]
fn credentials_that_are_wrong_are_named() {
    let stray = HttpConfig {
        http_authentication_type: AuthenticationType::NoAuth,
        ..with_token(Some("hunter2"))
    };
    let mut colon = with_password(Some("hunter2"));
    colon.basic_auth_config.as_mut().unwrap().user_name = "a:b".to_owned();
    let password = "httpConfig.basicAuthConfig.password";
    let token = "httpConfig.bearerTokenAuthConfig.bearerToken";
    let cases = [
        (
            "httpConfig.basicAuthConfig",
            http(AuthenticationType::BasicAuth),
        ),
        (password, with_password(None)),
        (password, with_password(Some(""))),
        ("httpConfig.basicAuthConfig.userName", colon),
        (
            "httpConfig.bearerTokenAuthConfig",
            http(AuthenticationType::BearerToken),
        ),
        ("httpConfig.bearerTokenAuthConfig", stray),
        (token, with_token(None)),
        (token, with_token(Some(""))),
        (token, with_token(Some("hunter2\r\nX-Evil: 1"))),
        (token, with_token(Some(&"t".repeat(9_000)))),
    ];
    all_refused(cases.map(|(field, http)| (field, over_http(http))));
}

#[test]
fn event_bridge_settings_that_are_wrong_are_named() {
    let none = Settings {
        event_bridge_config: None,
        ..event_bridge("", "")
    };
    let account = "eventBridgeConfig.awsAccount";
    let region = "eventBridgeConfig.awsRegion";
    all_refused([
        ("eventBridgeConfig", none),
        (account, event_bridge("12345678901", "us-west-1")),
        (account, event_bridge("12345678901x", "us-west-1")),
        (region, event_bridge("123456789012", "us-west")),
        (region, event_bridge("123456789012", "us--1")),
        (region, event_bridge("123456789012", "")),
    ]);
}

#[test]
fn delivery_options_out_of_bounds_are_named() {
    let attempts = "delivery.retry.maxAttempts";
    let initial = "delivery.retry.initialDelayMs";
    all_refused([
        ("delivery.maxInFlight", delivery(Some(0), None)),
        ("delivery.maxInFlight", delivery(Some(10_001), None)),
        (attempts, delivery(None, Some((0, 1, 1)))),
        (attempts, delivery(None, Some((1_001, 1, 1)))),
        (
            "delivery.retry.maxDelayMs",
            delivery(None, Some((2, 1, 86_400_001))),
        ),
        (initial, delivery(None, Some((2, 2, 1)))),
        (initial, delivery(None, Some((2, 0, 1)))),
    ]);
}

#[test]
fn what_is_right_is_taken() {
    let cases = [
        settings(),
        Settings {
            response_deadline: Some("P1D".to_owned()),
            ..settings()
        },
        Settings {
            filter: Some("$[?(@.approved == true)]".to_owned()),
            ..settings()
        },
        Settings {
            filter: Some(String::new()),
            ..settings()
        },
        Settings {
            http_config: Some(with_password(Some("p:w"))),
            ..settings()
        },
        Settings {
            http_config: Some(with_token(Some("t"))),
            ..settings()
        },
        event_bridge("123456789012", "us-west-1"),
        event_bridge("123456789012", "us-gov-east-1"),
        delivery(Some(10_000), Some((20, 1_000, 3_600_000))),
        delivery(Some(1), Some((1, 0, 0))),
    ];
    for right in cases {
        let mut new = new_subscription(ASK);
        new.settings = right;
        World::new().create(1, &new).unwrap();
    }
}

#[test]
fn fire_and_forget_needs_no_dispatch_mode() {
    let mut new = new_subscription(FIRE);
    new.settings
        .http_config
        .as_mut()
        .unwrap()
        .http_dispatch_mode = None;
    World::new().create(1, &new).unwrap();
}

#[test]
fn triggers_have_a_limit_of_subscriptions() {
    let mut world = World::new();
    for n in 0..50 {
        world.create(n, &new_subscription(FIRE)).unwrap();
    }
    let full = world.create(50, &new_subscription(FIRE)).unwrap_err();
    assert!(matches!(
        full,
        ChangeError::TooManySubscriptions { limit: 50, .. }
    ));
    world.create(51, &new_subscription(ASK)).unwrap();
    let full = world.create(52, &new_subscription(ASK)).unwrap_err();
    assert!(matches!(
        full,
        ChangeError::TooManySubscriptions { limit: 1, .. }
    ));
    let gone = decide::delete(&world.snapshot, id(51)).unwrap();
    world.apply(&gone);
    world.create(53, &new_subscription(ASK)).unwrap();
    let unknown = world
        .create(54, &new_subscription("acme:none"))
        .unwrap_err();
    assert_eq!(unknown, ChangeError::UnknownTrigger("acme:none".to_owned()));
}

fn world_with(http_config: HttpConfig) -> World {
    let mut world = World::new();
    let mut new = new_subscription(ASK);
    new.settings.http_config = Some(http_config);
    world.create(1, &new).unwrap();
    world
}

fn replaced(world: &World, http_config: HttpConfig) -> Result<World, ChangeError> {
    let replacement = Replacement {
        trigger_id: None,
        settings: Settings {
            http_config: Some(http_config),
            ..settings()
        },
    };
    let write = decide::replace(&world.snapshot, world.rules(), id(1), &replacement)?;
    let mut after = World::new();
    after.snapshot = world.snapshot.clone();
    after.apply(&write);
    Ok(after)
}

fn credentials(world: &World) -> Vec<String> {
    let mut subscription = world
        .snapshot
        .subscription(id(1))
        .unwrap()
        .subscription
        .clone();
    let secrets = subscription.secrets_mut();
    secrets
        .map(|slot| slot.as_ref().map_or("-", Secret::expose).to_owned())
        .collect()
}

#[test]
fn a_credential_left_out_is_kept_while_the_kind_stays() {
    let world = world_with(with_password(Some("hunter2")));
    let kept = replaced(&world, with_password(None)).unwrap();
    assert_eq!(credentials(&kept), ["hunter2"]);
    let changed = replaced(&world, with_password(Some("new"))).unwrap();
    assert_eq!(credentials(&changed), ["new"]);
    let error = replaced(&world, with_token(None)).err().unwrap();
    assert_eq!(
        field(&error),
        "httpConfig.bearerTokenAuthConfig.bearerToken"
    );
    let open = replaced(&world, http(AuthenticationType::NoAuth)).unwrap();
    assert!(credentials(&open).is_empty());
    assert!(replaced(&open, with_password(None)).is_err());
    let empty = BearerTokenAuthConfig {
        bearer_token: Some(Secret::new("")),
    };
    let silent = HttpConfig {
        bearer_token_auth_config: Some(empty),
        ..with_password(None)
    };
    assert_eq!(credentials(&replaced(&world, silent).unwrap()), ["hunter2"]);
}

#[test]
fn a_credential_that_does_not_open_is_kept_too() {
    let mut world = world_with(with_password(Some("hunter2")));
    let stored = world.snapshot.subscription(id(1)).unwrap().stored.clone();
    world.sealer = super::sealer(2);
    let mut foreign = World::new();
    foreign.sealer = super::sealer(2);
    let write = decide::set_enabled(&world.snapshot, id(1), true, None).unwrap();
    foreign.apply(&write);
    assert_eq!(credentials(&foreign), ["-"]);
    let rename = |mut subscription: Subscription| {
        subscription.name = "two".to_owned();
        Ok(subscription)
    };
    let write = decide::update(&foreign.snapshot, foreign.rules(), id(1), &rename).unwrap();
    foreign.apply(&write);
    let after = &foreign.snapshot.subscription(id(1)).unwrap().stored;
    assert_eq!(after.name, "two");
    assert_eq!(after.http_config, stored.http_config);
}

#[test]
fn a_patch_never_sees_credentials() {
    let world = world_with(with_password(Some("hunter2")));
    let change = |mut subscription: Subscription| {
        assert!(subscription.secrets_mut().all(|slot| slot.is_none()));
        subscription.description = Some("d".to_owned());
        Ok(subscription)
    };
    let write = decide::update(&world.snapshot, world.rules(), id(1), &change).unwrap();
    let mut after = World::new();
    after.apply(&write);
    assert_eq!(credentials(&after), ["hunter2"]);
}

#[test]
fn id_and_trigger_never_change() {
    let world = world_with(http(AuthenticationType::NoAuth));
    let moved = |mut s: Subscription| {
        s.trigger_id = FIRE.to_owned();
        Ok(s)
    };
    let renumbered = |mut s: Subscription| {
        s.id = id(2);
        Ok(s)
    };
    let update = |change: &dyn Fn(Subscription) -> Result<Subscription, ChangeError>| {
        decide::update(&world.snapshot, world.rules(), id(1), change).unwrap_err()
    };
    assert_eq!(field(&update(&moved)), "triggerId");
    assert_eq!(field(&update(&renumbered)), "id");
    let replacement = |trigger_id: &str| {
        let replacement = Replacement {
            trigger_id: Some(trigger_id.to_owned()),
            settings: settings(),
        };
        decide::replace(&world.snapshot, world.rules(), id(1), &replacement)
    };
    assert_eq!(field(&replacement(FIRE).unwrap_err()), "triggerId");
    assert!(replacement(ASK).is_ok());
    let missing = decide::delete(&world.snapshot, id(9)).unwrap_err();
    assert_eq!(missing, ChangeError::UnknownSubscription(id(9)));
}

#[test]
fn replacing_keeps_what_the_writer_cannot_say() {
    let mut world = World::new();
    let mut new = new_subscription(ASK);
    new.settings.delivery = delivery(Some(3), None).delivery;
    world.create(1, &new).unwrap();
    let now = Timestamp::from_millis(1_000);
    let overlap = Duration::from_mins(1);
    let write = decide::rotate_signing(&world.snapshot, id(1), now, overlap).unwrap();
    world.apply(&write);
    let write = decide::set_enabled(&world.snapshot, id(1), false, Some("too many failures"));
    world.apply(&write.unwrap());
    let replace = |world: &mut World, enabled| {
        let replacement = Replacement {
            trigger_id: None,
            settings: Settings {
                enabled,
                ..settings()
            },
        };
        let write = decide::replace(&world.snapshot, world.rules(), id(1), &replacement);
        world.apply(&write.unwrap());
        world
            .snapshot
            .subscription(id(1))
            .unwrap()
            .subscription
            .clone()
    };
    let still_off = replace(&mut world, false);
    assert_eq!(still_off.signing.generation, 1);
    assert_eq!(still_off.signing.previous_until, Some(now.after(overlap)));
    assert_eq!(still_off.delivery.max_in_flight, Some(3));
    assert_eq!(
        still_off.disabled_reason.as_deref(),
        Some("too many failures")
    );
    let on = replace(&mut world, true);
    assert_eq!(on.disabled_reason, None);
}

#[test]
fn own_triggers_are_guarded_while_in_use() {
    let mut world = World::new();
    let mut trigger = own_trigger();
    let write = decide::put_trigger(&world.snapshot, &trigger).unwrap();
    world.apply(&write);
    world.create(1, &new_subscription(&trigger.id)).unwrap();
    trigger.name = "Renamed".to_owned();
    decide::put_trigger(&world.snapshot, &trigger).unwrap();
    trigger.trigger_type = TriggerType::RequestResponse;
    let in_use = ChangeError::TriggerInUse {
        trigger_id: trigger.id.clone(),
        subscriptions: 1,
    };
    assert_eq!(
        decide::put_trigger(&world.snapshot, &trigger).unwrap_err(),
        in_use
    );
    assert_eq!(
        decide::delete_trigger(&world.snapshot, &trigger.id).unwrap_err(),
        in_use
    );
    let write = decide::delete(&world.snapshot, id(1)).unwrap();
    world.apply(&write);
    let write = decide::delete_trigger(&world.snapshot, &trigger.id).unwrap();
    world.apply(&write);
    assert!(world.snapshot.trigger(&trigger.id).is_none());
    trigger.id = FIRE.to_owned();
    let catalogue = ChangeError::Catalogue(FIRE.to_owned());
    assert_eq!(
        decide::put_trigger(&world.snapshot, &trigger).unwrap_err(),
        catalogue
    );
    assert_eq!(
        decide::delete_trigger(&world.snapshot, FIRE).unwrap_err(),
        catalogue
    );
}

#[test]
fn a_change_decided_twice_writes_the_same() {
    let world = World::new();
    let mut new = new_subscription(ASK);
    new.settings.http_config = Some(with_password(Some("hunter2")));
    let decide = || decide::create(&world.snapshot, world.rules(), id(1), &new).unwrap();
    assert_eq!(decide(), decide());
}
