//! What the consumer calls back with. Everything is noted and dealt with afterwards, by the
//! session's thread: librdkafka waits for the answer to a rebalance, not for the callback.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

use crate::client;

/// What was called back with and not dealt with yet.
#[derive(Default)]
pub(super) struct Callbacks {
    rebalances: Mutex<VecDeque<Rebalance>>,
    /// A rebalance, or something for the log.
    served: AtomicBool,
    closing: AtomicBool,
}

/// A change of what the session owns.
pub(super) enum Rebalance {
    /// Partitions to take.
    Assign(TopicPartitionList),
    /// Partitions to give up.
    Revoke(TopicPartitionList),
}

impl Callbacks {
    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        self.rebalances.lock().pop_front()
    }

    /// Whether anything was called back with since this was asked last. A poll that served it
    /// returns nothing although more may be there: while a broker is away, all it has to say.
    pub(super) fn take_served(&self) -> bool {
        self.served.swap(false, Ordering::AcqRel)
    }

    /// From here on partitions are given up at once.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.served.store(true, Ordering::Release);
        client::log(level, facility, message);
    }

    /// Asked for by `statistics.interval.ms`, and of no use here.
    fn stats_raw(&self, _: &[u8]) {
        self.served.store(true, Ordering::Release);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::heard(&error, reason);
    }
}

impl ConsumerContext for Callbacks {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        self.served.store(true, Ordering::Release);
        let assign = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Acquire) {
            // Whatever is asked, a consumer that leaves gives everything up.
            if let Err(error) = consumer.unassign() {
                tracing::warn!(target: "kafka", %error, "leaving the group");
            }
            return;
        }
        let partitions = partitions.clone();
        self.rebalances.lock().push_back(if assign {
            Rebalance::Assign(partitions)
        } else {
            Rebalance::Revoke(partitions)
        });
    }
}
