//! The first API client, so that somebody can begin.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use triggerfish_api::ALL_SCOPES;
use triggerfish_core::{Secret, Timestamp};
use triggerfish_registry::{Client, Registry};

use super::{plan::Duty, process::Process};

/// A client made because there was none; shown once, only its hash is kept.
pub(crate) struct FirstClient {
    /// `client_id`.
    pub(crate) id: String,
    /// `client_secret`.
    pub(crate) secret: Secret,
}

const MADE_ID: &str = "admin";

/// Makes the client that the settings name, or one of our own when there is none.
/// Returns what has to be shown.
pub(super) async fn ensure(
    process: &Process<'_>,
    registry: &Registry,
    now: Timestamp,
) -> anyhow::Result<Option<FirstClient>> {
    let security = &process.config.security;
    // A secret that one of many processes printed would be looked for in vain.
    let shows_secrets = process.duties == Duty::ALL;
    match (&security.client_id, &security.client_secret) {
        (Some(id), Some(secret)) => {
            if registry.verify_client(id, secret).await.is_none() {
                put(registry, id, secret, now).await?;
            }
            Ok(None)
        }
        (None, None) if shows_secrets && registry.snapshot().clients().len() == 0 => {
            let mut bytes = [0_u8; 24];
            getrandom::fill(&mut bytes)
                .map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
            let secret = Secret::new(URL_SAFE_NO_PAD.encode(bytes));
            put(registry, MADE_ID, &secret, now).await?;
            Ok(Some(FirstClient {
                id: MADE_ID.to_owned(),
                secret,
            }))
        }
        (None, None) => Ok(None),
        _ => anyhow::bail!(
            "TRIGGERFISH_CLIENT_ID and TRIGGERFISH_CLIENT_SECRET go together: set both or neither"
        ),
    }
}

async fn put(registry: &Registry, id: &str, secret: &Secret, now: Timestamp) -> anyhow::Result<()> {
    let scopes = vec![ALL_SCOPES.to_owned()];
    let client = Client::new(id, "first client", secret, scopes, now)?;
    registry
        .put_client(client)
        .await
        .context("can't keep the first API client")?;
    Ok(())
}
