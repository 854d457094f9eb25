//! `triggerfish all`, and one command for each duty.

use std::process::ExitCode;

use triggerfish_ops::{admin, health::Readiness, metrics, shutdown::Shutdown, telemetry};

use super::{print, settings};
use crate::{
    args::ServiceArgs,
    service::{Duty, FirstClient, Process, Service},
};

pub(super) async fn run(args: &ServiceArgs, duties: &'static [Duty]) -> anyhow::Result<ExitCode> {
    let loaded = settings::load(args)?;
    let config = &loaded.config;
    telemetry::init(&config.log)?;
    let readiness = Readiness::new();
    let shutdown = Shutdown::install(readiness.clone())?;
    let exporter = metrics::install()?;
    tokio::spawn(exporter.clone().upkeep(shutdown.token().clone()));
    let admin = admin::router(readiness.clone(), exporter);
    let process = Process::open(config, duties).await?;
    let service = Service::start(&process, readiness, admin).await?;
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
