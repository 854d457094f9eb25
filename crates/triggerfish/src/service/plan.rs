//! Which loops a process runs, and what each is called on the log.

use triggerfish_log::{GroupName, WriterName};
use triggerfish_ops::config::Config;

/// One of the three services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Takes events in.
    Producer,
    /// Calls subscribers.
    Dispatcher,
    /// Emits completions, watches deadlines, answers questions.
    CompletionConsumer,
}

impl Duty {
    /// All of them.
    pub(crate) const ALL: &'static [Self] =
        &[Self::Producer, Self::Dispatcher, Self::CompletionConsumer];

    /// The command that starts it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Dispatcher => "dispatcher",
            Self::CompletionConsumer => triggerfish_peers::OWNER,
        }
    }
}

/// A loop: a membership in a group, and the duties that share its fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) group: GroupName,
    pub(super) writer: Option<WriterName>,
    /// Its views are in this folder of the data folder.
    pub(super) folder: &'static str,
    pub(super) duties: &'static [Duty],
}

/// Names of one installation among others on the same brokers.
#[derive(Clone, Debug)]
pub(super) struct Names<'c> {
    /// What all of them begin with.
    pub(super) prefix: &'c str,
    /// Who this process is.
    pub(super) instance: &'c str,
}

impl Names<'_> {
    pub(super) fn group(&self, plain: &str) -> GroupName {
        GroupName::from(format!("{}{plain}", self.prefix))
    }

    fn writer(&self, plain: &str) -> WriterName {
        WriterName::from(format!("{}{plain}-{}", self.prefix, self.instance))
    }
}

/// The loops of a process with these duties.
///
/// The embedded log belongs to one process, so its duties share one fold. On Kafka every
/// duty is a group of its own, whichever processes it is in: else two groups would emit
/// the same completions, or make the same calls.
pub(super) fn plans(config: &Config, names: &Names<'_>, duties: &[Duty]) -> Vec<Plan> {
    const SHARED: &[Duty] = &[Duty::Dispatcher, Duty::CompletionConsumer];
    if config.kafka.bootstrap_servers.is_none() {
        return vec![Plan {
            group: names.group("workers"),
            writer: Some(names.writer("workers")),
            folder: "views",
            duties: SHARED,
        }];
    }
    let plan = |duty: &Duty| match duty {
        Duty::Producer => None,
        Duty::Dispatcher => Some(Plan {
            group: names.group("dispatchers"),
            writer: None,
            folder: "views-dispatcher",
            duties: &[Duty::Dispatcher],
        }),
        Duty::CompletionConsumer => Some(Plan {
            group: names.group("completion-consumers"),
            writer: Some(names.writer("completion-consumer")),
            folder: "views-completion",
            duties: &[Duty::CompletionConsumer],
        }),
    };
    duties.iter().filter_map(plan).collect()
}

/// Folders of the data folder that views are in, whatever duties the process had.
pub(crate) const VIEW_FOLDERS: [&str; 3] = ["views", "views-dispatcher", "views-completion"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_kafka_every_duty_is_a_group_and_only_the_completion_consumer_writes() {
        let mut config = Config::default();
        config.kafka.bootstrap_servers = Some("kafka:9092".to_owned());
        let names = Names {
            prefix: "eu.",
            instance: "a",
        };
        let plans = plans(&config, &names, Duty::ALL);
        let groups: Vec<_> = plans.iter().map(|plan| plan.group.as_str()).collect();
        assert_eq!(groups, ["eu.dispatchers", "eu.completion-consumers"]);
        let writers: Vec<_> = plans.iter().map(|plan| plan.writer.clone()).collect();
        let writer = WriterName::from("eu.completion-consumer-a");
        assert_eq!(writers, [None, Some(writer)]);
        assert!(super::plans(&config, &names, &[Duty::Producer]).is_empty());
    }

    #[test]
    fn on_the_embedded_log_they_share_a_fold() {
        let names = Names {
            prefix: "",
            instance: "all",
        };
        let plans = plans(&Config::default(), &names, Duty::ALL);
        assert_eq!(plans.len(), 1);
        assert!(plans.iter().all(|plan| VIEW_FOLDERS.contains(&plan.folder)));
    }
}
