//! Calls of librdkafka that take as long as the brokers like, on a thread of their own: the
//! session's thread has to answer the group meanwhile, and may give up waiting.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{JoinHandle, Thread};

/// A thread that does one thing after the other.
pub(super) struct Aside<Q, A> {
    /// `None` when it is being dropped.
    ask: Option<Sender<Q>>,
    answers: Receiver<A>,
    is_busy: bool,
    thread: Option<JoinHandle<()>>,
}

/// The thread has ended.
#[derive(Debug)]
pub(super) struct Gone;

impl<Q: Send + 'static, A: Send + 'static> Aside<Q, A> {
    /// Begins the thread, which ends when this is dropped and its last work is over. Every
    /// answer wakes `driver`.
    pub(super) fn begin(
        name: String,
        driver: Thread,
        mut work: impl FnMut(Q) -> A + Send + 'static,
    ) -> Self {
        let (ask, asked) = channel::<Q>();
        let (answer, answers) = channel();
        let all = move || {
            for one in asked {
                if answer.send(work(one)).is_err() {
                    return;
                }
                driver.unpark();
            }
        };
        let thread = std::thread::Builder::new().name(name).spawn(all);
        // Without the thread both channels are closed, and every answer says so.
        let thread = thread.inspect_err(|error| tracing::error!(%error, "a thread is missing"));
        Self {
            ask: Some(ask),
            answers,
            is_busy: false,
            thread: thread.ok(),
        }
    }

    /// Asks for something, unless what was asked for before is not over yet.
    pub(super) fn ask(&mut self, question: Q) -> bool {
        if self.is_busy {
            return false;
        }
        self.is_busy = true;
        // A thread that has gone is noticed by the missing answer.
        let asked = self.ask.as_ref().map(|ask| ask.send(question));
        drop(asked);
        true
    }

    /// The answer to what was asked for last, once it is there.
    pub(super) fn answer(&mut self) -> Option<Result<A, Gone>> {
        use std::sync::mpsc::TryRecvError::{Disconnected, Empty};
        let answer = match self.answers.try_recv() {
            Ok(answer) => Ok(answer),
            Err(Empty) => return None,
            Err(Disconnected) => Err(Gone),
        };
        self.is_busy = false;
        Some(answer)
    }
}

impl<Q, A> Drop for Aside<Q, A> {
    /// What the thread holds is to be gone when the session is; but a call that nobody answers
    /// is not waited for.
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take()
            && !self.is_busy
            && thread.join().is_err()
        {
            tracing::error!("a thread of a session has panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn answer_of<Q: Send + 'static, A: Send + 'static>(aside: &mut Aside<Q, A>) -> Result<A, Gone> {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(answer) = aside.answer() {
                return answer;
            }
            assert!(Instant::now() < until, "there is no answer");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    #[test]
    fn one_thing_is_done_after_the_other() {
        let driver = std::thread::current();
        let (go, gone) = channel::<()>();
        let double = move |n: u32| gone.recv().map(|()| 2 * n);
        let mut aside = Aside::begin("test".to_owned(), driver, double);
        assert!(aside.answer().is_none(), "nothing was asked for");
        assert!(aside.ask(4));
        assert!(!aside.ask(5), "it is busy");
        assert!(aside.answer().is_none(), "it is not over");
        go.send(()).unwrap();
        assert_eq!(answer_of(&mut aside).unwrap(), Ok(8));
        assert!(aside.ask(5));
        go.send(()).unwrap();
        assert_eq!(answer_of(&mut aside).unwrap(), Ok(10));
    }

    #[test]
    fn one_that_is_busy_is_not_waited_for() {
        let driver = std::thread::current();
        let (go, gone) = channel::<()>();
        let (say, said) = channel();
        let wait = move |()| {
            gone.recv().unwrap();
            say.send("over").unwrap();
        };
        let mut aside = Aside::begin("test".to_owned(), driver, wait);
        assert!(aside.ask(()));
        drop(aside);
        go.send(()).unwrap();
        assert_eq!(said.recv(), Ok("over"), "it goes on by itself");
    }

    #[test]
    fn a_thread_that_has_ended_is_noticed() {
        let driver = std::thread::current();
        let die = |()| panic!("the test says so");
        let mut aside = Aside::<(), ()>::begin("test".to_owned(), driver, die);
        assert!(aside.ask(()));
        assert!(answer_of(&mut aside).is_err());
    }
}
