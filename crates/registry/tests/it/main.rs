//! The registry on the embedded log: what is changed is durable, followed by other
//! handles, and kept within its limits when several write at once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use triggerfish_core::{
    Secret, SubscriptionId, Timestamp, Trigger, TriggerType,
    keys::ServerKeys,
    subscription::{
        AuthenticationType, BasicAuthConfig, DispatchMode, HttpConfig, SubscriptionType,
    },
};
use triggerfish_log::{Appender, EventLog, NewRecord, Partition, Topic, WriterName};
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions};
use triggerfish_registry::{
    ChangeError, Client, Condition, Fault, Growth, Limits, NewSubscription, Registry, Replacement,
    Settings, Snapshot,
};

const FIRE: &str = "idn:identity-created";
const ASK: &str = "test:request-response";
const PATIENCE: Duration = Duration::from_secs(20);

async fn open_log(folder: &tempfile::TempDir) -> EmbeddedLog {
    EmbeddedLog::open(EmbeddedOptions::new(folder.path()))
        .await
        .unwrap()
}

async fn registry(log: &EmbeddedLog) -> Registry {
    registry_with(log, &[1]).await
}

async fn registry_with(log: &EmbeddedLog, keys: &[u8]) -> Registry {
    let keys: Vec<_> = keys.iter().map(|key| vec![*key; 32]).collect();
    let limits = Limits::new(Duration::from_hours(24), Arc::new(|_| Ok(())));
    Registry::open(
        log,
        "registry".into(),
        ServerKeys::new(&keys).unwrap(),
        limits,
    )
    .await
    .unwrap()
}

fn subscription(trigger_id: &str, name: &str) -> NewSubscription {
    NewSubscription {
        trigger_id: trigger_id.to_owned(),
        settings: Settings {
            name: name.to_owned(),
            description: None,
            subscription_type: SubscriptionType::Http,
            response_deadline: None,
            http_config: Some(HttpConfig {
                url: "https://example.com/hook".to_owned(),
                http_dispatch_mode: Some(DispatchMode::Sync),
                http_authentication_type: AuthenticationType::BasicAuth,
                basic_auth_config: Some(BasicAuthConfig {
                    user_name: "ada".to_owned(),
                    password: Some(Secret::new("hunter2")),
                }),
                bearer_token_auth_config: None,
            }),
            event_bridge_config: None,
            enabled: true,
            filter: Some("$[?($.identity.name == \"ada\")]".to_owned()),
            delivery: None,
        },
    }
}

fn trigger(id: &str) -> Trigger {
    Trigger {
        id: id.to_owned(),
        name: "Own".to_owned(),
        trigger_type: TriggerType::FireAndForget,
        description: None,
        input_schema: r#"{"type":"object","required":["a"]}"#.to_owned(),
        example_input: r#"{"a":1}"#.to_owned(),
        output_schema: None,
        example_output: None,
    }
}

fn password(snapshot: &Snapshot, id: SubscriptionId) -> Option<Secret> {
    let found = snapshot.subscription(id)?;
    let http = found.subscription.http_config.clone()?;
    http.basic_auth_config?.password
}

/// Everything in it, for comparing two of them; holds no credentials.
fn shown(snapshot: &Snapshot) -> String {
    let own: Vec<_> = snapshot.triggers().map(|t| &t.trigger.id).collect();
    let subscriptions: Vec<_> = snapshot.subscriptions().collect();
    let clients: Vec<_> = snapshot.clients().collect();
    let (growths, unreadable) = (snapshot.growths(), snapshot.unreadable());
    format!("{own:?} {subscriptions:?} {clients:?} {growths:?} {unreadable:?}")
}

async fn caught_up(follower: &Registry, leader: &Registry) -> Arc<Snapshot> {
    let version = leader.snapshot().version();
    tokio::time::timeout(PATIENCE, follower.wait_for(version))
        .await
        .expect("the second handle follows")
        .unwrap()
}

#[tokio::test]
async fn a_change_is_shown_at_once_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(&folder).await;
    let first = registry(&log).await;
    assert_eq!(first.snapshot().triggers().len(), 44);

    let made = first
        .create_subscription(subscription(FIRE, "a"))
        .await
        .unwrap();
    let id = made.subscription.id;
    assert!(made.matches(&serde_json::json!({"identity": {"name": "ada"}})));
    assert!(!made.matches(&serde_json::json!({"identity": {"name": "bob"}})));
    assert_eq!(first.snapshot().subscriptions_of(FIRE).len(), 1);
    let other = first
        .create_subscription(subscription(FIRE, "b"))
        .await
        .unwrap();
    assert!(other.subscription.id > id);
    first
        .delete_subscription(other.subscription.id)
        .await
        .unwrap();
    first
        .set_enabled(id, false, Some("broken".to_owned()))
        .await
        .unwrap();
    let rotated = first
        .rotate_signing(id, Duration::from_mins(1))
        .await
        .unwrap();
    assert_eq!(rotated.subscription.signing.generation, 1);
    first.put_trigger(trigger("acme:a")).await.unwrap();
    first.put_trigger(trigger("acme:b")).await.unwrap();
    first.delete_trigger("acme:b").await.unwrap();
    let growth = Growth {
        since: Timestamp::EPOCH,
        partitions: 4,
    };
    first.grow_partitions(growth).await.unwrap();
    let before = first.snapshot();
    drop(first);
    log.close().await;

    let log = open_log(&folder).await;
    let second = registry(&log).await;
    let after = second.snapshot();
    assert_eq!(shown(&after), shown(&before));
    assert_eq!(after.version(), before.version());
    let found = after.subscription(id).unwrap();
    assert_eq!(
        found.subscription.disabled_reason.as_deref(),
        Some("broken")
    );
    assert_eq!(password(&after, id), Some(Secret::new("hunter2")));
    assert_eq!(after.partitions_at(Timestamp::from_millis(5)), Some(4));
    log.close().await;
}

#[tokio::test]
async fn another_handle_follows() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(&folder).await;
    let (one, two) = (registry(&log).await, registry(&log).await);
    let mut changes = two.changes();
    let made = one
        .create_subscription(subscription(FIRE, "a"))
        .await
        .unwrap();
    tokio::time::timeout(PATIENCE, changes.changed())
        .await
        .unwrap()
        .unwrap();
    let seen = caught_up(&two, &one).await;
    assert_eq!(shown(&seen), shown(&one.snapshot()));
    let id = made.subscription.id;
    two.update_subscription(id, |mut subscription| {
        subscription.name = "renamed".to_owned();
        Ok(subscription)
    })
    .await
    .unwrap();
    let seen = caught_up(&one, &two).await;
    assert_eq!(seen.subscription(id).unwrap().subscription.name, "renamed");
    assert_eq!(password(&seen, id), Some(Secret::new("hunter2")));
    assert_eq!(*one.condition().borrow(), Condition::Following);
    one.delete_subscription(id).await.unwrap();
    assert!(caught_up(&two, &one).await.subscription(id).is_none());
    log.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn limits_hold_whoever_writes() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(&folder).await;
    let handles = [
        registry(&log).await,
        registry(&log).await,
        registry(&log).await,
    ];
    let attempts = (0..75).map(|n| {
        let handle = handles[n % handles.len()].clone();
        let new = subscription(FIRE, &format!("s{n}"));
        tokio::spawn(async move { handle.create_subscription(new).await })
    });
    let attempts: Vec<_> = attempts.collect();
    let mut made = Vec::new();
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(subscription) => made.push(subscription.subscription.id),
            Err(ChangeError::TooManySubscriptions { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(made.len(), 50);
    let latest = registry(&log).await.snapshot();
    assert_eq!(latest.subscriptions_of(FIRE).len(), 50);
    assert!(made.iter().all(|id| latest.subscription(*id).is_some()));

    let asks = handles.iter().enumerate().map(|(n, handle)| {
        let (handle, new) = (handle.clone(), subscription(ASK, &format!("s{n}")));
        tokio::spawn(async move { handle.create_subscription(new).await.is_ok() })
    });
    let asks: Vec<_> = asks.collect();
    let mut winners = 0;
    for ask in asks {
        winners += usize::from(ask.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert_eq!(
        registry(&log).await.snapshot().subscriptions_of(ASK).len(),
        1
    );
    log.close().await;
}

#[tokio::test]
async fn refused_changes_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(&folder).await;
    let registry = registry(&log).await;
    let made = registry
        .create_subscription(subscription(FIRE, "a"))
        .await
        .unwrap();
    let before = registry.snapshot();
    let mut bad = subscription(FIRE, "b");
    bad.settings.filter = Some("$[?(".to_owned());
    assert!(registry.create_subscription(bad).await.is_err());
    let unknown = SubscriptionId(made.subscription.id.0);
    let refused = registry
        .update_subscription(unknown, |_| Err(ChangeError::invalid("op", "no", "none")))
        .await;
    assert!(refused.is_err());
    let replacement = Replacement {
        trigger_id: Some(ASK.to_owned()),
        settings: subscription(ASK, "c").settings,
    };
    let refused = registry
        .replace_subscription(made.subscription.id, replacement)
        .await;
    assert_eq!(
        refused.unwrap_err(),
        ChangeError::Immutable { field: "triggerId" }
    );
    assert!(registry.delete_trigger(FIRE).await.is_err());
    assert!(registry.delete_client("nobody").await.is_err());
    assert!(Arc::ptr_eq(&before, &registry.snapshot()));
    log.close().await;
}

#[tokio::test]
async fn clients_are_verified_by_their_secret() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(&folder).await;
    let registry = registry(&log).await;
    let secret = Secret::new("s3cret");
    let scopes = vec!["sp:trigger-service-subscriptions:read".to_owned()];
    let client = Client::new("ops", "Ops", &secret, scopes, Timestamp::EPOCH).unwrap();
    registry.put_client(client).await.unwrap();
    let known = registry.verify_client("ops", &secret).await.unwrap();
    assert_eq!(known.scopes.len(), 1);
    assert!(
        registry
            .verify_client("ops", &Secret::new("wrong"))
            .await
            .is_none()
    );
    assert!(registry.verify_client("nobody", &secret).await.is_none());
    registry.delete_client("ops").await.unwrap();
    assert!(registry.verify_client("ops", &secret).await.is_none());
    log.close().await;
}

#[tokio::test]
async fn lost_keys_and_foreign_records_do_not_stop_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(&folder).await;
    let one = registry(&log).await;
    let made = one
        .create_subscription(subscription(FIRE, "a"))
        .await
        .unwrap();
    let id = made.subscription.id;
    let appender = log
        .open_appender(WriterName::from("later version"))
        .await
        .unwrap();
    let foreign = |key: &'static str, value: &'static str| NewRecord {
        topic: Topic::from("registry"),
        partition: Partition(0),
        key: Some(key.into()),
        value: Some(value.into()),
        headers: Vec::new(),
    };
    let records = vec![
        foreign("callback/1", "{}"),
        foreign("client/x", "garbage"),
        foreign("trigger/acme:x", "\u{0}"),
    ];
    appender.append(records).await.unwrap();
    one.put_trigger(trigger("acme:a")).await.unwrap();
    assert_eq!(one.snapshot().unreadable().len(), 3);
    assert!(one.snapshot().subscription(id).is_some());

    let rotated = registry_with(&log, &[9, 1]).await;
    assert_eq!(
        password(&rotated.snapshot(), id),
        Some(Secret::new("hunter2"))
    );
    let lost = registry_with(&log, &[9]).await;
    let found = lost.snapshot();
    let found = found.subscription(id).unwrap();
    assert_eq!(found.fault, Some(Fault::CredentialsUnreadable));
    assert_eq!(password(&lost.snapshot(), id), None);
    let replacement = Replacement {
        trigger_id: None,
        settings: subscription(FIRE, "a").settings,
    };
    let mended = lost.replace_subscription(id, replacement).await.unwrap();
    assert_eq!(mended.fault, None);
    log.close().await;
}

#[tokio::test]
async fn a_closed_log_is_said_to_be_closed() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(&folder).await;
    let registry = registry(&log).await;
    let mut condition = registry.condition();
    log.close().await;
    let stopped = condition.wait_for(|now| matches!(now, Condition::Stopped(_)));
    tokio::time::timeout(PATIENCE, stopped)
        .await
        .unwrap()
        .unwrap();
    let refused = registry.create_subscription(subscription(FIRE, "a")).await;
    assert!(
        matches!(refused, Err(ChangeError::Closed(_))),
        "{refused:?}"
    );
    assert_eq!(registry.snapshot().triggers().len(), 44);
}
