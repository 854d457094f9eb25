//! `triggerfish all`

use std::process::ExitCode;

use triggerfish_ops::{admin, health::Readiness, metrics, shutdown::Shutdown, telemetry};

use super::{print, settings};
use crate::{
    args::ServiceArgs,
    service::{FirstClient, Service, open_log},
};

pub(super) async fn run(args: &ServiceArgs) -> anyhow::Result<ExitCode> {
    let loaded = settings::load(args)?;
    let config = &loaded.config;
    telemetry::init(&config.log)?;
    let readiness = Readiness::new();
    let shutdown = Shutdown::install(readiness.clone())?;
    let exporter = metrics::install()?;
    tokio::spawn(exporter.clone().upkeep(shutdown.token().clone()));
    let admin = admin::router(readiness.clone(), exporter);
    let keys = settings::server_keys(config)?;
    let log = open_log(config).await?;
    let service = Service::start(config, log.clone(), keys, readiness, admin).await?;
    if let Some(FirstClient { id, secret }) = &service.first_client {
        print("A first API client was made. Its secret is shown this once:");
        print(format_args!("  client_id      {id}"));
        print(format_args!("  client_secret  {}", secret.expose()));
    }
    print(format_args!("listening on {}", service.url()));
    service.run(shutdown.token().clone()).await?;
    log.close().await;
    tracing::info!("drained");
    Ok(ExitCode::SUCCESS)
}
