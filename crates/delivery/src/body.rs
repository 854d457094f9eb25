//! Reading an answer's body, no further than allowed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::pace::{AT_ONCE, Pace};

/// What is read of a body that does not matter, so that its connection can serve
/// the next call.
const DRAIN_BYTES_MAX: usize = 16 * 1024;
const DRAIN_TIME_MAX: Duration = Duration::from_millis(20);

pub(crate) enum BodyError {
    TooLarge,
    Broken(reqwest::Error),
}

/// The whole body, if it has no more than `bytes_max` bytes; large ones at `pace`.
pub(crate) async fn read(
    response: &mut Response,
    bytes_max: usize,
    pace: &Pace,
) -> Result<Bytes, BodyError> {
    let promised = response.content_length().unwrap_or(0);
    if promised > u64::try_from(bytes_max).unwrap_or(u64::MAX) {
        return Err(BodyError::TooLarge);
    }
    let Some(first) = next(response, bytes_max).await? else {
        return Ok(Bytes::new());
    };
    let Some(second) = next(response, bytes_max - first.len()).await? else {
        return Ok(first);
    };
    let mut whole = BytesMut::with_capacity(first.len() + second.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    loop {
        let reading = next(response, bytes_max - whole.len());
        let chunk = if whole.len() > AT_ONCE {
            pace.in_turn(reading).await
        } else {
            reading.await
        };
        match chunk? {
            Some(chunk) => whole.extend_from_slice(&chunk),
            None => return Ok(whole.freeze()),
        }
    }
}

/// The next piece, which has at most `room` bytes.
async fn next(response: &mut Response, room: usize) -> Result<Option<Bytes>, BodyError> {
    match response.chunk().await {
        Ok(Some(chunk)) if chunk.len() > room => Err(BodyError::TooLarge),
        Ok(chunk) => Ok(chunk),
        Err(error) => Err(BodyError::Broken(error)),
    }
}

/// What is kept of the body of a callback's answer.
const EXCERPT_BYTES_MAX: usize = 4 * 1024;
/// The status has said it all; a decision must not wait for a body that does not come. Long
/// enough for one that is sent behind its head and held back until that is acknowledged.
const EXCERPT_TIME_MAX: Duration = Duration::from_millis(100);

/// The beginning of a body, and whether more came or would have come.
pub(crate) async fn excerpt(mut response: Response, deadline: Instant) -> Option<(Bytes, bool)> {
    let until = deadline.min(Instant::now() + EXCERPT_TIME_MAX);
    let mut read = BytesMut::new();
    let reading = async {
        while read.len() <= EXCERPT_BYTES_MAX {
            match response.chunk().await {
                Ok(Some(chunk)) => read.extend_from_slice(&chunk),
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        false
    };
    let is_whole = timeout_at(until, reading).await.unwrap_or(false);
    let is_whole = is_whole && read.len() <= EXCERPT_BYTES_MAX;
    read.truncate(EXCERPT_BYTES_MAX);
    (!read.is_empty() || !is_whole).then(|| (read.freeze(), !is_whole))
}

/// Reads what little may be left of a body that does not matter. A connection with
/// more than that is closed instead.
pub(crate) async fn drain(mut response: Response, deadline: Instant) {
    let until = deadline.min(Instant::now() + DRAIN_TIME_MAX);
    let reading = async {
        let mut room = DRAIN_BYTES_MAX;
        while let Ok(Some(chunk)) = next(&mut response, room).await {
            room -= chunk.len();
        }
    };
    // Whether it ended or ran out of time makes no difference to the call.
    let _ = timeout_at(until, reading).await;
}
