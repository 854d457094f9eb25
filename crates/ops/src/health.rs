//! Whether this process can take work.
//!
//! Each part that has to be there before it can holds a [`Condition`] and says when
//! it is met. The process is ready when there is at least one condition, all are
//! met and the shutdown has not begun. Dropping a condition takes it away, as when
//! a partition goes to another process.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

/// The readiness of a process; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    conditions: Mutex<BTreeMap<u64, Standing>>,
    next: AtomicU64,
    closed: AtomicBool,
}

#[derive(Debug)]
struct Standing {
    name: String,
    /// Why it is not met; `None` when it is.
    waiting: Option<String>,
}

/// Something that stands in the way of being ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// What it is about, e.g. `registry`.
    pub name: String,
    /// What is being waited for, for the operator. Never holds a secret.
    pub reason: String,
}

impl Readiness {
    /// Without conditions, so not ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition that is not met yet.
    #[must_use = "dropping a condition takes it away"]
    pub fn condition(&self, name: impl Into<String>) -> Condition {
        let key = self.0.next.fetch_add(1, Ordering::Relaxed);
        let standing = Standing {
            name: name.into(),
            waiting: Some("starting".to_owned()),
        };
        self.0.conditions.lock().insert(key, standing);
        Condition {
            of: self.clone(),
            key,
        }
    }

    /// From here on never ready again: the shutdown has begun.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// What stands in the way; empty when ready.
    #[must_use]
    pub fn unmet(&self) -> Vec<Unmet> {
        let single = |name: &str, reason: &str| {
            vec![Unmet {
                name: name.to_owned(),
                reason: reason.to_owned(),
            }]
        };
        if self.0.closed.load(Ordering::Acquire) {
            return single("shutdown", "shutting down");
        }
        let conditions = self.0.conditions.lock();
        if conditions.is_empty() {
            return single("startup", "starting");
        }
        conditions
            .values()
            .filter_map(|standing| {
                Some(Unmet {
                    name: standing.name.clone(),
                    reason: standing.waiting.clone()?,
                })
            })
            .collect()
    }

    /// Whether work can be taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.unmet().is_empty()
    }
}

/// One condition; whoever holds it answers for it.
#[derive(Debug)]
pub struct Condition {
    of: Readiness,
    key: u64,
}

impl Condition {
    /// It is met.
    pub fn met(&self) {
        self.set(None);
    }

    /// It is not, or no longer, met.
    pub fn unmet(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    fn set(&self, waiting: Option<String>) {
        if let Some(standing) = self.of.0.conditions.lock().get_mut(&self.key) {
            standing.waiting = waiting;
        }
    }
}

impl Drop for Condition {
    fn drop(&mut self) {
        self.of.0.conditions.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(readiness: &Readiness) -> Vec<String> {
        readiness
            .unmet()
            .into_iter()
            .map(|unmet| unmet.name)
            .collect()
    }

    #[test]
    fn ready_when_every_condition_is_met() {
        let readiness = Readiness::new();
        assert_eq!(names(&readiness), ["startup"]);
        let registry = readiness.condition("registry");
        let partition = readiness.condition("partition 3");
        assert_eq!(names(&readiness), ["registry", "partition 3"]);
        registry.met();
        partition.met();
        assert!(readiness.is_ready());
        registry.unmet("the log is away");
        assert_eq!(readiness.unmet()[0].reason, "the log is away");
        drop(registry);
        assert!(
            readiness.is_ready(),
            "a released condition no longer counts"
        );
        drop(partition);
        assert_eq!(names(&readiness), ["startup"]);
    }

    #[test]
    fn never_ready_again_after_closing() {
        let readiness = Readiness::new();
        let condition = readiness.condition("registry");
        condition.met();
        readiness.close();
        condition.met();
        assert_eq!(names(&readiness), ["shutdown"]);
    }
}
