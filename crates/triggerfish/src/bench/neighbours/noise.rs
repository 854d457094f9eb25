//! Neighbours of one kind at work, and what they do to the service.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    Settings,
    dead::{Dead, Kind, Sum},
    service::{ANSWER_BYTES_MAX, DEAD_TRIGGER, Service},
    watch::{Peak, Watch},
};

/// How long that may take.
const SETTLE: Duration = Duration::from_mins(1);
/// How often more comes for them.
const EVERY: Duration = Duration::from_secs(1);
/// Calls in flight when those that came at once are over.
const FEW: f64 = 8.0;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the service may take to be rid of them, beside the time of a call.
const PATIENCE: Duration = Duration::from_mins(1);

/// What neighbours have done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Harm {
    /// Invocations of theirs.
    pub(super) invocations: u64,
    pub(super) calls: u64,
    /// Calls in flight of one of them.
    pub(super) most: u64,
    /// Calls in flight of all subscribers, as a share of what there may be.
    pub(super) in_flight_share: f64,
    /// By how much the longest attempt outlasted its deadline.
    pub(super) late_ms: f64,
    /// By how much memory went up more than without them, in MiB.
    pub(super) memory_up: f64,
    /// The same as a share of what their answers may take.
    pub(super) memory_share: f64,
}

impl Harm {
    pub(super) fn or_worse(self, other: Self) -> Self {
        Self {
            invocations: self.invocations + other.invocations,
            calls: self.calls + other.calls,
            most: self.most.max(other.most),
            in_flight_share: self.in_flight_share.max(other.in_flight_share),
            late_ms: self.late_ms.max(other.late_ms),
            memory_up: self.memory_up.max(other.memory_up),
            memory_share: self.memory_share.max(other.memory_share),
        }
    }
}

/// Neighbours at work.
pub(super) struct Noise {
    service: Arc<Service>,
    dead: Vec<Dead>,
    ids: Vec<String>,
    call_timeout: Duration,
    /// Events for them to begin with.
    sent: u64,
    /// Calls that there may be at once, theirs and the others'.
    caps: f64,
    /// What the answers to them may take, in MiB.
    limits: f64,
    watch: Watch,
    stop: CancellationToken,
    feeding: JoinHandle<anyhow::Result<u64>>,
}

impl Noise {
    /// Subscribes so many and gives them as much as they can have in flight. Waits until they
    /// hold it; where they hold nothing, until what came at once is over and the rest waits for
    /// its turn, if there is a rest.
    pub(super) async fn start(
        service: &Arc<Service>,
        settings: &Settings,
        kind: Kind,
        number: u32,
    ) -> anyhow::Result<Self> {
        let watch = Watch::start(service)?;
        let (mut dead, mut ids) = (Vec::new(), Vec::new());
        for one in 0..number {
            let useless = Dead::start(kind)?;
            let name = format!("{} {one}", kind.name());
            let url = useless.url();
            ids.push(service.subscribe(DEAD_TRIGGER, &name, &url).await?);
            dead.push(useless);
        }
        let before = service.attempts().await?;
        for _ in 0..settings.in_flight {
            service.send_to_dead().await?;
        }
        let all = f64::from(number) * f64::from(settings.in_flight);
        let began = Instant::now();
        loop {
            let in_flight = service.in_flight().await?;
            let known = service.attempts().await? - before + in_flight;
            let is_quiet = in_flight <= FEW && service.queued().await? + known >= all;
            if known >= all && kind.holds() || is_quiet && !kind.holds() {
                break;
            }
            ensure!(
                began.elapsed() < SETTLE,
                "{known} of {all} calls of neighbours after {SETTLE:?}"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let everybody = f64::from(settings.healthy + number);
        let stop = CancellationToken::new();
        Ok(Self {
            feeding: tokio::spawn(feed(Arc::clone(service), stop.clone())),
            service: Arc::clone(service),
            dead,
            ids,
            call_timeout: settings.call_timeout,
            caps: everybody * f64::from(settings.in_flight),
            limits: all * f64::from(ANSWER_BYTES_MAX) / f64::from(1 << 20),
            sent: u64::from(settings.in_flight),
            watch,
            stop,
        })
    }

    /// Unsubscribes them, and waits until nothing of them is left. Memory goes up without
    /// them, too, with every event that is kept: `alone` is by how much.
    pub(super) async fn stop(self, alone: Peak) -> anyhow::Result<Harm> {
        self.stop.cancel();
        let sent = self.sent + self.feeding.await??;
        for id in &self.ids {
            self.service.unsubscribe(id).await?;
        }
        let began = Instant::now();
        let patience = self.call_timeout + PATIENCE;
        loop {
            let left = self.service.in_flight().await? + self.service.queued().await?;
            if left < 1.0 && Dead::sum(&self.dead)?.in_flight == 0 {
                break;
            }
            ensure!(
                began.elapsed() < patience,
                "{left} calls of neighbours are left"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let peak = self.watch.stop().await?;
        let Sum {
            calls,
            most,
            lasted,
            ..
        } = Dead::sum(&self.dead)?;
        let longest = Duration::from_micros(lasted.max());
        let late = longest.saturating_sub(self.call_timeout);
        let memory_up = (peak.memory_up - alone.memory_up).max(0.0);
        Ok(Harm {
            invocations: sent * self.dead.len() as u64,
            calls,
            most,
            in_flight_share: peak.in_flight / self.caps,
            late_ms: late.as_secs_f64() * 1000.0,
            memory_up,
            memory_share: memory_up / self.limits,
        })
    }
}

/// More comes for them all the time. Gives how many events.
async fn feed(service: Arc<Service>, stop: CancellationToken) -> anyhow::Result<u64> {
    let mut sent = 0;
    while stop
        .run_until_cancelled(tokio::time::sleep(EVERY))
        .await
        .is_some()
    {
        service.send_to_dead().await?;
        sent += 1;
    }
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_harms_the_worse_of_each_kind_counts() {
        let first = Harm {
            calls: 1,
            most: 5,
            late_ms: 3.0,
            ..Harm::default()
        };
        let second = Harm {
            calls: 2,
            most: 4,
            late_ms: 7.0,
            ..Harm::default()
        };
        let both = first.or_worse(second);
        assert_eq!((both.calls, both.most), (3, 5));
        assert!((both.late_ms - 7.0).abs() < 1e-9);
    }
}
