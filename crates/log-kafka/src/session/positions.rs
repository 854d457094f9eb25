//! Commits of positions alone, on a thread of their own: librdkafka waits for the answer for
//! as long as it takes, and the session's thread has to answer the group meanwhile.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{JoinHandle, Thread};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::context::Callbacks;

/// Commits positions, one list after the other.
pub(super) struct Positions {
    /// `None` when it is being dropped.
    ask: Option<Sender<TopicPartitionList>>,
    answers: Receiver<KafkaResult<()>>,
    is_busy: bool,
    thread: Option<JoinHandle<()>>,
}

impl Positions {
    /// Begins the thread, which ends when this is dropped and its last commit is over.
    /// Every answer wakes `driver`.
    pub(super) fn of(consumer: Arc<BaseConsumer<Callbacks>>, group: &str, driver: Thread) -> Self {
        let (ask, asked) = channel::<TopicPartitionList>();
        let (answer, answers) = channel();
        let commit = move || {
            for positions in asked {
                let result = consumer.commit(&positions, CommitMode::Sync);
                if answer.send(result).is_err() {
                    return;
                }
                driver.unpark();
            }
        };
        let name = format!("commits {group}");
        let thread = std::thread::Builder::new().name(name).spawn(commit);
        // Without the thread both channels are closed, and every commit says so.
        let thread = thread.inspect_err(|error| tracing::error!(%error, "no thread for commits"));
        Self {
            ask: Some(ask),
            answers,
            is_busy: false,
            thread: thread.ok(),
        }
    }

    /// Asks for a commit, unless an earlier one is not over yet.
    pub(super) fn ask(&mut self, positions: &TopicPartitionList) -> bool {
        if self.is_busy {
            return false;
        }
        self.is_busy = true;
        // A thread that has gone is noticed by the missing answer.
        let asked = self.ask.as_ref().map(|ask| ask.send(positions.clone()));
        drop(asked);
        true
    }

    /// The answer to what was asked for last, once it is there.
    pub(super) fn answer(&mut self) -> Option<KafkaResult<()>> {
        use std::sync::mpsc::TryRecvError::{Disconnected, Empty};
        let answer = match self.answers.try_recv() {
            Ok(answer) => answer,
            Err(Empty) => return None,
            Err(Disconnected) => Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::Fail)),
        };
        self.is_busy = false;
        Some(answer)
    }
}

impl Drop for Positions {
    /// The thread has a share in the consumer, which is to be gone when its session is; but a
    /// commit that nobody answers is not waited for.
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take()
            && !self.is_busy
            && thread.join().is_err()
        {
            tracing::error!("the thread for commits has panicked");
        }
    }
}
