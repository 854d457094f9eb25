//! `triggerfish all`, and one command for each duty.

use std::process::ExitCode;

use anyhow::Context as _;
use triggerfish_ops::{
    admin, config::Config, health::Readiness, metrics, open_files, shutdown::Shutdown, telemetry,
};

use super::{print, settings};
use crate::{
    args::ServiceArgs,
    service::{Duty, FirstClient, Process, Service},
};

pub(super) async fn run(args: &ServiceArgs, duties: &'static [Duty]) -> anyhow::Result<ExitCode> {
    let loaded = settings::load(args)?;
    let config = &loaded.config;
    telemetry::init(&config.log)?;
    check_open_files(config);
    let readiness = Readiness::new();
    let shutdown = Shutdown::install(readiness.clone())?;
    let exporter = metrics::install()?;
    tokio::spawn(exporter.clone().upkeep(shutdown.token().clone()));
    let admin = admin::router(readiness.clone(), exporter);
    let process = Process::open(config, duties).await?;
    let started = Service::start(&process, readiness, admin).await;
    let service = started.context("can't start")?;
    if let Some(FirstClient { id, secret }) = &service.first_client {
        print("A first API client was made. Its secret is shown this once:");
        print(format_args!("  client_id      {id}"));
        print(format_args!("  client_secret  {}", secret.expose()));
    }
    print(format_args!("listening on {}", service.url()));
    service.run(shutdown.token().clone()).await?;
    process.log.close().await;
    tracing::info!("drained");
    Ok(ExitCode::SUCCESS)
}

/// Files and sockets that are open beside those of calls, with room to spare.
const OTHER_FILES: u64 = 1024;

/// Without a socket a call fails, whoever is called.
fn check_open_files(config: &Config) {
    let needed = u64::from(config.delivery.max_in_flight_total.get()) + OTHER_FILES;
    if let Some(limit) = open_files::raise_limit()
        && limit < needed
    {
        tracing::warn!(
            limit,
            needed,
            "calls may fail for want of sockets: allow more open files (ulimit -Hn, LimitNOFILE) \
             or lower delivery.max_in_flight_total"
        );
    }
}
