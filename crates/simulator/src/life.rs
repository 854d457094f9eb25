//! One life of a process: it begins at a start, may stand still, and ends.
//!
//! What a process does to the world goes through its life: while it stands still nothing
//! of it happens, and once it is over nothing of it will. So a process can be killed
//! between any two of its steps.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A place where a process can die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seam {
    /// Whatever it is doing.
    Anywhere,
    /// An append has begun, and nothing of it is in the log.
    BeforeAppend,
    /// A part of an append is in the log.
    MidAppend,
    /// An append is in the log, and its process does not know.
    AfterAppend,
    /// A commit has begun, and nothing of it is in the log.
    BeforeCommit,
    /// A commit is in the log, and its process does not know.
    AfterCommit,
    /// A view is about to be saved.
    BeforeSave,
    /// A view has been saved.
    AfterSave,
    /// A subscriber is about to be called.
    BeforeCall,
    /// A subscriber has been called, and has not answered.
    MidCall,
    /// A subscriber has answered, and nothing is in the log about it.
    AfterCall,
}

impl Seam {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Anywhere,
        Self::BeforeAppend,
        Self::MidAppend,
        Self::AfterAppend,
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::BeforeSave,
        Self::AfterSave,
        Self::BeforeCall,
        Self::MidCall,
        Self::AfterCall,
    ];

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Anywhere => "at once",
            Self::BeforeAppend => "before its next append",
            Self::MidAppend => "in the middle of its next append",
            Self::AfterAppend => "after its next append, which it does not get to know",
            Self::BeforeCommit => "before its next commit",
            Self::AfterCommit => "after its next commit, which it does not get to know",
            Self::BeforeSave => "before its next save",
            Self::AfterSave => "after its next save",
            Self::BeforeCall => "before its next call",
            Self::MidCall => "while its next call is under way",
            Self::AfterCall => "after its next call, before the report of it",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vital {
    Well,
    Still,
    Over,
}

#[derive(Debug)]
struct Inner {
    name: String,
    number: u32,
    vital: Mutex<(Vital, Option<Seam>)>,
    changed: Notify,
}

/// See the head of the file. Clones are the same life.
#[derive(Clone, Debug)]
pub struct Life(Arc<Inner>);

impl Life {
    /// The so many-th life of the process of this name.
    #[must_use]
    pub fn new(name: &str, number: u32) -> Self {
        Self(Arc::new(Inner {
            name: name.to_owned(),
            number,
            vital: Mutex::new((Vital::Well, None)),
            changed: Notify::new(),
        }))
    }

    /// The name of the process.
    #[must_use]
    pub fn process(&self) -> &str {
        &self.0.name
    }

    /// The name of this life, which no other has.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}#{}", self.0.name, self.0.number)
    }

    fn set(&self, to: Vital) {
        let mut vital = self.0.vital.lock();
        if vital.0 != Vital::Over {
            vital.0 = to;
        }
        drop(vital);
        self.0.changed.notify_waiters();
    }

    /// Ends it.
    pub fn end(&self) {
        self.set(Vital::Over);
    }

    /// It stands still.
    pub fn stop(&self) {
        self.set(Vital::Still);
    }

    /// It goes on.
    pub fn go_on(&self) {
        self.set(Vital::Well);
    }

    /// It ends at its next pass of `seam`.
    pub fn end_at(&self, seam: Seam) {
        if seam == Seam::Anywhere {
            self.end();
        } else {
            self.0.vital.lock().1 = Some(seam);
        }
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.vital() == Vital::Over
    }

    /// Whether it neither stands still nor is over.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.vital() == Vital::Well
    }

    fn vital(&self) -> Vital {
        self.0.vital.lock().0
    }

    /// Whether it is to end at `seam`, and has ended now.
    #[must_use]
    pub fn ends_at(&self, seam: Seam) -> bool {
        let is_here = self.0.vital.lock().1 == Some(seam);
        if is_here {
            self.end();
        }
        is_here
    }

    /// Passes `seam`; never comes back from it if life ends there.
    pub async fn pass(&self, seam: Seam) {
        if self.ends_at(seam) {
            pending::<()>().await;
        }
        self.well().await;
    }

    /// Ready when it is over.
    pub async fn over(&self) {
        self.when(|vital| vital == Vital::Over).await;
    }

    /// Ready at once while it is well, later if it stands still, never once it is over.
    pub async fn well(&self) {
        self.when(|vital| vital == Vital::Well).await;
    }

    /// What comes of `future`, which goes on only while the process does.
    pub async fn lived<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            self.well().await;
            tokio::select! {
                biased;
                () = self.when(|vital| vital != Vital::Well) => {}
                lived = &mut future => return lived,
            }
        }
    }

    async fn when(&self, is_so: impl Fn(Vital) -> bool) {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if is_so(self.vital()) {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;

    const MOMENT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn nothing_happens_while_it_stands_still_and_nothing_after_its_end() {
        let life = Life::new("a", 1);
        let steps = Arc::new(Mutex::new(0));
        let (own, counted) = (life.clone(), Arc::clone(&steps));
        let task = tokio::spawn(async move {
            let walk = async {
                loop {
                    *counted.lock() += 1;
                    sleep(Duration::from_millis(1)).await;
                }
            };
            own.lived(walk).await;
        });
        sleep(MOMENT).await;
        life.stop();
        sleep(MOMENT).await;
        let stood = *steps.lock();
        assert!(stood > 0);
        sleep(MOMENT).await;
        assert_eq!(*steps.lock(), stood);
        life.go_on();
        sleep(MOMENT).await;
        assert!(*steps.lock() > stood);
        life.end();
        life.go_on();
        sleep(MOMENT).await;
        let ended = *steps.lock();
        sleep(MOMENT).await;
        assert_eq!(*steps.lock(), ended);
        task.abort();
    }

    #[tokio::test]
    async fn it_ends_at_the_seam_that_was_chosen() {
        let life = Life::new("a", 1);
        life.end_at(Seam::AfterCommit);
        timeout(MOMENT, life.pass(Seam::BeforeCommit))
            .await
            .unwrap();
        assert!(timeout(MOMENT, life.pass(Seam::AfterCommit)).await.is_err());
        assert!(life.is_over());
    }
}
