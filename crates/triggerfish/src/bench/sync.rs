//! `triggerfish bench sync`: SYNC invocations, from the event in `trigger-events` to
//! the completion, beside a bare HTTP loop to the same sink.

use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, ensure};
use triggerfish_core::subscription::{DispatchMode, HttpConfig, SubscriptionType};
use triggerfish_ops::{
    config::{self, Flag, Sources},
    health::Readiness,
};
use triggerfish_registry::{NewSubscription, Settings};

use super::{
    load::{bare_loop, through_triggerfish},
    report::Rounds,
    sink::Sink,
};
use crate::{
    args::BenchSyncArgs,
    service::{Duty, Process, Service},
};

/// What the embedded engine is to reach.
const REACH: f64 = 0.35;

pub(crate) async fn sync(args: &BenchSyncArgs) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir().context("can't make a folder for the measurement")?;
    let flag = |key, value: String| Flag {
        name: "bench",
        key,
        value,
    };
    let sources = Sources {
        flags: vec![
            flag("storage.data_dir", folder.path().display().to_string()),
            flag("api.listen", "127.0.0.1:0".to_owned()),
            flag("delivery.allow_networks", "127.0.0.0/8".to_owned()),
            flag("delivery.max_in_flight", args.in_flight.to_string()),
        ],
        ..Sources::default()
    };
    let config = config::load(&sources)?.config;
    let process = Process::open(&config, Duty::ALL).await?;
    let readiness = Readiness::new();
    let service = Service::start(&process, readiness, axum::Router::new()).await?;
    let sink = Sink::start().await?;
    subscribe(&service, &sink).await?;

    let mut rounds = Rounds {
        reference: Vec::new(),
        measured: Vec::new(),
    };
    for _ in 0..args.repeat {
        let reference = bare_loop(&sink.url(), args.invocations, args.in_flight).await?;
        rounds.reference.push(reference.per_second());
        let measured = through_triggerfish(&service, args.invocations, args.outstanding).await?;
        rounds.measured.push(measured.per_second());
        // Each side called the sink once for each event: neither left out work.
        let calls = sink.calls.swap(0, Ordering::Relaxed);
        ensure!(
            calls == 2 * args.invocations,
            "the sink was called {calls} times"
        );
    }
    service.stop().await?;
    process.log.close().await;
    rounds.print("sync", REACH, args.json);
    Ok(ExitCode::SUCCESS)
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
