//! The producer of plain appends, and what becomes of the records it was given.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{ProducerContext, ThreadedProducer};
use tokio::sync::Notify;
use triggerfish_log::{Offset, Partition};

use crate::client;

pub(crate) type Producer = ThreadedProducer<Deliveries>;

/// The producer of all appenders of a log, from the first use on. Replaced when it has failed
/// for good.
#[derive(Default)]
pub(crate) struct Appending(pub(crate) Mutex<Option<Arc<Producer>>>);

/// What became of a record; a cancellation as long as nothing did.
pub(crate) type Delivered = Result<(Partition, Offset), KafkaError>;

/// One call of `append`, waiting for its records.
pub(crate) struct Call {
    missing: AtomicUsize,
    delivered: Mutex<Vec<Delivered>>,
    done: Notify,
}

/// A record of a call.
pub(crate) type Awaited = (Arc<Call>, usize);

/// Tells calls what became of their records.
pub(crate) struct Deliveries;

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::heard(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Awaited>;

    fn delivery(&self, result: &DeliveryResult<'_>, awaited: Box<Awaited>) {
        let (call, index) = *awaited;
        let delivered = match result {
            Ok(message) => Ok((
                Partition(u32::try_from(message.partition()).unwrap_or_default()),
                Offset(u64::try_from(message.offset()).unwrap_or_default()),
            )),
            Err((error, _)) => Err(error.clone()),
        };
        call.end(index, delivered);
    }
}

impl Call {
    pub(crate) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self {
            missing: AtomicUsize::new(count),
            delivered: Mutex::new(vec![Err(KafkaError::Canceled); count]),
            done: Notify::new(),
        })
    }

    pub(crate) fn end(&self, index: usize, delivered: Delivered) {
        self.delivered.lock()[index] = delivered;
        if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }

    pub(crate) async fn delivered(&self) -> Vec<Delivered> {
        self.done.notified().await;
        std::mem::take(&mut *self.delivered.lock())
    }
}
