//! Request bodies: JSON with errors that say where, and never what.
//!
//! A body can hold credentials, so no error repeats a value from it.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{error::ApiError, state::Shared};

/// A JSON object of content type `application/json`.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A body of content type `application/json-patch+json`, or `application/json`.
pub(crate) struct PatchBody<T>(pub(crate) T);

/// A body of any content type.
pub(crate) struct RawBody(pub(crate) Bytes);

impl<T: DeserializeOwned> FromRequest<Shared> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, ApiError> {
        if !has_json(request.headers()) {
            return Err(ApiError::unsupported_media_type("application/json"));
        }
        let RawBody(body) = RawBody::from_request(request, state).await?;
        // An array would be read as the fields in their order.
        if body.trim_ascii_start().starts_with(b"[") {
            return Err(ApiError::bad_request(
                "the request body: expected a JSON object",
            ));
        }
        parse(&body).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for PatchBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, ApiError> {
        if !has_json(request.headers()) {
            return Err(ApiError::unsupported_media_type(
                "application/json-patch+json",
            ));
        }
        let RawBody(body) = RawBody::from_request(request, state).await?;
        parse(&body).map(Self)
    }
}

impl FromRequest<Shared> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, ApiError> {
        Bytes::from_request(request, state)
            .await
            .map(Self)
            .map_err(|rejection| rejected(&rejection, state.settings.body_bytes_max))
    }
}

/// What became of a body that could not be read.
pub(crate) fn rejected(rejection: &BytesRejection, limit: usize) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::too_large(limit)
    } else {
        ApiError::bad_request("the request body ended early, or was not there in time")
    }
}

/// The content type without parameters, in lower case.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

fn has_json(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|essence| {
        essence == "application/json"
            || (essence.starts_with("application/") && essence.ends_with("+json"))
    })
}

/// Parses a body; the error names the field, the line and the column.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| ApiError::bad_request(explained(&error)))?;
    deserializer.end().map_err(|error| {
        ApiError::bad_request(format!("the request body: {}", without_values(&error)))
    })?;
    Ok(value)
}

/// Reads a JSON value; the error names the field.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| explained(&error))
}

fn explained(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let path = error.path().to_string();
    let is_whole = path == "." || path.is_empty() || !error.inner().is_data();
    let place = if is_whole {
        "the request body".to_owned()
    } else {
        format!("field {:?}", path.chars().take(100).collect::<String>())
    };
    format!("{place}: {}", without_values(error.inner()))
}

/// What is wrong, without the value that is wrong.
fn without_values(error: &serde_json::Error) -> String {
    let place = match error.line() {
        // A value that was read before has no place in a text.
        0 => String::new(),
        line => format!(" at line {line} column {}", error.column()),
    };
    if !error.is_data() {
        return format!("not valid JSON{place}");
    }
    let text = error.to_string();
    let expected = text.rsplit_once("expected ").map(|(_, expected)| {
        let end = expected.rfind(" at line").unwrap_or(expected.len());
        &expected[..end]
    });
    let named = ["missing field `", "duplicate field `"]
        .into_iter()
        .find(|start| text.starts_with(start))
        .and_then(|start| {
            text[start.len()..]
                .split_once('`')
                .map(|(name, _)| (start, name))
        });
    match (named, expected) {
        (Some((start, name)), _) => format!("{start}{name}`{place}"),
        (None, Some(expected)) => format!("expected {expected}{place}"),
        (None, None) => format!("not a value that is taken here{place}"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Outer {
        inner: Option<Inner>,
        raw: Option<Box<RawValue>>,
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        password: String,
    }

    #[derive(Debug, Deserialize)]
    enum Kind {
        One,
    }

    fn refused(json: &str) -> String {
        parse::<Outer>(json.as_bytes())
            .unwrap_err()
            .text()
            .to_owned()
    }

    #[test]
    fn raw_values_keep_their_bytes() {
        let outer: Outer =
            parse(br#"{"raw": {"b":1.0, "a" : [] } ,"inner":{"password":"p"},"kind":"One"}"#)
                .unwrap();
        assert_eq!(outer.raw.unwrap().get(), r#"{"b":1.0, "a" : [] }"#);
        assert_eq!(outer.inner.unwrap().password, "p");
        assert!(matches!(outer.kind, Some(Kind::One)));
    }

    #[test]
    fn errors_name_the_field_and_never_the_value() {
        for (json, expected) in [
            (
                r#"{"inner":{"password":12345}}"#,
                "field \"inner.password\": expected a string",
            ),
            (
                r#"{"inner":{}}"#,
                "field \"inner\": missing field `password`",
            ),
            (
                r#"{"inner":"12345, expected 12345"}"#,
                "field \"inner\": expected struct Inner",
            ),
            (
                r#"{"inner":{"password":"p","12345":1}}"#,
                "field \"inner.12345\": expected `password`",
            ),
            (r#"{"kind":"12345"}"#, "field \"kind\": expected `One`"),
            (r#"{"kind":}"#, "the request body: not valid JSON"),
            ("", "the request body: not valid JSON"),
            ("{} 12345", "the request body: not valid JSON"),
        ] {
            let text = refused(json);
            let (text, place) = text.split_once(" at line 1 column ").unwrap();
            assert_eq!(text, expected, "{json}");
            assert!(place.parse::<usize>().is_ok(), "{json}: {place}");
        }
    }
}
