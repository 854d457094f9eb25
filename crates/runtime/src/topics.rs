//! The topics and how each is kept.

use std::time::Duration;

use triggerfish_log::{Topic, TopicSpec};

/// The names of all topics, with the prefix of this installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// Events from upstream producers.
    pub trigger_events: Topic,
    /// What platforms ask before actions, and tell after them.
    pub object_events: Topic,
    /// Observations about invocations.
    pub invocation_log: Topic,
    /// Outcomes.
    pub completions: Topic,
    /// Outcomes of before-callbacks.
    pub decisions: Topic,
    /// What could not be read, and why.
    pub dead_letters: Topic,
    /// Triggers, subscriptions, clients.
    pub registry: Topic,
    /// Who owns which partition.
    pub workers: Topic,
}

/// How long records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Of the invocation log; longer than any invocation stays open or listed.
    pub log: Duration,
    /// Of what others read: events, completions, decisions, dead letters.
    pub outputs: Duration,
}

impl Topics {
    /// The topics of an installation; an empty prefix is the usual one.
    #[must_use]
    pub fn with_prefix(prefix: &str) -> Self {
        let name = |name: &str| Topic::from(format!("{prefix}{name}"));
        Self {
            trigger_events: name("trigger-events"),
            object_events: name("object-events"),
            invocation_log: name("invocation-log"),
            completions: name("completions"),
            decisions: name("decisions"),
            dead_letters: name("dead-letters"),
            registry: name("registry"),
            workers: name("workers"),
        }
    }

    /// The topic with this plain or prefixed name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Topic> {
        let plain = Self::with_prefix("");
        let all = self.all();
        let position = plain.all().iter().position(|topic| topic.as_str() == name);
        position
            .map(|index| all[index])
            .or_else(|| all.into_iter().find(|topic| topic.as_str() == name))
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> [&Topic; 8] {
        [
            &self.trigger_events,
            &self.object_events,
            &self.invocation_log,
            &self.completions,
            &self.decisions,
            &self.dead_letters,
            &self.registry,
            &self.workers,
        ]
    }

    /// How the topics are to be made. Completions have as many partitions as the
    /// invocation log, so that a result stands under the number of its cause.
    #[must_use]
    pub fn specs(&self, partitions: u32, retention: Retention) -> Vec<TopicSpec> {
        let kept = |name: &Topic, partitions, retention| TopicSpec {
            name: name.clone(),
            partitions,
            retention: Some(retention),
            compacted: false,
        };
        let compacted = |name: &Topic| TopicSpec {
            name: name.clone(),
            partitions: 1,
            retention: None,
            compacted: true,
        };
        vec![
            kept(&self.trigger_events, partitions, retention.outputs),
            kept(&self.object_events, partitions, retention.outputs),
            kept(&self.invocation_log, partitions, retention.log),
            kept(&self.completions, partitions, retention.outputs),
            kept(&self.decisions, partitions, retention.outputs),
            kept(&self.dead_letters, 1, retention.outputs),
            compacted(&self.registry),
            compacted(&self.workers),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_found_by_either_name() {
        let topics = Topics::with_prefix("eu.");
        assert_eq!(topics.by_name("completions"), Some(&topics.completions));
        assert_eq!(topics.by_name("eu.completions"), Some(&topics.completions));
        assert_eq!(topics.by_name("nope"), None);
    }
}
