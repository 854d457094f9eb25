//! What every case needs: Triggerfish with all its roles in this process, and a sink
//! beside it that subscribes.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tempfile::TempDir;
use triggerfish_core::subscription::{DispatchMode, HttpConfig, SubscriptionType};
use triggerfish_ops::{
    config::{self, Config, Flag, Sources},
    health::Readiness,
};
use triggerfish_registry::{NewSubscription, Settings};

use super::sink::Sink;
use crate::{
    args::{BenchEngine, BenchLogArgs},
    service::{AnyLog, Duty, Process, Service},
};

/// Triggerfish, and the sink that it calls.
pub(super) struct Stage {
    pub(super) service: Service,
    pub(super) sink: Sink,
    log: AnyLog,
    _folder: TempDir,
}

impl Stage {
    pub(super) async fn set(log: &BenchLogArgs, in_flight: u32) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("can't make a folder for the measurement")?;
        let config = settings(log, &folder, in_flight)?;
        let process = Process::open(&config, Duty::ALL).await?;
        let readiness = Readiness::new();
        let service = Service::start(&process, readiness.clone(), axum::Router::new()).await?;
        let sink = Sink::start().await?;
        subscribe(&service, &sink).await?;
        Ok(Self {
            service,
            sink,
            log: process.log,
            _folder: folder,
        })
    }

    pub(super) async fn clear(self) -> anyhow::Result<()> {
        self.service.stop().await?;
        self.log.close().await;
        Ok(())
    }
}

fn settings(log: &BenchLogArgs, folder: &TempDir, in_flight: u32) -> anyhow::Result<Config> {
    let flag = |key, value: String| Flag {
        name: "bench",
        key,
        value,
    };
    let mut flags = vec![
        flag("storage.data_dir", folder.path().display().to_string()),
        flag("api.listen", "127.0.0.1:0".to_owned()),
        flag("delivery.allow_networks", "127.0.0.0/8".to_owned()),
        flag("delivery.max_in_flight", in_flight.to_string()),
    ];
    if log.engine == BenchEngine::Kafka {
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
    if log.engine == BenchEngine::Embedded {
        environment.clear();
    }
    let sources = Sources {
        file: None,
        environment,
        flags,
    };
    Ok(config::load(&sources)?.config)
}

async fn subscribe(service: &Service, sink: &Sink) -> anyhow::Result<()> {
    let settings = Settings {
        name: "sink".to_owned(),
        description: None,
        subscription_type: SubscriptionType::Http,
        response_deadline: None,
        http_config: Some(HttpConfig {
            url: sink.url(),
            http_dispatch_mode: Some(DispatchMode::Sync),
            http_authentication_type: triggerfish_core::subscription::AuthenticationType::NoAuth,
            basic_auth_config: None,
            bearer_token_auth_config: None,
        }),
        event_bridge_config: None,
        enabled: true,
        filter: None,
        delivery: None,
    };
    let trigger_id = "test:request-response".to_owned();
    service
        .registry
        .create_subscription(NewSubscription {
            trigger_id,
            settings,
        })
        .await?;
    Ok(())
}
