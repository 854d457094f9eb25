//! The log of the worlds keeps the contract, in fine weather.

use std::sync::Arc;
use std::time::Duration;

use triggerfish_log::conformance::{Cleaning, Harness};
use triggerfish_runtime::{Clock as _, SystemClock};
use triggerfish_simulator::{Chance, Life, NoWitness, SimLog, Weather};

const HAND_OVER: Duration = Duration::from_millis(800);

struct Simulated(SimLog);

impl Simulated {
    fn new() -> Self {
        let weather = Weather::fine(Chance::new(1), HAND_OVER);
        let now = || SystemClock.now().as_micros();
        let life = Life::new("test", 1);
        Self(SimLog::new(life, weather, Arc::new(NoWitness), now))
    }
}

impl Harness for Simulated {
    type Log = SimLog;

    async fn open(&self) -> SimLog {
        self.0.clone()
    }

    async fn close(&self, log: SimLog) {
        drop(log);
    }

    async fn clean_up(&self, _: &SimLog) -> Cleaning {
        Cleaning::InItsOwnTime
    }

    fn hand_over(&self) -> Duration {
        HAND_OVER
    }
}

triggerfish_log::log_conformance!(Simulated::new());
