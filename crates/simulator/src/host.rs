//! A host and the process on it, which starts again whenever it has ended.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::{
    task::{JoinError, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use triggerfish_core::invariant::{Invariant, check_position};
use triggerfish_log::Offset;
use triggerfish_view::{LogIdentity, View};

use crate::{
    chance::Chance,
    clock::SimClock,
    disk::{Folder, Mishap},
    life::{Life, Seam},
    process::{self, Parts, Running},
    world::World,
};

/// How long after it was chosen a process is killed that does not come to the seam.
const SEAM_PATIENCE: Duration = Duration::from_secs(3);
/// How long a process waits that could not start.
const START_PAUSE: Duration = Duration::from_millis(500);
/// How long the end of a process in good order may take.
const DRAIN: Duration = Duration::from_mins(1);

/// How a part of a process ended.
type Ended = Result<Result<(), String>, JoinError>;

/// What comes after the life of a process.
#[derive(Clone, Copy)]
struct Next {
    down: Duration,
    mishap: Mishap,
}

/// See the head of the file.
pub(crate) struct Host {
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) folder: Folder,
    pub(crate) clock: Arc<SimClock>,
    now: Mutex<(Life, CancellationToken)>,
    next: Mutex<Next>,
    chance: Mutex<Chance>,
}

impl Host {
    pub(crate) fn new(number: usize, folder: Folder, clock: SimClock, chance: Chance) -> Self {
        let name = format!("p{number}");
        let life = Life::new(&name, 0);
        Self {
            number,
            name,
            folder,
            clock: Arc::new(clock),
            now: Mutex::new((life, CancellationToken::new())),
            next: Mutex::new(Next {
                down: START_PAUSE,
                mishap: Mishap::None,
            }),
            chance: Mutex::new(chance),
        }
    }

    pub(crate) fn life(&self) -> Life {
        self.now.lock().0.clone()
    }

    fn plan_next(&self, down: u64, mishap: Mishap) {
        let down = Duration::from_millis(down);
        *self.next.lock() = Next { down, mishap };
    }

    /// It is killed at `seam`, or a while later if it does not come there.
    pub(crate) fn crash(&self, seam: Seam, down: u64, mishap: Mishap) {
        self.plan_next(down, mishap);
        let life = self.life();
        life.end_at(seam);
        tokio::spawn(async move {
            sleep(SEAM_PATIENCE).await;
            life.end();
        });
    }

    /// It ends in good order.
    pub(crate) fn stop(&self, down: u64, mishap: Mishap) {
        self.plan_next(down, mishap);
        self.now.lock().1.cancel();
    }

    /// It stands still for a while.
    pub(crate) fn freeze(&self, still: u64) {
        let life = self.life();
        life.stop();
        tokio::spawn(async move {
            sleep(Duration::from_millis(still)).await;
            life.go_on();
        });
    }

    /// Whatever is wrong with it is over.
    pub(crate) fn heal(&self) {
        self.clock.set_right();
        self.life().go_on();
    }

    /// Runs one process after the other, until the world ends.
    pub(crate) async fn run(&self, world: &World) {
        let mut number = 0;
        while !world.is_ending() {
            number += 1;
            let life = Life::new(&self.name, number);
            let stop = CancellationToken::new();
            *self.now.lock() = (life.clone(), stop.clone());
            world.history.tell(&format!("{} starts", life.name()));
            self.live(world, &life, stop).await;
            life.end();
            world.clients.listen(self.number, None);
            world.history.tell(&format!("{} is over", life.name()));
            // What it left behind notices.
            sleep(Duration::from_millis(1)).await;
            world.checks.over(&life);
            self.check_views(world);
            if let Err(error) = self.suffer() {
                world.checks.report(
                    Invariant::ViewNeverLeads,
                    format!("the disk fails: {error}"),
                );
            }
            let next = std::mem::replace(
                &mut *self.next.lock(),
                Next {
                    down: START_PAUSE,
                    mishap: Mishap::None,
                },
            );
            if !world.is_ending() {
                sleep(next.down).await;
            }
        }
    }

    async fn live(&self, world: &World, life: &Life, stop: CancellationToken) {
        let parts = Parts {
            life: life.clone(),
            clock: Arc::clone(&self.clock),
            chance: Chance::of(world.plan.seed, life.name().as_bytes()),
        };
        let booted = tokio::select! {
            biased;
            () = life.over() => return,
            booted = life.lived(process::boot(world, self, parts)) => booted,
        };
        match booted {
            Ok(running) => self.see_through(world, life, running, stop).await,
            Err(error) => world
                .history
                .tell(&format!("{} can't start: {error}", life.name())),
        }
    }

    async fn see_through(
        &self,
        world: &World,
        life: &Life,
        mut running: Running,
        stop: CancellationToken,
    ) {
        world
            .clients
            .listen(self.number, Some(running.door.clone()));
        let ended = tokio::select! {
            biased;
            () = life.over() => None,
            ended = running.tasks.join_next() => ended,
            () = stop.cancelled() => {
                world.clients.listen(self.number, None);
                drain(world, life, &mut running).await
            }
        };
        if let Some(ended) = ended {
            judge(world, life, ended);
        }
        life.end();
        abort(running.tasks).await;
    }

    /// No view on the disk is ahead of what is committed.
    fn check_views(&self, world: &World) {
        if !self.chance.lock().once_in(3) {
            return;
        }
        for plan in process::loops(world.plan.layout) {
            let committed = world
                .log
                .committed(plan.group, &world.topics.invocation_log);
            for (partition, committed) in (0_u16..).zip(committed) {
                let Some(committed) = committed else {
                    continue;
                };
                let folder = self
                    .folder
                    .path()
                    .join(plan.folder)
                    .join(partition.to_string());
                if !folder.exists() {
                    continue;
                }
                let identity = LogIdentity {
                    cluster: process::CLUSTER.to_owned(),
                    topic: world.topics.invocation_log.to_string(),
                    partition,
                };
                let opened = View::open(&folder, &identity, process::view_settings());
                let position = opened.map_or(Offset::ZERO, |(view, _)| Offset(view.position()));
                if let Err(broken) = check_position(position.0, committed.0) {
                    world.checks.report(broken.invariant, broken.detail);
                }
            }
        }
    }

    /// Nobody has the disk open.
    fn suffer(&self) -> io::Result<()> {
        self.folder.suffer(self.next.lock().mishap)?;
        if self.chance.lock().once_in(2) {
            self.folder.keep()?;
        }
        Ok(())
    }
}

/// Lets a process come to its end; whatever did not end well.
async fn drain(world: &World, life: &Life, running: &mut Running) -> Option<Ended> {
    running.stop.cancel();
    let drained = async {
        let mut wrong = None;
        while let Some(ended) = running.tasks.join_next().await {
            let is_well = matches!(ended, Ok(Ok(())));
            wrong = wrong.or(Some(ended).filter(|_| !is_well));
        }
        wrong
    };
    tokio::select! {
        biased;
        () = life.over() => None,
        drained = tokio::time::timeout(DRAIN, drained) => drained.unwrap_or_else(|_| {
            let detail = format!("{} does not come to its end", life.name());
            world.checks.report(Invariant::CauseBeforeEffect, detail);
            None
        }),
    }
}

async fn abort(mut tasks: JoinSet<Result<(), String>>) {
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
}

/// A part of a process has ended by itself.
fn judge(world: &World, life: &Life, ended: Ended) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            world
                .history
                .tell(&format!("{} fails: {error}", life.name()));
            let detail = format!("{} could not go on: {error}", life.name());
            world.checks.report(Invariant::FoldIsTotal, detail);
        }
        Err(error) => {
            let panic = error.is_panic().then(|| error.into_panic());
            let text = panic.and_then(|panic| panic.downcast::<String>().ok());
            let text = text.map_or_else(|| "it panicked".to_owned(), |text| *text);
            let broken = Invariant::ALL.into_iter();
            let mut broken =
                broken.filter(|one| text.contains(&format!("invariant {} ", one.id())));
            let invariant = broken.next().unwrap_or(Invariant::FoldIsTotal);
            world.checks.report(invariant, text);
        }
    }
}
