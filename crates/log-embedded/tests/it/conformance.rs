//! The suite that every engine passes.

use std::time::Duration;

use tempfile::TempDir;
use triggerfish_log::conformance::{Cleaning, Harness};
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions};

struct Embedded {
    folder: TempDir,
}

impl Embedded {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }
}

impl Harness for Embedded {
    type Log = EmbeddedLog;

    async fn open(&self) -> EmbeddedLog {
        let mut options = EmbeddedOptions::new(self.folder.path().join("log"));
        options.hand_over = self.hand_over();
        EmbeddedLog::open(options).await.unwrap()
    }

    async fn close(&self, log: EmbeddedLog) {
        log.close().await;
    }

    async fn clean_up(&self, log: &EmbeddedLog) -> Cleaning {
        log.clean_up().await.unwrap();
        Cleaning::Done
    }

    fn hand_over(&self) -> Duration {
        Duration::from_millis(400)
    }
}

triggerfish_log::log_conformance!(Embedded::new());
