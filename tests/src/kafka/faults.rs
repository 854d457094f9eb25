//! What was broken and when, so that repeated calls can be told from needless ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Worker;

/// How a process or a broker was treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SIGKILL.
    Kill,
    /// SIGKILL, and its data folder was deleted.
    Wipe,
    /// SIGSTOP until SIGCONT.
    Pause,
    /// SIGTERM.
    Stop,
    /// A process came.
    Join,
    /// SIGKILL of a broker until it was back.
    Broker,
    /// The disk was full.
    FullDisk,
}

/// Something that was done.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What.
    pub kind: Kind,
    /// Base URL of the process; empty where it is a broker.
    pub url: String,
    /// When it began.
    pub from: Instant,
    /// When it was over.
    pub until: Instant,
}

/// Everything that was done. Cheap to clone.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Fault>>>);

/// How long before a fault a call can have arrived whose report was not in the log yet. A
/// subscriber takes up to 20 ms; the rest is patience with a busy machine.
const IN_FLIGHT: Duration = Duration::from_secs(3);
/// Bytes that were sent are read by the subscriber even if the sender is gone by then.
const NOTED_LATE: Duration = Duration::from_millis(500);
/// What people are shown beside a call that came again.
const NEAR: Duration = Duration::from_secs(8);

impl Faults {
    /// Something was done to a process at this moment.
    pub fn note(&self, kind: Kind, worker: &Worker) {
        let now = Instant::now();
        self.add(kind, worker.url(), now, now);
    }

    /// Something was done, and lasted.
    pub fn add(&self, kind: Kind, url: String, from: Instant, until: Instant) {
        self.0.lock().push(Fault {
            kind,
            url,
            from,
            until,
        });
    }

    /// How often a thing was done.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.0.lock().iter().filter(|one| one.kind == kind).count()
    }

    /// What was done around that time, for people.
    #[must_use]
    pub fn around(&self, at: Instant) -> String {
        let seconds = |other: Instant| {
            let after = other.saturating_duration_since(at).as_secs_f64();
            after - at.saturating_duration_since(other).as_secs_f64()
        };
        let faults = self.0.lock();
        let near = faults.iter().filter(|fault| {
            seconds(fault.until) > -NEAR.as_secs_f64() && seconds(fault.from) < NEAR.as_secs_f64()
        });
        let shown = near.map(|fault| {
            let (from, until) = (seconds(fault.from), seconds(fault.until));
            format!("{:?} {} {from:+.2}..{until:+.2} s", fault.kind, fault.url)
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Whether a call that arrived at `first` may have come again at `second`: only what
    /// was in flight, its report not yet in the log, when the process that made it was
    /// killed, stood still or could not reach the brokers. `maker` is that process, where
    /// the call tells; `again_by` made the second call, which it can have begun before it
    /// stood still and another took its place.
    #[must_use]
    pub fn excuse(
        &self,
        (maker, first): (Option<&str>, Instant),
        (again_by, second): (Option<&str>, Instant),
    ) -> bool {
        self.0.lock().iter().any(|fault| {
            let hit = maker.is_none_or(|maker| fault.url == maker);
            // A process notices a full disk when it has something to write, and goes then.
            let went = match fault.kind {
                Kind::FullDisk => fault.until,
                _ => fault.from,
            };
            let in_flight = first <= went + NOTED_LATE
                && fault.from.saturating_duration_since(first) < IN_FLIGHT;
            match fault.kind {
                Kind::Kill | Kind::Wipe | Kind::FullDisk => {
                    hit && in_flight && fault.from <= second
                }
                // One that stood still between deciding on a call and sending it sends it then.
                Kind::Pause => {
                    let sent_late = (fault.until..=fault.until + NOTED_LATE).contains(&first);
                    let again = again_by.is_some_and(|maker| fault.url == maker)
                        && fault.from <= first
                        && (fault.until..=fault.until + NOTED_LATE).contains(&second);
                    again || (hit && (in_flight || sent_late) && fault.from <= second)
                }
                Kind::Broker => {
                    fault.from <= second
                        && (in_flight || (fault.from..=fault.until + IN_FLIGHT).contains(&first))
                }
                Kind::Stop | Kind::Join => false,
            }
        })
    }
}
