//! What goes wrong with calls, in words with a remedy.

use reqwest::{StatusCode, Url};
use serde::Deserialize;

/// Why a call has no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(
        "can't reach {url}: {reason}. Is the service running? Start it with `triggerfish all`, \
         or name its address with --url or TRIGGERFISH_URL"
    )]
    Unreachable { url: Url, reason: String },
    #[error(
        "no credentials: set TRIGGERFISH_CLIENT_ID and TRIGGERFISH_CLIENT_SECRET, or pass \
         --client-id and --client-secret; `triggerfish all` shows a first client when it makes one"
    )]
    NoCredentials,
    #[error(
        "the service refuses API client {id:?}: {reason}; check TRIGGERFISH_CLIENT_ID and \
         TRIGGERFISH_CLIENT_SECRET"
    )]
    Login { id: String, reason: String },
    #[error("{text} ({status}{})", tracked(.tracking_id.as_deref()))]
    Refused {
        status: StatusCode,
        text: String,
        tracking_id: Option<String>,
    },
    #[error(
        "{url} gives an answer that is not understood: {reason}; check that --url is a \
         Triggerfish service of this version"
    )]
    Answer { url: Url, reason: String },
    #[error("can't set up the HTTP client: {0}")]
    Setup(reqwest::Error),
}

fn tracked(id: Option<&str>) -> String {
    id.map_or_else(String::new, |id| format!(", tracking id {id}"))
}

/// Every shape of error that the API has.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ErrorBody {
    tracking_id: Option<String>,
    messages: Vec<ErrorText>,
    causes: Vec<ErrorText>,
    error: Option<String>,
    #[serde(rename = "error_description")]
    error_description: Option<String>,
    message: Option<String>,
    waiting_for: Vec<Waiting>,
}

#[derive(Deserialize)]
struct ErrorText {
    text: String,
}

/// What a service that is not ready waits for.
#[derive(Deserialize)]
struct Waiting {
    name: String,
    reason: String,
}

impl ErrorBody {
    fn text(&self) -> Option<String> {
        if !self.waiting_for.is_empty() {
            let parts = self.waiting_for.iter();
            let parts = parts.map(|part| format!("{}: {}", part.name, part.reason));
            return Some(parts.collect::<Vec<_>>().join("; "));
        }
        let plain = [&self.error_description, &self.error, &self.message];
        let mut texts: Vec<&str> = self.messages.iter().map(|message| &*message.text).collect();
        texts.extend(self.causes.iter().map(|cause| &*cause.text));
        if texts.is_empty() {
            texts.extend(plain.into_iter().flatten().next().map(|text| text.trim()));
        }
        texts.dedup();
        (!texts.is_empty()).then(|| texts.join("; "))
    }
}

/// The refusal in an answer.
pub(super) fn refusal(status: StatusCode, body: &[u8]) -> ClientError {
    let error: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let text = error
        .text()
        .unwrap_or_else(|| "refused without a reason".to_owned());
    ClientError::Refused {
        status,
        text,
        tracking_id: error.tracking_id,
    }
}

/// The innermost cause, which says it best; reqwest's own text repeats the address.
pub(super) fn in_short(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_error_becomes_one_sentence() {
        let text = |json: &str| serde_json::from_str::<ErrorBody>(json).unwrap().text();
        let dto = r#"{"detailCode":"400","messages":[{"text":"a"}],"causes":[{"text":"b"}]}"#;
        assert_eq!(text(dto).unwrap(), "a; b");
        assert_eq!(
            text(r#"{"error":"x","error_description":"y"}"#).unwrap(),
            "y"
        );
        assert_eq!(
            text(r#"{"message":" Rate Limit Exceeded "}"#).unwrap(),
            "Rate Limit Exceeded"
        );
        let waiting = r#"{"status":"not ready","waitingFor":[{"name":"a","reason":"b"},
            {"name":"c","reason":"d"}]}"#;
        assert_eq!(text(waiting).unwrap(), "a: b; c: d");
        assert_eq!(text("{}"), None);
    }
}
