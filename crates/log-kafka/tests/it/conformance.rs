//! The suite that every engine passes, on a real broker.

use std::time::Duration;

use triggerfish_log::conformance::{Cleaning, Harness};
use triggerfish_log_kafka::{KafkaLog, KafkaSettings};
use triggerfish_test_broker::{required_or_skip, shared};

struct Kafka {
    settings: KafkaSettings,
}

impl Kafka {
    fn new() -> Self {
        let mut settings = KafkaSettings::new(shared().bootstrap());
        settings.hand_over = Duration::from_secs(2);
        Self { settings }
    }
}

impl Harness for Kafka {
    type Log = KafkaLog;

    async fn open(&self) -> KafkaLog {
        KafkaLog::open(self.settings.clone()).await.unwrap()
    }

    async fn close(&self, log: KafkaLog) {
        drop(log);
    }

    async fn clean_up(&self, _: &KafkaLog) -> Cleaning {
        Cleaning::InItsOwnTime
    }

    fn hand_over(&self) -> Duration {
        self.settings.hand_over
    }
}

triggerfish_log::log_conformance!(Kafka::new(), if required_or_skip("the log on Kafka"));
