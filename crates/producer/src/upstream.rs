//! Events from the `trigger-events` topic.
//!
//! The position of a record is committed only after what it caused is durable. An
//! event has its own identity, else that of its place in the topic, so reading it
//! again after a crash makes the same invocations.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use triggerfish_api::ports::{Start, StartError, StartIdentity, StartInput};
use triggerfish_core::{Origin, Timestamp};
use triggerfish_log::{
    Appender, Batch, CommitError, Consumed, EventLog, GroupName, InstanceName, Limit, LogError,
    NewRecord, Offset, Outputs, Partition, Polled, Record, Session, SessionSpec,
};
use triggerfish_ops::metrics;
use triggerfish_runtime::{Topics, cut_dead_letter, dead_letter};
use triggerfish_wire::event;

use crate::intake::Intake;

/// How events are read.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// Producers of one group share the partitions out.
    pub group: GroupName,
    /// Who this is.
    pub instance: InstanceName,
    /// The topics.
    pub topics: Topics,
}

/// Header that says that the value is a protobuf `TriggerEvent`.
const PROTOBUF: &[u8] = b"application/protobuf";

/// Reads events and fans them out.
pub struct Upstream<L: EventLog, A: Appender = <L as EventLog>::Appender> {
    session: L::Session,
    appender: A,
    intake: Intake,
    topics: Topics,
}

/// The JSON form of an event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainEvent<'a> {
    trigger_id: String,
    #[serde(borrow)]
    input: &'a RawValue,
    #[serde(borrow, default)]
    content_json: Option<&'a RawValue>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    ordering_key: Option<String>,
    #[serde(default)]
    depth: u32,
}

impl<L: EventLog, A: Appender> Upstream<L, A> {
    /// Joins the group.
    pub async fn open(
        log: &L,
        appender: A,
        intake: Intake,
        settings: UpstreamSettings,
    ) -> Result<Self, LogError> {
        let spec = SessionSpec {
            group: settings.group,
            topic: settings.topics.trigger_events.clone(),
            instance: settings.instance,
            outputs: Outputs::PositionsOnly,
        };
        let session = log.open_session(spec).await?;
        Ok(Self {
            session,
            appender,
            intake,
            topics: settings.topics,
        })
    }

    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), LogError> {
        loop {
            let polled = tokio::select! {
                () = stop.cancelled() => break,
                polled = self.session.poll(Limit::default(), Duration::from_millis(500)) => polled,
            };
            match polled {
                Ok(Polled::Records(records)) => self.take(&records, &stop).await?,
                Ok(_) => {}
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, "reading events failed, trying again");
                    pause(&stop).await;
                }
                Err(error) => return Err(error),
            }
        }
        self.session.close().await;
        Ok(())
    }

    async fn take(&mut self, records: &[Record], stop: &CancellationToken) -> Result<(), LogError> {
        let out = records.iter().map(|record| {
            self.requests(record)
                .unwrap_or_else(|Refused { label, reason }| {
                    vec![self.dead_letter(record, label, &reason)]
                })
        });
        let out = out.collect();
        if self.append(records, out, stop).await? {
            self.commit(records, stop).await?;
        }
        Ok(())
    }

    fn dead_letter(&self, record: &Record, label: &'static str, reason: &str) -> NewRecord {
        tracing::warn!(topic = %record.topic, partition = %record.partition, offset = %record.offset, reason, "event goes to dead-letters");
        metrics::dead_letter(label);
        dead_letter(&self.topics.dead_letters, record, reason)
    }

    /// Appends what follows from each record, until it is durable; `false` if it was
    /// stopped before.
    async fn append(
        &mut self,
        records: &[Record],
        mut out: Vec<Vec<NewRecord>>,
        stop: &CancellationToken,
    ) -> Result<bool, LogError> {
        loop {
            let all = out.iter().flatten().cloned().collect();
            match self.appender.append(all).await {
                Ok(_) => return Ok(true),
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, "appending requests failed, trying again");
                    if !pause(stop).await {
                        return Ok(false);
                    }
                }
                Err(LogError::TooLarge { limit, .. }) if self.shrink(records, &mut out, limit) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// An event that makes records larger than the log takes goes to dead-letters, cut
    /// if that is too large as well: it must not stop the partition. `false` if nothing
    /// changed.
    fn shrink(&self, records: &[Record], out: &mut [Vec<NewRecord>], limit: usize) -> bool {
        let mut changed = false;
        for (record, out) in records.iter().zip(out) {
            if out.iter().all(|new| new.payload_bytes() <= limit) {
                continue;
            }
            let mut letter = match &out[..] {
                [only] if only.topic == self.topics.dead_letters => only.clone(),
                _ => {
                    let reason = format!("it makes a record of more than {limit} bytes");
                    self.dead_letter(record, "too_large", &reason)
                }
            };
            changed |= cut_dead_letter(&mut letter, limit) || *out != [letter.clone()];
            *out = vec![letter];
        }
        changed
    }

    async fn commit(
        &mut self,
        records: &[Record],
        stop: &CancellationToken,
    ) -> Result<(), LogError> {
        let batch = Batch {
            records: Vec::new(),
            consumed: positions(records),
        };
        loop {
            match self.session.commit(batch.clone()).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Refused(error)) => return Err(error),
                Err(CommitError::Aborted { reason }) => {
                    tracing::warn!(
                        reason,
                        "committing the position of events was aborted, trying again"
                    );
                    if !pause(stop).await {
                        return Ok(());
                    }
                }
                // The events will be read again, here or elsewhere, and make the same
                // invocations.
                Err(error) => {
                    tracing::warn!(%error, "committing the position of events failed");
                    return Ok(());
                }
            }
        }
    }

    fn requests(&self, record: &Record) -> Result<Vec<NewRecord>, Refused> {
        let start = read(record).map_err(|reason| Refused {
            label: "unreadable",
            reason,
        })?;
        let requested = self
            .intake
            .requests(&start)
            .map_err(|error| Refused::by(&error))?;
        Ok(requested
            .into_iter()
            .map(|requested| requested.record)
            .collect())
    }
}

/// Why an event goes to dead-letters.
struct Refused {
    /// For metrics.
    label: &'static str,
    /// For people.
    reason: String,
}

impl Refused {
    fn by(error: &StartError) -> Self {
        let label = match error {
            StartError::UnknownTrigger(_) => "unknown_trigger",
            StartError::TooLarge { .. } => "too_large",
            StartError::TooDeep { .. } => "too_deep",
            StartError::InvalidInput(_)
            | StartError::UnknownSubscription(_)
            | StartError::KeyReused
            | StartError::Unavailable { .. } => "invalid_input",
        };
        Self {
            label,
            reason: error.to_string(),
        }
    }
}

fn read(record: &Record) -> Result<Start, String> {
    let value = record.value.as_ref().ok_or("the record has no value")?;
    match header(record, "content-type") {
        Some(PROTOBUF) => protobuf(record, value),
        _ => plain(record, value),
    }
}

/// Waits a little before another try; `false` if stopped meanwhile.
async fn pause(stop: &CancellationToken) -> bool {
    let pause = tokio::time::sleep(Duration::from_millis(100));
    stop.run_until_cancelled(pause).await.is_some()
}

fn positions(records: &[Record]) -> Vec<Consumed> {
    let mut last: std::collections::BTreeMap<Partition, Offset> = std::collections::BTreeMap::new();
    for record in records {
        last.insert(record.partition, record.offset.next());
    }
    let topic = records.first().map(|record| record.topic.clone());
    let consumed = |topic: &triggerfish_log::Topic, partition, offset| Consumed {
        topic: topic.clone(),
        partition,
        offset,
        metadata: Bytes::new(),
    };
    topic
        .iter()
        .flat_map(|topic| {
            last.iter()
                .map(move |(p, offset)| consumed(topic, *p, *offset))
        })
        .collect()
}

fn header<'r>(record: &'r Record, name: &str) -> Option<&'r [u8]> {
    record
        .headers
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, value)| value.as_ref())
}

fn text_header(record: &Record, name: &str) -> Option<String> {
    header(record, name)
        .and_then(|value| std::str::from_utf8(value).ok())
        .map(str::to_owned)
}

/// An event without an id is known by its place in the topic.
fn identity(record: &Record, source: &str, id: Option<&str>) -> StartIdentity {
    match id.filter(|id| !id.is_empty()) {
        Some(id) => StartIdentity::Key {
            scope: source.to_owned(),
            key: id.to_owned(),
        },
        None => StartIdentity::Key {
            scope: format!("{}/{}", record.topic, record.partition),
            key: record.offset.to_string(),
        },
    }
}

fn record_time(record: &Record) -> Timestamp {
    Timestamp::from_micros(record.timestamp_us)
}

fn record_key(record: &Record) -> Option<String> {
    record
        .key
        .as_ref()
        .and_then(|key| std::str::from_utf8(key).ok())
        .map(str::to_owned)
}

fn plain(record: &Record, value: &Bytes) -> Result<Start, String> {
    let event: PlainEvent<'_> = serde_json::from_slice(value).map_err(|error| {
        format!("not an event: {error}; expected a JSON object with triggerId and input")
    })?;
    let time = match event.time.as_deref() {
        Some(text) => Timestamp::parse(text).ok_or("time is not an RFC 3339 date-time")?,
        None => record_time(record),
    };
    let content_json = event.content_json.map_or("{}", RawValue::get);
    if !content_json.starts_with('{') {
        return Err("contentJson is not a JSON object".to_owned());
    }
    Ok(Start {
        input: StartInput::Json(value.slice_ref(event.input.get().as_bytes())),
        content_json: Bytes::copy_from_slice(content_json.as_bytes()),
        origin: Origin::RealTime,
        subscription_ids: None,
        identity: identity(
            record,
            event.source.as_deref().unwrap_or_default(),
            event.id.as_deref(),
        ),
        time: Some(time),
        ordering_key: event.ordering_key.or_else(|| record_key(record)),
        depth: event.depth,
        traceparent: text_header(record, "traceparent"),
        event_id: event.id,
        trigger_id: event.trigger_id,
    })
}

fn protobuf(record: &Record, value: &Bytes) -> Result<Start, String> {
    let event = event::decode(value.clone()).map_err(|error| error.to_string())?;
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let content_json = if event.content_json.is_empty() {
        Bytes::from_static(b"{}")
    } else {
        event.content_json
    };
    let is_object = serde_json::from_slice::<serde_json::Map<_, _>>(&content_json).is_ok();
    if !is_object {
        return Err("content_json is not a JSON object".to_owned());
    }
    Ok(Start {
        trigger_id: event.trigger_id,
        input: StartInput::Json(event.input),
        content_json,
        origin: Origin::RealTime,
        subscription_ids: None,
        identity: identity(record, &event.source, Some(&event.id)),
        time: Some(event.time.unwrap_or_else(|| record_time(record))),
        ordering_key: some(event.ordering_key).or_else(|| record_key(record)),
        depth: event.depth,
        traceparent: some(event.traceparent).or_else(|| text_header(record, "traceparent")),
        event_id: some(event.id),
    })
}
