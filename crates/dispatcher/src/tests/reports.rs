//! Reports on their way into a log that is told what to answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::{sync::Notify, task::JoinSet, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use triggerfish_core::{
    AttemptReport, FailureKind, InvocationId, InvocationKey, Observation, Reply, Timestamp,
};
use triggerfish_log::{Appender, LogError, NewRecord, Offset, Partition, Topic};
use triggerfish_runtime::{Observer, SystemClock};
use triggerfish_wire::envelope;

use crate::report::{Report, Reports};

/// What the log says to one append.
enum Says {
    Unavailable,
    /// Nothing, until the append is dropped.
    Nothing,
}

/// A log that keeps every append apart, and refuses those with an answer that is too large.
#[derive(Clone, Default)]
struct Paper {
    appends: Arc<Mutex<Vec<Vec<NewRecord>>>>,
    says: Arc<Mutex<VecDeque<Says>>>,
    asked: Arc<Notify>,
}

const LIMIT: usize = 1_000;

impl Appender for Paper {
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<(Partition, Offset)>, LogError> {
        let says = self.says.lock().pop_front();
        self.asked.notify_one();
        match says {
            Some(Says::Nothing) => std::future::pending().await,
            Some(Says::Unavailable) => {
                let reason = "it is away".to_owned();
                return Err(LogError::Unavailable { reason });
            }
            None => {}
        }
        let mut sizes = records.iter().map(NewRecord::payload_bytes);
        if let Some(bytes) = sizes.find(|bytes| *bytes > LIMIT) {
            return Err(LogError::TooLarge {
                what: "a record".to_owned(),
                bytes,
                limit: LIMIT,
                setting: "a setting",
            });
        }
        let places = records.iter().map(|record| (record.partition, Offset(0)));
        let places = places.collect();
        self.appends.lock().push(records);
        Ok(places)
    }
}

struct Office {
    paper: Paper,
    reports: Reports<Paper>,
    tracker: TaskTracker,
    tasks: JoinSet<()>,
}

impl Office {
    fn new(says: impl IntoIterator<Item = Says>) -> Self {
        let paper = Paper::default();
        paper.says.lock().extend(says);
        let topic = Topic::from("invocation-log");
        let observer = Observer::new(paper.clone(), topic, Arc::new(SystemClock));
        Self {
            paper,
            reports: Reports::new(observer),
            tracker: TaskTracker::new(),
            tasks: JoinSet::new(),
        }
    }

    /// A call with this number in `partition` has ended with an answer of so many bytes.
    fn ended(&mut self, number: u64, partition: u16, bytes: usize, released: &CancellationToken) {
        let output = format!("\"{}\"", "x".repeat(bytes));
        let report = Report {
            id: InvocationId::new(Timestamp::from_millis(1), partition, InvocationKey(number)),
            seen: AttemptReport {
                attempt: 1,
                started: Timestamp::from_millis(1),
                took: Duration::ZERO,
                status: Some(200),
                reply: Reply::Answered(output.into()),
                body: None,
            },
            released: released.clone(),
            under_way: self.tracker.token(),
        };
        let reports = self.reports.clone();
        self.tasks
            .spawn(async move { reports.append(report).await });
    }

    /// What is in the log when nothing is under way any more: append by append, numbers of
    /// calls and whether their answers are there.
    async fn told(self) -> Vec<Vec<(u64, bool)>> {
        self.tasks.join_all().await;
        assert!(self.tracker.is_empty(), "a report is still under way");
        let read = |record: &NewRecord| {
            let value = record.value.clone().expect("a value");
            let (id, _, observation) = envelope::decode(value).expect("it reads");
            let Observation::AttemptReported(report) = observation else {
                panic!("not a report: {observation:?}");
            };
            let is_whole = match report.reply {
                Reply::Answered(_) => true,
                Reply::Refused(failure) => {
                    assert_eq!(failure.kind, FailureKind::TooLarge);
                    false
                }
                reply => panic!("{reply:?}"),
            };
            (id.key().0, is_whole)
        };
        let appends = self.paper.appends.lock();
        let each = appends
            .iter()
            .map(|records| records.iter().map(read).collect());
        each.collect()
    }
}

#[tokio::test]
async fn what_ends_together_is_appended_together() {
    let mut office = Office::new([]);
    let held = CancellationToken::new();
    for number in 0..4 {
        office.ended(number, 0, 10, &held);
    }
    let all: Vec<_> = (0..4).map(|number| (number, true)).collect();
    assert_eq!(office.told().await, [all]);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_a_failure_of_its_own() {
    let mut office = Office::new([]);
    let held = CancellationToken::new();
    for (number, bytes) in [(0, 10), (1, LIMIT), (2, 10)] {
        office.ended(number, 0, bytes, &held);
    }
    let told = office.told().await.concat();
    assert_eq!(told, [(0, true), (1, false), (2, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_away_is_asked_again() {
    let mut office = Office::new([Says::Unavailable, Says::Unavailable]);
    let held = CancellationToken::new();
    office.ended(0, 0, 10, &held);
    office.ended(1, 0, LIMIT, &held);
    assert_eq!(office.told().await.concat(), [(0, true), (1, false)]);
}

#[tokio::test]
async fn a_partition_that_goes_takes_nothing_else_with_it() {
    let mut office = Office::new([Says::Nothing]);
    let (held, released) = (CancellationToken::new(), CancellationToken::new());
    office.ended(0, 0, 10, &held);
    office.ended(1, 1, 10, &released);
    office.ended(2, 0, 10, &held);
    office.paper.asked.notified().await;
    released.cancel();
    let told = office.told().await;
    assert_eq!(told, [vec![(0, true), (2, true)]]);
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_goes_does_not_wait_until_the_log_is_asked_again() {
    let mut office = Office::new((0..20).map(|_| Says::Unavailable));
    let released = CancellationToken::new();
    office.ended(0, 0, 10, &released);
    // By then a pause is a matter of seconds.
    for _ in 0..8 {
        office.paper.asked.notified().await;
    }
    let began = Instant::now();
    released.cancel();
    assert_eq!(office.told().await.concat(), []);
    assert_eq!(began.elapsed(), Duration::ZERO);
}
