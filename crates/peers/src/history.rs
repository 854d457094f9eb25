//! How much there was to do lately, from what the owners of partitions announce.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use triggerfish_api::ports::Load;
use triggerfish_core::Timestamp;
use triggerfish_runtime::Clock;

use crate::{
    announcement::{Figures, HEARTBEAT},
    directory::Directory,
    roster::Roster,
};

/// How far back is known.
const KEPT: Duration = Duration::from_mins(10);
/// Rates are over the time of so many samples: announcements come a little sooner or later
/// than samples are taken.
const SPAN: usize = 3;

/// The samples, the oldest first. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct History(Arc<Mutex<VecDeque<Load>>>);

impl History {
    pub(crate) fn all(&self) -> Vec<Load> {
        self.0.lock().iter().cloned().collect()
    }

    fn push(&self, load: Load) {
        let mut samples = self.0.lock();
        let at = load.at;
        samples.push_back(load);
        while samples
            .front()
            .is_some_and(|first| first.at.until(at) > KEPT)
        {
            samples.pop_front();
        }
    }
}

/// The task behind a [`History`].
pub(crate) struct Sampler {
    directory: Directory,
    history: History,
    clock: Arc<dyn Clock>,
    before: VecDeque<Sample>,
}

/// What the owners have said at a moment.
struct Sample {
    at: Timestamp,
    /// By partition, the process that has it and since when: counts begin anew with each.
    of: BTreeMap<(u32, String, Timestamp), Figures>,
}

impl Sampler {
    pub(crate) fn new(directory: Directory, history: History, clock: Arc<dyn Clock>) -> Self {
        Self {
            directory,
            history,
            clock,
            before: VecDeque::new(),
        }
    }

    /// Takes samples until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(HEARTBEAT);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let sample = Sample::of(&self.directory.roster(), self.clock.now());
            self.take(sample);
        }
    }

    fn take(&mut self, sample: Sample) {
        // Nobody has said anything yet; that is no figure.
        if sample.of.is_empty() {
            return;
        }
        if let Some(before) = self.before.front() {
            self.history.push(load(before, &sample));
        }
        self.before.push_back(sample);
        if self.before.len() > SPAN {
            self.before.pop_front();
        }
    }
}

impl Sample {
    fn of(roster: &Roster, at: Timestamp) -> Self {
        let of = roster.figures();
        Self { at, of }
    }
}

fn load(before: &Sample, now: &Sample) -> Load {
    let seconds = before.at.until(now.at).as_secs_f64();
    let rate = |count: fn(&Figures) -> u64| {
        let grown = now.of.iter().filter_map(|(owner, figures)| {
            let earlier = before.of.get(owner)?;
            Some(count(figures).saturating_sub(count(earlier)))
        });
        let grown = u32::try_from(grown.sum::<u64>()).unwrap_or(u32::MAX);
        if seconds > 0.0 {
            f64::from(grown) / seconds
        } else {
            0.0
        }
    };
    let sum = |figure: fn(&Figures) -> u64| now.of.values().map(figure).sum();
    Load {
        at: now.at,
        started_per_second: rate(|figures| figures.requested),
        completed_per_second: rate(|figures| figures.completed),
        failed_per_second: rate(|figures| figures.failed),
        open: sum(|figures| figures.open),
        queued: sum(|figures| figures.queued),
        lag: sum(|figures| figures.lag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn sample(seconds: u64, owners: &[(u32, &str, u64)]) -> Sample {
        let of = owners.iter().map(|(partition, name, requested)| {
            let figures = Figures {
                position: 0,
                lag: 1,
                open: 2,
                queued: 3,
                requested: *requested,
                completed: requested / 2,
                failed: 0,
            };
            ((*partition, (*name).to_owned(), Timestamp::EPOCH), figures)
        });
        Sample {
            at: at(seconds),
            of: of.collect(),
        }
    }

    #[test]
    fn rates_are_of_those_who_were_there_before() {
        let before = sample(0, &[(0, "a", 100), (1, "a", 50)]);
        // Partition 1 has moved: its count began anew.
        let now = sample(10, &[(0, "a", 140), (1, "b", 900)]);
        let load = load(&before, &now);
        assert!((load.started_per_second - 4.0).abs() < 1e-9, "{load:?}");
        assert!((load.completed_per_second - 2.0).abs() < 1e-9, "{load:?}");
        assert_eq!((load.open, load.queued, load.lag), (4, 6, 2));
    }

    #[test]
    fn samples_are_kept_for_a_while() {
        let history = History::default();
        for seconds in (0..2000).step_by(3) {
            history.push(load(&sample(seconds, &[]), &sample(seconds, &[])));
        }
        let kept = history.all();
        assert_eq!(kept.last().map(|load| load.at), Some(at(1998)));
        assert_eq!(kept.first().map(|load| load.at), Some(at(1398)));
    }
}
