//! API clients; an addition to the reference.

use serde::{Deserialize, Serialize};
use triggerfish_core::Secret;
use triggerfish_registry::Client;
use utoipa::ToSchema;

/// A client of this API, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiClient)]
pub(crate) struct ClientView {
    /// The `client_id` of OAuth 2.0.
    id: String,
    /// Its name.
    name: String,
    /// What it may do.
    scopes: Vec<String>,
    /// When it was made; UTC.
    #[schema(format = DateTime)]
    created: String,
}

impl From<&Client> for ClientView {
    fn from(client: &Client) -> Self {
        Self {
            id: client.id.clone(),
            name: client.name.clone(),
            scopes: client.scopes.clone(),
            created: client.created.to_string(),
        }
    }
}

impl ClientView {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// A client to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ClientPostRequest {
    /// Its name.
    #[schema(example = "HR connector")]
    pub(crate) name: String,
    /// What it may do.
    #[schema(example = json!(["sp:trigger-service-subscriptions:read"]))]
    pub(crate) scopes: Vec<String>,
}

/// A client that was just made, with its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewApiClient {
    /// The client.
    #[serde(flatten)]
    pub(crate) client: ClientView,
    /// The `client_secret` of OAuth 2.0; shown this once.
    #[schema(value_type = String)]
    pub(crate) secret: Secret,
}
