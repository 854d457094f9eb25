//! What other processes are told.

use std::sync::Arc;
use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use triggerfish_core::keys::ServerKeys;
use triggerfish_log::{Offset, Partition};
use triggerfish_runtime::Clock;
use triggerfish_wire::peer::{
    ActionWanted, InvocationWanted, PartsWanted, encode_action, encode_found, encode_parts,
};

use crate::{
    local::{Local, Refusal},
    pass,
};

/// Where one invocation is asked for.
pub(crate) const INVOCATION: &str = "/internal/peer/v1/invocation";
/// Where lists are asked for.
pub(crate) const PARTS: &str = "/internal/peer/v1/parts";

/// Where one action is asked for.
pub(crate) const ACTION: &str = "/internal/peer/v1/action";

/// A question names thousands of partitions and subscriptions at most.
const QUESTION_BYTES_MAX: usize = 256 << 10;
/// Rows of one answer; who wants more asks on.
const ROWS_BYTES_MAX: usize = 8 << 20;
/// No question keeps a connection for longer.
const PATIENCE_MAX: Duration = Duration::from_secs(10);
/// Longer than any budget.
const ACTION_PATIENCE_MAX: Duration = Duration::from_secs(12);

struct Desk {
    local: Option<Local>,
    keys: ServerKeys,
    clock: Arc<dyn Clock>,
}

/// Answers other processes of the installation for the partitions that run here.
pub(crate) fn router(local: Option<Local>, keys: ServerKeys, clock: Arc<dyn Clock>) -> Router {
    let desk = Desk { local, keys, clock };
    Router::new()
        .route(INVOCATION, post(invocation))
        .route(PARTS, post(parts))
        .route(ACTION, post(action))
        .layer(DefaultBodyLimit::max(QUESTION_BYTES_MAX))
        .with_state(Arc::new(desk))
}

async fn invocation(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, No> {
    let local = desk.admit(INVOCATION, &headers, &body)?;
    let wanted = InvocationWanted::decode(body)?;
    let patience = Duration::from_millis(u64::from(wanted.patience_ms)).min(PATIENCE_MAX);
    let (partition, after) = (Partition(wanted.partition), wanted.after.map(Offset));
    let found = local.get(partition, wanted.key, after, patience).await?;
    Ok(protobuf(encode_found(found.as_ref())))
}

async fn action(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, No> {
    let local = desk.admit(ACTION, &headers, &body)?;
    let wanted = ActionWanted::decode(body)?;
    let patience = Duration::from_millis(u64::from(wanted.patience_ms)).min(ACTION_PATIENCE_MAX);
    let found = local.action(&wanted, patience).await?;
    Ok(protobuf(encode_action(found.as_deref())))
}

async fn parts(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, No> {
    let local = desk.admit(PARTS, &headers, &body)?;
    let wanted = PartsWanted::decode(body)?;
    let parts = local.parts(wanted, PATIENCE_MAX).await?;
    if parts.is_empty() {
        return Err(Refusal::NotMine.into());
    }
    Ok(protobuf(encode_parts(&parts, ROWS_BYTES_MAX)))
}

impl Desk {
    /// Checks the pass before anything in the body is looked at.
    fn admit(&self, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<&Local, No> {
        let pass = headers
            .get(pass::HEADER)
            .and_then(|pass| pass.to_str().ok());
        let pass = pass.ok_or(pass::PassError::Malformed);
        let now = self.clock.now();
        if let Err(error) = pass.and_then(|pass| pass::verify(&self.keys, pass, path, body, now)) {
            tracing::warn!(%error, path, "a question of another process was refused");
            return Err(No::Pass(error));
        }
        self.local.as_ref().ok_or(No::Refused(Refusal::NotMine))
    }
}

/// Why there is no answer.
#[derive(Debug)]
enum No {
    Pass(pass::PassError),
    Question(triggerfish_wire::Error),
    Refused(Refusal),
}

impl From<triggerfish_wire::Error> for No {
    fn from(error: triggerfish_wire::Error) -> Self {
        Self::Question(error)
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Pass(error) => (StatusCode::UNAUTHORIZED, error.to_string()),
            Self::Question(error) => (StatusCode::BAD_REQUEST, error.to_string()),
            Self::Refused(Refusal::NotMine) => {
                (StatusCode::MISDIRECTED_REQUEST, "not mine".to_owned())
            }
            Self::Refused(Refusal::Failed(reason)) => (StatusCode::SERVICE_UNAVAILABLE, reason),
        };
        (status, text).into_response()
    }
}

fn protobuf(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/protobuf")], bytes).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt as _;
    use triggerfish_core::{InvocationKey, Timestamp};

    use super::*;

    struct At(u64);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0 * 1000)
        }
    }

    fn keys(byte: u8) -> ServerKeys {
        ServerKeys::new(&[vec![byte; 32]]).unwrap()
    }

    /// What a process without partitions says to a question with this pass.
    async fn status(path: &str, pass: Option<&str>, body: Vec<u8>) -> u16 {
        let router = router(None, keys(1), Arc::new(At(1000)));
        let mut request = Request::post(path);
        if let Some(pass) = pass {
            request = request.header(pass::HEADER, pass);
        }
        let request = request.body(Body::from(body)).unwrap();
        router.oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn nobody_is_answered_without_a_pass_for_this_very_question() {
        let wanted = InvocationWanted {
            partition: 0,
            key: InvocationKey(1),
            after: None,
            patience_ms: 100,
        };
        let body = wanted.encode();
        let now = At(1000).now();
        let other = PartsWanted::default().encode();
        let good = pass::sign(&keys(1), INVOCATION, &body, now);
        let forged = [
            pass::sign(&keys(2), INVOCATION, &body, now),
            pass::sign(&keys(1), PARTS, &body, now),
            pass::sign(&keys(1), INVOCATION, &other, now),
            pass::sign(&keys(1), INVOCATION, &body, At(900).now()),
            pass::sign(&keys(1), INVOCATION, &body, At(1100).now()),
            String::new(),
        ];
        for pass in &forged {
            assert_eq!(
                status(INVOCATION, Some(pass), body.clone()).await,
                401,
                "{pass}"
            );
        }
        assert_eq!(status(INVOCATION, None, body.clone()).await, 401);
        assert_eq!(status(PARTS, Some(&good), body.clone()).await, 401);
        // Nothing runs here.
        assert_eq!(status(INVOCATION, Some(&good), body).await, 421);
    }

    #[tokio::test]
    async fn a_question_is_bounded() {
        let body = vec![0; QUESTION_BYTES_MAX + 1];
        let pass = pass::sign(&keys(1), PARTS, &body, At(1000).now());
        assert_eq!(status(PARTS, Some(&pass), body).await, 413);
    }
}
