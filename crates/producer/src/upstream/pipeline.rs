//! What was read and is not committed yet.
//!
//! One append is under way at a time, so that events of one ordering key reach the log
//! in their order. Meanwhile the next batch is read and decided, and the positions of
//! the one before are committed.

use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use triggerfish_log::{Appender, LogError, Partition, Topic};
#[cfg(feature = "faults")]
use triggerfish_runtime::faults::{self, Fault};

use super::append::{Done, Taken, append};

/// Batches on their way. Dropping it gives up what is not durable.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    /// Decided, and waits for the append before it.
    next: Vec<Taken>,
    appending: Option<AbortOnDropHandle<Result<Option<Done>, LogError>>>,
    /// Taken away since the append began.
    gone: Vec<Partition>,
    /// Durable, and to be committed.
    done: Done,
}

impl Pipeline {
    /// Whether another batch may be read.
    pub(super) fn has_room(&self) -> bool {
        self.next.is_empty()
    }

    pub(super) fn push(&mut self, mut taken: Vec<Taken>) {
        self.next.append(&mut taken);
    }

    /// Begins the next append, unless one is under way.
    pub(super) fn start<A: Appender>(
        &mut self,
        appender: &A,
        dead_letters: &Topic,
        stop: &CancellationToken,
    ) {
        if self.appending.is_some() || self.next.is_empty() {
            return;
        }
        #[cfg(feature = "faults")]
        if faults::is_on(Fault::PositionBeforeAppend) {
            self.done.extend(super::append::done(&self.next));
        }
        let task = append(
            appender.clone(),
            dead_letters.clone(),
            std::mem::take(&mut self.next),
            stop.clone(),
        );
        self.appending = Some(AbortOnDropHandle::new(tokio::spawn(task)));
    }

    /// Waits for the append that is under way; for ever if there is none. Cancel-safe.
    pub(super) async fn appended(&mut self) -> Result<(), LogError> {
        let Some(appending) = &mut self.appending else {
            return std::future::pending().await;
        };
        let joined = appending.await;
        self.appending = None;
        let gone = std::mem::take(&mut self.gone);
        let done = match joined {
            Ok(done) => done?,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => None,
        };
        if let Some(mut done) = done {
            done.retain(|partition, _| !gone.contains(partition));
            self.done.extend(done);
        } else {
            // A position covers everything before it.
            self.next.clear();
        }
        Ok(())
    }

    pub(super) fn is_appending(&self) -> bool {
        self.appending.is_some()
    }

    /// The positions to commit.
    pub(super) const fn done(&self) -> &Done {
        &self.done
    }

    pub(super) fn committed(&mut self) {
        self.done.clear();
    }

    /// Whoever has these partitions now reads their events again; nothing about them is
    /// committed from here on.
    pub(super) fn forget(&mut self, partitions: &[Partition]) {
        if self.appending.is_some() {
            self.gone.extend(partitions);
        }
        self.next
            .retain(|taken| !partitions.contains(&taken.record.partition));
        self.done
            .retain(|partition, _| !partitions.contains(partition));
    }
}

#[cfg(test)]
mod tests {
    use triggerfish_log::{NewRecord, Offset, Record};

    use super::*;

    /// Takes everything, or nothing for now.
    #[derive(Clone)]
    struct Log(bool);

    impl Appender for Log {
        async fn append(&self, _: Vec<NewRecord>) -> Result<Vec<(Partition, Offset)>, LogError> {
            let reason = "the test says so".to_owned();
            if self.0 {
                Ok(Vec::new())
            } else {
                Err(LogError::Unavailable { reason })
            }
        }
    }

    fn taken(partition: u32, offset: u64) -> Taken {
        let record = Record {
            topic: "events".into(),
            partition: Partition(partition),
            offset: Offset(offset),
            timestamp_us: 0,
            key: None,
            value: None,
            headers: Vec::new(),
        };
        let out = NewRecord {
            topic: "log".into(),
            partition: Partition(0),
            key: None,
            value: None,
            headers: Vec::new(),
        };
        Taken {
            record,
            out: vec![out],
        }
    }

    fn start(pipeline: &mut Pipeline, log: &Log, stop: &CancellationToken) {
        pipeline.start(log, &"dead-letters".into(), stop);
    }

    #[tokio::test]
    async fn nothing_is_done_behind_an_append_that_was_given_up() {
        let (mut pipeline, stop) = (Pipeline::default(), CancellationToken::new());
        pipeline.push(vec![taken(0, 1)]);
        start(&mut pipeline, &Log(false), &stop);
        pipeline.push(vec![taken(0, 2)]);
        stop.cancel();
        pipeline.appended().await.unwrap();
        start(&mut pipeline, &Log(true), &stop);
        assert!(!pipeline.is_appending() && pipeline.done().is_empty());
    }

    #[tokio::test]
    async fn one_append_at_a_time_and_nothing_of_partitions_that_are_gone() {
        let (mut pipeline, stop) = (Pipeline::default(), CancellationToken::new());
        pipeline.push(vec![taken(0, 1), taken(1, 5)]);
        start(&mut pipeline, &Log(true), &stop);
        pipeline.push(vec![taken(0, 2), taken(2, 9)]);
        start(&mut pipeline, &Log(true), &stop);
        assert!(!pipeline.has_room(), "the second waits for the first");
        pipeline.forget(&[Partition(1), Partition(2)]);
        pipeline.appended().await.unwrap();
        assert_eq!(*pipeline.done(), [(Partition(0), Offset(2))].into());
        start(&mut pipeline, &Log(true), &stop);
        assert!(pipeline.has_room());
        pipeline.appended().await.unwrap();
        assert_eq!(*pipeline.done(), [(Partition(0), Offset(3))].into());
    }
}
