//! Makes the topics exist, as many partitions as the settings or the topics say.

use anyhow::Context as _;
use triggerfish_log::{EventLog as _, LogError, Topic, TopicSpec};
use triggerfish_ops::config::Config;
use triggerfish_runtime::Topics;

use super::log::AnyLog;
use super::options;

/// The topics of the installation.
pub(crate) fn of(config: &Config) -> Topics {
    Topics::with_prefix(&config.kafka.topic_prefix)
}

/// Makes them, or checks them.
pub(super) async fn ensure(config: &Config, log: &AnyLog) -> anyhow::Result<Topics> {
    let topics = of(config);
    let wanted = u32::from(config.storage.partitions);
    let specs = match log {
        AnyLog::Embedded(_) => topics.specs(wanted, options::retention(config)),
        AnyLog::Kafka(_) => on_kafka(config, log, &topics, wanted).await?,
    };
    let made = log.ensure_topics(&specs).await;
    made.context("can't set up the topics")?;
    Ok(topics)
}

/// The topics whose partitions follow the invocation log's.
pub(super) fn results(config: &Config, log: &AnyLog, topics: &Topics) -> Vec<TopicSpec> {
    let mut specs = topics.specs(1, options::retention(config));
    specs.retain(|spec| [&topics.completions, &topics.decisions].contains(&&spec.name));
    if matches!(log, AnyLog::Kafka(_)) {
        specs.iter_mut().for_each(leave_retention);
    }
    specs
}

/// What others read is kept as long as the topic says.
fn leave_retention(spec: &mut TopicSpec) {
    spec.retention = Some(std::time::Duration::ZERO);
}

/// Topics may have been made by hand, with more partitions than the settings name, and
/// what others write and read is kept as long as they decided. Only the invocation log
/// has to keep its records as long as invocations may be open.
async fn on_kafka(
    config: &Config,
    log: &AnyLog,
    topics: &Topics,
    wanted: u32,
) -> anyhow::Result<Vec<TopicSpec>> {
    let present = present(log, &topics.invocation_log).await?;
    let partitions = wanted.max(present.unwrap_or(0));
    let mut specs = topics.specs(partitions, options::retention(config));
    for spec in &mut specs {
        let Some(present) = self::present(log, &spec.name).await? else {
            continue;
        };
        let is_ours = spec.compacted || spec.name == topics.invocation_log;
        if !is_ours {
            leave_retention(spec);
        }
        let is_written_by_others = [&topics.trigger_events, &topics.object_events];
        spec.partitions = if is_written_by_others.contains(&&spec.name) {
            present
        } else {
            spec.partitions.max(present)
        };
    }
    Ok(specs)
}

async fn present(log: &AnyLog, topic: &Topic) -> Result<Option<u32>, LogError> {
    match log.partitions(topic).await {
        Ok(count) => Ok(Some(count)),
        Err(LogError::UnknownTopic { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
