//! A pipeline that keeps no state: what it reads in one topic it POSTs, and what is answered it
//! appends to another. No retries, no order, no status, no timers, and what is answered may
//! come twice: what is left of Triggerfish if everything is left out that it is for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;
use triggerfish_log::{
    Appender, EventLog, Limit, NewRecord, Partition, Reader, Record, Topic, TopicSpec, WriterName,
};

use super::load::{Load, Measured, Way, client, ends, record};
use super::{load::Bounds, progress::Step};
use crate::service::{AnyLog, Service};

const WAIT: Duration = Duration::from_secs(1);

/// A running pipeline.
pub(super) struct Pipeline {
    log: AnyLog,
    into: Topic,
    out: Topic,
    _task: AbortOnDropHandle<anyhow::Result<()>>,
}

impl Pipeline {
    /// Starts one beside `service`, on the same log with topics of its own, of as many partitions.
    /// So many calls to `url` are in flight at most.
    pub(super) async fn start(
        service: &Service,
        url: String,
        in_flight: u32,
    ) -> anyhow::Result<Self> {
        let (log, events) = (service.log.clone(), &service.topics.trigger_events);
        let partitions = log.partitions(events).await?;
        let [into, out] = ["into", "out"].map(|end| Topic::from(format!("{events}-pipe-{end}")));
        let spec = |name: &Topic| TopicSpec {
            name: name.clone(),
            partitions,
            retention: None,
            compacted: false,
        };
        log.ensure_topics(&[spec(&into), spec(&out)]).await?;
        let mut reader = log.open_reader().await?;
        let mut positions = ends(&mut reader, &into, partitions).await?;
        let call = Call {
            client: client()?,
            url: url.into(),
            appender: log.open_appender(WriterName::from("pipeline")).await?,
            out: out.clone(),
        };
        let places = Arc::new(Semaphore::new(in_flight as usize));
        let task = tokio::spawn(async move {
            loop {
                for record in reader
                    .follow(&mut positions, Limit::default(), WAIT)
                    .await?
                {
                    let place = Arc::clone(&places).acquire_owned().await?;
                    tokio::spawn(call.clone().make(record, place));
                }
            }
        });
        Ok(Self {
            log,
            into,
            out,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// The events of `load` through it.
    pub(super) async fn measure(&self, load: Load, step: &Step) -> anyhow::Result<Measured> {
        let way = Way {
            log: &self.log,
            into: &self.into,
            out: &self.out,
            is_good: |answer| {
                anyhow::ensure!(answer.is_some_and(|answer| !answer.is_empty()), "no answer");
                Ok(())
            },
        };
        let bounds = Bounds {
            events: load.count,
            completions: load.count,
            outstanding: load.outstanding,
        };
        way.go(bounds, move |to, number| record(to, load, number), step)
            .await
    }
}

#[derive(Clone)]
struct Call {
    client: reqwest::Client,
    url: Arc<str>,
    appender: <AnyLog as EventLog>::Appender,
    out: Topic,
}

impl Call {
    /// An answer that does not come is missed at the other end.
    async fn make(self, event: Record, place: OwnedSemaphorePermit) -> anyhow::Result<()> {
        let request = self
            .client
            .post(&*self.url)
            .header("content-type", "application/json")
            .body(event.value.unwrap_or_default());
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        drop(place);
        self.append(event.partition, answer).await
    }

    async fn append(&self, partition: Partition, answer: Bytes) -> anyhow::Result<()> {
        let record = NewRecord {
            topic: self.out.clone(),
            partition,
            key: None,
            value: Some(answer),
            headers: Vec::new(),
        };
        self.appender.append(vec![record]).await?;
        Ok(())
    }
}
