//! The three services on a real Kafka, while things break.
//!
//! One test at a time: each brings brokers and many processes.

mod answers;
mod brokers;
mod chaos;
mod decisions;
mod ending;
mod fates;
mod frozen;
mod full_disk;
mod growth;
mod negative;
mod rolling;
mod scene;

use std::str::FromStr;

use tokio::sync::{Mutex, MutexGuard};
use triggerfish_test_broker::required_or_skip;

/// Held by the test that runs; `None` where there is no Kafka to run on.
async fn turn(what: &str) -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::const_new(());
    let is_there = tokio::task::block_in_place(|| required_or_skip(what));
    if !is_there {
        return None;
    }
    Some(TURN.lock().await)
}

/// A number from the environment.
fn from_environment<T: FromStr>(name: &str, default: T) -> T {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}
