//! What a client sends to the token endpoint, however it sends it.
//!
//! RFC 6749 has a urlencoded form and HTTP Basic. The official clients of the
//! reference also send a multipart form or put everything into the query string;
//! both are understood for their sake.

use axum::{
    extract::{FromRequest, Multipart, Request},
    http::{HeaderMap, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use triggerfish_core::Secret;
use url::form_urlencoded;

use super::grant::OAuthError;
use crate::{
    body::{RawBody, content_type},
    state::Shared,
};

/// Characters of one parameter at most.
const PARAMETER_BYTES_MAX: usize = 4096;

/// The parameters of a request for a token.
#[derive(Debug, Default)]
pub(crate) struct GrantRequest {
    pub(crate) grant_type: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<Secret>,
    pub(crate) scope: Option<String>,
    /// Whether the client authenticated by HTTP Basic.
    pub(crate) by_header: bool,
}

impl GrantRequest {
    /// Reads the request.
    pub(crate) async fn read(request: Request, state: &Shared) -> Result<Self, OAuthError> {
        let headers = request.headers().clone();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mut parsed = Self::default();
        match content_type(&headers).as_deref() {
            Some("multipart/form-data") => parsed.add_multipart(request, state).await?,
            form => {
                let RawBody(body) = RawBody::from_request(request, state)
                    .await
                    .map_err(|_| OAuthError::invalid_request("the request body can't be read"))?;
                let is_form = form == Some("application/x-www-form-urlencoded");
                if !is_form && !body.is_empty() {
                    return Err(OAuthError::invalid_request(
                        "send the body as application/x-www-form-urlencoded",
                    ));
                }
                for (name, value) in form_urlencoded::parse(&body) {
                    parsed.add(&name, value.into_owned())?;
                }
            }
        }
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            parsed.add(&name, value.into_owned())?;
        }
        parsed.add_basic(&headers)?;
        Ok(parsed)
    }

    async fn add_multipart(&mut self, request: Request, state: &Shared) -> Result<(), OAuthError> {
        let broken = || OAuthError::invalid_request("the multipart form can't be read");
        let mut form = Multipart::from_request(request, state)
            .await
            .map_err(|_| broken())?;
        loop {
            let field = form.next_field().await.map_err(|error| {
                if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    OAuthError::invalid_request("the request body is too large")
                } else {
                    broken()
                }
            })?;
            let Some(field) = field else { return Ok(()) };
            let name = field.name().unwrap_or_default().to_owned();
            let value = field.text().await.map_err(|_| broken())?;
            self.add(&name, value)?;
        }
    }

    /// Each parameter may come once; unknown ones are ignored (RFC 6749, 3.2).
    fn add(&mut self, name: &str, value: String) -> Result<(), OAuthError> {
        if value.len() > PARAMETER_BYTES_MAX {
            return Err(OAuthError::invalid_request("a parameter is too long"));
        }
        let is_repeated = match name {
            "grant_type" => self.grant_type.replace(value).is_some(),
            "client_id" => self.client_id.replace(value).is_some(),
            "client_secret" => self.client_secret.replace(Secret::new(value)).is_some(),
            "scope" => self.scope.replace(value).is_some(),
            _ => false,
        };
        if is_repeated {
            return Err(OAuthError::invalid_request("a parameter is repeated"));
        }
        Ok(())
    }

    /// HTTP Basic; id and secret are form-encoded in it (RFC 6749, 2.3.1).
    fn add_basic(&mut self, headers: &HeaderMap) -> Result<(), OAuthError> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Ok(());
        };
        let malformed =
            || OAuthError::invalid_request("the Authorization header is not HTTP Basic");
        let (scheme, encoded) = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .ok_or_else(malformed)?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(malformed());
        }
        let decoded = BASE64.decode(encoded.trim()).map_err(|_| malformed())?;
        let pair = String::from_utf8(decoded).map_err(|_| malformed())?;
        let (id, secret) = pair.split_once(':').ok_or_else(malformed)?;
        let (id, secret) = (form_decoded(id), form_decoded(secret));
        if self.client_secret.is_some() || self.client_id.as_ref().is_some_and(|own| *own != id) {
            return Err(OAuthError::invalid_request(
                "authenticate by header or by parameters, not by both",
            ));
        }
        self.client_id = Some(id);
        self.client_secret = Some(Secret::new(secret));
        self.by_header = true;
        Ok(())
    }
}

fn form_decoded(text: &str) -> String {
    let encoded = format!("x={}", text.replace('&', "%26"));
    form_urlencoded::parse(encoded.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_form_encoded() {
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", BASE64.encode("my%20id:a%3Ab&c+d"));
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        let mut request = GrantRequest::default();
        request.add_basic(&headers).unwrap();
        assert_eq!(request.client_id.as_deref(), Some("my id"));
        assert_eq!(request.client_secret.unwrap().expose(), "a:b&c d");
        assert!(request.by_header);
    }

    #[test]
    fn a_parameter_comes_once() {
        let mut request = GrantRequest::default();
        request.add("scope", "a".into()).unwrap();
        request.add("state", "x".into()).unwrap();
        request.add("state", "y".into()).unwrap();
        assert!(request.add("scope", "a".into()).is_err());
    }
}
