//! What most cases need: Triggerfish with all its roles in this process, beside the load and
//! the subscribers. The processor is shared either way, and so the load needs no protocol of
//! its own to hand events in and read completions.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tempfile::TempDir;
use triggerfish_core::{
    SubscriptionId, Trigger, TriggerType,
    subscription::{
        AuthenticationType, DeliveryOptions, DispatchMode, HttpConfig, SubscriptionType,
    },
};
use triggerfish_ops::{
    config::{self, Config, Flag, Sources},
    health::Readiness,
};
use triggerfish_registry::{NewSubscription, Settings};

use crate::{
    args::bench::{Engine, LogArgs},
    service::{AnyLog, Duty, Process, Service},
};

/// The trigger whose subscriber answers.
pub(super) const REQUEST_RESPONSE: &str = "test:request-response";

/// The trigger whose subscriber is only told.
pub(super) const FIRE_AND_FORGET: &str = "test:fire-and-forget";

/// A setting of the service: its key and its value.
pub(super) type Setting = (&'static str, String);

/// A running Triggerfish.
pub(super) struct Stage {
    pub(super) service: Service,
    log: AnyLog,
    _folder: TempDir,
}

/// Who is called.
pub(super) struct Subscriber {
    pub(super) url: String,
    pub(super) mode: Option<DispatchMode>,
    pub(super) filter: Option<String>,
    pub(super) delivery: DeliveryOptions,
}

impl Subscriber {
    /// One that answers what it is asked, in no order.
    pub(super) fn at(url: String) -> Self {
        Self {
            url,
            mode: Some(DispatchMode::Sync),
            filter: None,
            delivery: DeliveryOptions::default(),
        }
    }
}

impl Stage {
    /// Starts Triggerfish in a folder of its own with these settings. Every address of this
    /// host may subscribe.
    pub(super) async fn set(log: &LogArgs, settings: &[Setting]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("can't make a folder for the measurement")?;
        let config = config_of(log, &folder, settings)?;
        let process = Process::open(&config, Duty::ALL).await?;
        let readiness = Readiness::new();
        let service = Service::start(&process, readiness, axum::Router::new()).await?;
        Ok(Self {
            service,
            log: process.log,
            _folder: folder,
        })
    }

    /// Subscribes to `trigger`.
    pub(super) async fn subscribe(
        &self,
        trigger: &str,
        subscriber: Subscriber,
    ) -> anyhow::Result<SubscriptionId> {
        let settings = Settings {
            name: "sink".to_owned(),
            description: None,
            subscription_type: SubscriptionType::Http,
            response_deadline: None,
            http_config: Some(HttpConfig {
                url: subscriber.url,
                http_dispatch_mode: subscriber.mode,
                http_authentication_type: AuthenticationType::NoAuth,
                basic_auth_config: None,
                bearer_token_auth_config: None,
            }),
            event_bridge_config: None,
            enabled: true,
            filter: subscriber.filter,
            delivery: Some(subscriber.delivery),
        };
        let trigger_id = trigger.to_owned();
        let new = NewSubscription {
            trigger_id,
            settings,
        };
        let created = self.service.registry.create_subscription(new).await?;
        Ok(created.subscription.id)
    }

    /// Ends Triggerfish; its folder goes.
    pub(super) async fn clear(self) -> anyhow::Result<()> {
        self.service.stop().await?;
        self.log.close().await;
        Ok(())
    }
}

/// Declares a trigger that subscribers are only told of, whose events are any objects.
pub(super) async fn declare(stage: &Stage, id: &str) -> anyhow::Result<()> {
    let trigger = Trigger {
        id: id.to_owned(),
        name: id.to_owned(),
        trigger_type: TriggerType::FireAndForget,
        description: None,
        input_schema: "{\"type\":\"object\"}".to_owned(),
        example_input: "{}".to_owned(),
        output_schema: None,
        example_output: None,
    };
    stage.service.registry.put_trigger(trigger).await?;
    Ok(())
}

fn config_of(log: &LogArgs, folder: &TempDir, settings: &[Setting]) -> anyhow::Result<Config> {
    let flag = |key, value: String| Flag {
        name: "bench",
        key,
        value,
    };
    let mut flags = vec![
        flag("storage.data_dir", folder.path().display().to_string()),
        flag("api.listen", "127.0.0.1:0".to_owned()),
        flag("delivery.allow_networks", "127.0.0.0/8".to_owned()),
    ];
    flags.extend(settings.iter().map(|(key, value)| flag(key, value.clone())));
    if log.engine == Engine::Kafka {
        let servers = log.bootstrap_servers.clone();
        let servers = servers.context("--engine kafka needs --bootstrap-servers")?;
        let random = getrandom::u64().map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        flags.push(flag("kafka.bootstrap_servers", servers));
        // Topics of its own: what others left would be measured, too.
        flags.push(flag("kafka.topic_prefix", format!("bench-{random:016x}.")));
        let key = STANDARD.encode(random.to_be_bytes().repeat(4));
        flags.push(flag("security.keys", key));
    }
    // Of the environment only what it takes to reach the brokers, and to try properties.
    let mut environment = Sources::of_process(None, Vec::new()).environment;
    environment.retain(|variable| variable.name.starts_with("TRIGGERFISH_KAFKA__"));
    if log.engine == Engine::Embedded {
        environment.clear();
    }
    let sources = Sources {
        file: None,
        environment,
        flags,
    };
    Ok(config::load(&sources)?.config)
}
