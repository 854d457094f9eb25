//! `triggerfish demo`: the main job in one terminal, with everything real but the
//! subscriber, which is a small HTTP server of this process.
//!
//! What it shows it has checked. Start with `story`.

mod checks;
mod narrate;
mod story;
mod subscriber;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use reqwest::Url;
use triggerfish_ops::{
    config::{self, Config, Flag, Sources, Variable},
    health::Readiness,
    telemetry,
};

use crate::{
    args::ServiceUrl,
    client::Client,
    service::{Duty, FirstClient, Process, Service},
};
use narrate::Narrator;
use story::Story;
use subscriber::Subscriber;

/// Subscribers of the demo are on this host, which is closed to calls by default.
const ALLOW_NETWORKS: &str = "127.0.0.0/8";

pub(crate) async fn run() -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let folder = tempfile::tempdir().context("can't make a folder for the demo")?;
    let config = config(folder.path())?;
    telemetry::init(&config.log)?;
    let process = Process::open(&config, Duty::ALL).await?;
    let no_admin = axum::Router::new();
    let service = Service::start(&process, Readiness::new(), no_admin).await?;
    let url = service.url();
    let told = tokio::select! {
        told = tell(&config, &url, service.first_client.as_ref()) => told,
        // Ends in order, so that the folder goes too.
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    let stopped = service.stop().await;
    process.log.close().await;
    let say = told?;
    stopped?;
    say.end(began.elapsed())?;
    Ok(ExitCode::SUCCESS)
}

/// Settings of the demo: nobody's file, of the environment only the first client.
fn config(folder: &Path) -> anyhow::Result<Config> {
    let flag = |key, value: String| Flag {
        name: "demo",
        key,
        value,
    };
    let mut environment = Sources::of_process(None, Vec::new()).environment;
    environment.retain(|Variable { name, .. }| {
        ["TRIGGERFISH_CLIENT_ID", "TRIGGERFISH_CLIENT_SECRET"].contains(&&**name)
    });
    let sources = Sources {
        file: None,
        environment,
        flags: vec![
            flag("storage.data_dir", folder.display().to_string()),
            flag("api.listen", "127.0.0.1:0".to_owned()),
            flag("delivery.allow_networks", ALLOW_NETWORKS.to_owned()),
            flag("log.level", "warn".to_owned()),
        ],
    };
    Ok(config::load(&sources)?.config)
}

async fn tell(config: &Config, url: &str, made: Option<&FirstClient>) -> anyhow::Result<Narrator> {
    let login = match (
        made,
        &config.security.client_id,
        &config.security.client_secret,
    ) {
        (Some(made), _, _) => (made.id.clone(), made.secret.clone()),
        (None, Some(id), Some(secret)) => (id.clone(), secret.clone()),
        _ => anyhow::bail!("the service has no API client"),
    };
    let service = ServiceUrl {
        url: Url::parse(url).context("the service's own address")?,
    };
    let mut subscriber = Subscriber::start().await?;
    let say = Narrator::new();
    say.title(
        "Triggerfish tells applications what happens, waits for the answer where one is owed,",
    )?;
    say.title(
        "and puts exactly one result per invocation on a topic. All of this is really done:",
    )?;
    Narrator::gap()?;
    say.step(
        "service",
        format_args!("{url}, its log in a temporary folder"),
    )?;
    say.step(
        "subscriber",
        format_args!(
            "{}, a small HTTP server beside it",
            subscriber.url("").trim_end_matches('/')
        ),
    )?;
    if let Some(made) = made {
        let secret = made.secret.expose();
        say.step(
            "API client",
            format_args!("{} with secret {secret}, made for this run", made.id),
        )?;
    }
    say.step(
        "setting",
        format_args!("delivery.allow_networks = [\"{ALLOW_NETWORKS}\"], for this demo only:"),
    )?;
    say.step("", "else calls to private addresses are refused")?;
    let client = Client::open(&service, Some(login))?;
    Story::new(client, &mut subscriber, &say).tell().await?;
    Ok(say)
}
