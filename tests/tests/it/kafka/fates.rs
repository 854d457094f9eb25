//! What happens to processes and brokers, in an order that a seed repeats.

use std::time::{Duration, Instant};

use triggerfish_tests::Random;
use triggerfish_tests::kafka::{Installation, Kind, Role};

/// Longer than the session timeout of the processes.
const PAUSE: Duration = Duration::from_secs(5);
/// Processes of one role, at most.
const CROWD: usize = 3;
/// Something to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kill,
    Wipe,
    Pause,
    Scale,
    Broker,
}

/// Breaks things.
pub(super) struct Fates {
    random: Random,
    /// One of these is killed at a time.
    brokers: u16,
    deck: Vec<Fate>,
    /// Processes that go on later, and since when they stand still.
    paused: Vec<(usize, Instant)>,
    /// Processes that are started later.
    down: Vec<(usize, Instant)>,
}

impl Fates {
    pub(super) fn new(seed: u64, brokers: u16) -> Self {
        Self {
            random: Random::new(seed),
            brokers,
            deck: Vec::new(),
            paused: Vec::new(),
            down: Vec::new(),
        }
    }

    /// Waits for a moment and lets the next thing happen.
    pub(super) async fn next(&mut self, installation: &mut Installation) {
        let moment = match self.random.below(4) {
            // A process may be hit while it starts.
            0 => self.random.below(300),
            _ => 500 + self.random.below(1500),
        };
        tokio::time::sleep(Duration::from_millis(moment)).await;
        self.mend(installation, Instant::now());
        match self.draw() {
            Fate::Kill => self.kill(installation, Kind::Kill),
            Fate::Wipe => self.kill(installation, Kind::Wipe),
            Fate::Pause => self.pause(installation),
            Fate::Scale => self.scale(installation).await,
            Fate::Broker => self.broker(installation),
        }
    }

    /// Everything goes on and is started.
    pub(super) fn mend_all(&mut self, installation: &mut Installation) {
        while !self.paused.is_empty() || !self.down.is_empty() {
            self.mend(installation, Instant::now());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// From a deck, so that each kind comes in its turn; the seed shuffles it.
    fn draw(&mut self) -> Fate {
        if self.deck.is_empty() {
            self.deck = [
                [Fate::Kill; 6].as_slice(),
                &[Fate::Wipe; 2],
                &[Fate::Scale; 3],
                &[Fate::Pause; 2],
                &[Fate::Broker],
            ]
            .concat();
        }
        let index = self.random.below(self.deck.len() as u64);
        self.deck
            .swap_remove(usize::try_from(index).expect("an index fits"))
    }

    fn kill(&mut self, installation: &mut Installation, kind: Kind) {
        let Some(index) = self.pick(installation, None) else {
            return;
        };
        let worker = &mut installation.workers[index];
        installation.faults.note(kind, worker);
        worker.kill();
        if kind == Kind::Wipe {
            worker.wipe();
        }
        if self.random.below(3) == 0 {
            let later = Duration::from_millis(self.random.below(5000));
            self.down.push((index, Instant::now() + later));
            installation.show();
        } else {
            worker.launch();
        }
    }

    fn pause(&mut self, installation: &mut Installation) {
        if let Some(index) = self.pick(installation, None) {
            installation.workers[index].pause();
            self.paused.push((index, Instant::now()));
        }
    }

    async fn scale(&mut self, installation: &mut Installation) {
        let role = *self.random.pick(&Role::ALL);
        let running = installation.running(Some(role));
        // One that stands still or is down is not counted, and comes back.
        if running.len() < 2 || (running.len() < CROWD && self.random.below(2) == 0) {
            installation.join(role);
        } else if let Some(index) = self.pick(installation, Some(role)) {
            installation.workers[index].ready().await;
            installation.leave(index).await;
        }
    }

    fn broker(&mut self, installation: &Installation) {
        let from = Instant::now();
        let node = 1 + self.random.below(u64::from(self.brokers));
        let node = u16::try_from(node).expect("few brokers");
        let away = Duration::from_millis(self.random.below(2000));
        tokio::task::block_in_place(|| {
            let brokers = &installation.brokers;
            brokers.kill(node).expect("the broker runs");
            std::thread::sleep(away);
            brokers.restart(node).expect("the broker starts again");
        });
        installation
            .faults
            .add(Kind::Broker, String::new(), from, Instant::now());
    }

    /// Processes whose time has come go on or are started.
    fn mend(&mut self, installation: &mut Installation, now: Instant) {
        installation.supervise();
        for (index, since) in extract(&mut self.paused, |since| now - since >= PAUSE) {
            let worker = &mut installation.workers[index];
            worker.resume();
            installation
                .faults
                .add(Kind::Pause, worker.url(), since, Instant::now());
        }
        for (index, _) in extract(&mut self.down, |at| now >= at) {
            installation.workers[index].launch();
            installation.show();
        }
    }

    fn pick(&mut self, installation: &mut Installation, role: Option<Role>) -> Option<usize> {
        let running = installation.running(role);
        (!running.is_empty()).then(|| *self.random.pick(&running))
    }
}

fn extract(
    from: &mut Vec<(usize, Instant)>,
    is_due: impl Fn(Instant) -> bool,
) -> Vec<(usize, Instant)> {
    let (due, rest) = from.drain(..).partition(|(_, at)| is_due(*at));
    *from = rest;
    due
}
