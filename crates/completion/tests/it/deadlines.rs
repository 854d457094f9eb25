//! Deadlines are reported once, whatever happens to the append.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use triggerfish_completion::CompletionConsumer;
use triggerfish_core::{Observation, Seen, apply};
use triggerfish_log::{Appender, LogError, NewRecord, Offset, Partition};
use triggerfish_log_embedded::EmbeddedAppender;
use triggerfish_runtime::{Clock, Role, testing::RunningViews};
use triggerfish_view::{LogIdentity, Settings, View};
use triggerfish_wire::envelope;

use crate::world::{Asked, Hands, LIFETIME, World, eventually};

/// Refuses some appends in a way that is said to be for good.
#[derive(Clone)]
struct Refusing {
    appender: EmbeddedAppender,
    refusals: Arc<AtomicUsize>,
}

impl Appender for Refusing {
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<(Partition, Offset)>, LogError> {
        let refused = self
            .refusals
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        if refused.is_ok() {
            let reason = "the test says so".to_owned();
            return Err(LogError::Refused { reason });
        }
        self.appender.append(records).await
    }
}

#[tokio::test]
async fn each_deadline_is_reported_once_and_its_invocation_expires() {
    let world = World::new().await;
    let appender = Refusing {
        appender: world.appender.clone(),
        refusals: Arc::new(AtomicUsize::new(1)),
    };
    let running = world.worker(appender).await;
    for key in 0..20 {
        world
            .request(&Asked::new(u16::try_from(key % 2).unwrap(), key))
            .await;
    }
    world.clock.wait(LIFETIME);
    world.wake.notify_one();
    eventually("all are expired", async || {
        world.wake.notify_one();
        world.completions().await.len() == 20
    })
    .await;
    for completion in world.completions().await {
        assert_eq!(completion["outcome"], "EXPIRED");
        assert_eq!(completion["contentJson"]["from"], "test");
    }
    running.stop().await;
    let log = world.read_all(&world.topics.invocation_log).await;
    let passed = log.iter().filter(|record| {
        let (_, _, observation) = envelope::decode(record.value.clone().unwrap()).unwrap();
        observation == Observation::DeadlinePassed
    });
    assert_eq!(passed.count(), 20);
    assert_eq!(world.completions().await.len(), 20);
}

/// Keeps what it is given.
#[derive(Clone, Default)]
struct Keeping(Arc<Mutex<Vec<NewRecord>>>);

impl Appender for Keeping {
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<(Partition, Offset)>, LogError> {
        let places = records.iter().map(|record| (record.partition, Offset(0)));
        let places = places.collect();
        self.0.lock().extend(records);
        Ok(places)
    }
}

#[tokio::test]
async fn nothing_is_reported_for_a_partition_that_is_released() {
    let world = World::new().await;
    let id = world.request(&Asked::new(0, 1)).await;
    let record = world.read_all(&world.topics.invocation_log).await.remove(0);
    let value = record.value.unwrap();
    let (_, at, observation) = envelope::decode(value.clone()).unwrap();
    let seen = Seen { id, offset: 0, at };
    let state = apply(None, seen, observation).state.unwrap();
    let deadline = state.request.deadline;

    let folder = tempfile::tempdir().unwrap();
    let identity = LogIdentity {
        cluster: "test".into(),
        topic: "invocation-log".into(),
        partition: 0,
    };
    let settings = Settings {
        keep_completed: Duration::ZERO,
        keep_failed: Duration::ZERO,
        keep_callbacks: Duration::ZERO,
        cache_bytes: 4 << 20,
    };
    let (mut view, _) = View::open(folder.path(), &identity, settings).unwrap();
    view.put(state, Some(value)).unwrap();
    view.advance(1);
    let mut views = RunningViews::default();
    views.insert(Partition(0), view);

    let kept = Keeping::default();
    let clock = Hands::new();
    let mut role = CompletionConsumer::new(world.topics.clone(), kept.clone(), clock.clone());
    let before = deadline.after(Duration::ZERO);
    assert!(clock.now() < before, "the clock is behind the deadline");
    role.opened(Partition(0), views.views().get(Partition(0)).unwrap());
    assert_eq!(role.act(clock.now(), &mut views.views()), Some(deadline));
    // The clock is set back between the look at the deadlines and the report.
    for _ in 0..3 {
        role.act(deadline, &mut views.views());
    }
    eventually("it is reported", async || role.is_idle()).await;
    let reported = kept.0.lock().clone();
    assert_eq!(reported.len(), 1);
    let (_, at, _) = envelope::decode(reported[0].value.clone().unwrap()).unwrap();
    assert!(at >= deadline, "the fold would ignore it");

    role.released(Partition(0));
    role.act(deadline, &mut views.views());
    eventually("nothing is under way", async || role.is_idle()).await;
    assert_eq!(kept.0.lock().len(), 1);
    role.opened(Partition(0), views.views().get(Partition(0)).unwrap());
    role.drain();
    role.act(deadline, &mut views.views());
    assert!(role.is_idle(), "a drain starts nothing");
}
