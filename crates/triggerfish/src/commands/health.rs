//! `triggerfish health`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use reqwest::Url;

use super::settings;
use crate::{
    args::{HealthArgs, ServiceArgs, ServiceUrl},
    client::{Client, Request},
    output::{self, Look, Paint},
};

pub(super) async fn run(args: &HealthArgs) -> anyhow::Result<ExitCode> {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => of_this_machine(args)?,
    };
    let client = Client::open(&ServiceUrl { url }, None)?;
    client
        .call_openly(Request::get(&["health", "ready"]))
        .await
        .with_context(|| format!("{} is not ready", client.url()))?;
    output::line(Paint::stdout().text(Look::Good, "ready"))?;
    Ok(ExitCode::SUCCESS)
}

/// Where the service of this machine is asked, by its own settings.
fn of_this_machine(args: &HealthArgs) -> anyhow::Result<Url> {
    let service = ServiceArgs {
        config: args.config.clone(),
        data: None,
        listen: args.listen,
    };
    let listen = settings::load(&service)?.config.api.listen;
    ensure!(
        listen.port() != 0,
        "api.listen is {listen}: only the service knows its port; name its address with --url"
    );
    let url = format!("http://{}", reached(listen));
    Url::parse(&url).with_context(|| format!("{url} is no address"))
}

/// Who listens at all addresses is reached at the loopback's.
fn reached(mut listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    listen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_reached_at_the_loopback() {
        for (listen, at) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("10.0.0.7:80", "10.0.0.7:80"),
        ] {
            assert_eq!(reached(listen.parse().unwrap()).to_string(), at);
        }
    }
}
