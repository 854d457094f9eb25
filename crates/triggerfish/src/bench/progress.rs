//! Shows on standard error how far a measurement is: on a terminal a line that changes, else
//! a line for each step.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::output;

/// Often enough to see that it goes on, too rarely to disturb.
const EVERY: Duration = Duration::from_millis(500);

/// How far a case is.
pub(super) struct Progress {
    case: &'static str,
    rounds: u32,
    on_terminal: bool,
}

/// One measurement of a round; it is over when this is dropped.
pub(super) struct Step {
    /// What has been done of it; who does it counts.
    pub(super) done: Arc<AtomicU64>,
    title: String,
    began: Instant,
    ticker: Option<JoinHandle<()>>,
}

impl Progress {
    pub(super) fn new(case: &'static str, rounds: u32) -> Self {
        let on_terminal = io::stderr().is_terminal();
        Self {
            case,
            rounds,
            on_terminal,
        }
    }

    /// Begins to measure `what` in this round, counted from 0, which will be `total` pieces
    /// of work.
    pub(super) fn step(&self, round: u32, what: &str, total: u64) -> Step {
        let (case, rounds) = (self.case, self.rounds);
        let title = format!("{case}, round {} of {rounds}: {what}", round + 1);
        let done = Arc::new(AtomicU64::new(0));
        let ticker = if self.on_terminal {
            Some(tokio::spawn(tick(title.clone(), Arc::clone(&done), total)))
        } else {
            output::note(&title);
            None
        };
        Step {
            done,
            title,
            began: Instant::now(),
            ticker,
        }
    }
}

/// The counter is looked at instead of counting on what is measured.
async fn tick(title: String, done: Arc<AtomicU64>, total: u64) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        let done = done.load(Ordering::Relaxed).min(total);
        let percent = (done * 100).checked_div(total).unwrap_or(0);
        output::note_again(format_args!("{title}, {done} of {total}, {percent} %"));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(ticker) = self.ticker.take() {
            ticker.abort();
            let took = self.began.elapsed();
            output::note_again(format_args!("{}, {:.1} s", self.title, took.as_secs_f64()));
            output::note("");
        }
    }
}
