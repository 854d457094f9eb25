//! Events as upstream services produce them, put around the service into the log in its
//! folder.

use std::path::Path;

use bytes::Bytes;
use triggerfish_log::{Appender as _, EventLog as _, NewRecord, Partition};
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions};

/// Appends a record to `trigger-events` in the data folder of a service that has been
/// started before and is not running.
///
/// # Panics
/// If the log can't be opened or appended to.
pub async fn put(
    data: &Path,
    key: &'static str,
    value: impl Into<Bytes>,
    headers: Vec<(String, Bytes)>,
) {
    let options = EmbeddedOptions::new(data.join("log"));
    let log = EmbeddedLog::open(options).await;
    let log = log.expect("the log opens once the service has ended");
    let upstream = log.open_appender("upstream".into()).await;
    let upstream = upstream.expect("an appender opens");
    let record = NewRecord {
        topic: "trigger-events".into(),
        partition: Partition(0),
        key: Some(key.into()),
        value: Some(value.into()),
        headers,
    };
    let appended = upstream.append(vec![record]).await;
    drop(appended.expect("the record is appended"));
    log.close().await;
}
