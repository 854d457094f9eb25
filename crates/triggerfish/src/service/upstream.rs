//! The readers of events.

use anyhow::Context as _;
use triggerfish_log::{EventLog as _, LogError};
use triggerfish_producer::{Content, Intakes, Upstream, UpstreamSettings};

use super::{AnyLog, Parts, Process, options};

/// One reader for `trigger-events`, one for `object-events` and one for each topic of
/// others, which must exist: who owns it decides how it is kept.
pub(super) async fn open(
    process: &Process<'_>,
    parts: &Parts,
    intakes: &Intakes,
) -> anyhow::Result<Vec<Upstream<AnyLog>>> {
    let mut readers = Vec::new();
    for settings in options::upstreams(process, &parts.topics) {
        check(parts, &settings).await?;
        let (appender, intakes) = (parts.appender.clone(), intakes.clone());
        readers.push(Upstream::open(&parts.log, appender, intakes, settings).await?);
    }
    Ok(readers)
}

async fn check(parts: &Parts, settings: &UpstreamSettings) -> anyhow::Result<()> {
    let UpstreamSettings { topic, content, .. } = settings;
    let Content::Events {
        trigger: Some(trigger),
    } = content
    else {
        return Ok(());
    };
    anyhow::ensure!(
        !parts.topics.all().contains(&topic),
        "upstream.topics.{topic}: this topic is one of Triggerfish's own: take the key out"
    );
    match parts.log.partitions(topic).await {
        Ok(_) => {}
        Err(LogError::UnknownTopic { .. }) => anyhow::bail!(
            "upstream.topics.{topic}: there is no topic {topic}: create it, write its full name, or take the key out"
        ),
        Err(error) => {
            return Err(error).with_context(|| format!("upstream.topics.{topic}: can't be read"));
        }
    }
    if parts.registry.snapshot().trigger(trigger).is_none() {
        tracing::warn!(%topic, %trigger, "upstream.topics names a trigger that does not exist yet: until it does, events of the topic go to dead-letters");
    }
    Ok(())
}
