//! Makes topics, and checks those that are there.
//!
//! Partitions of an existing topic are added where the specification has more. Its settings are
//! the operator's: one that would lose records is not changed behind his back but stops the start,
//! with the command that mends it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{
    AdminOptions, ConfigResource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::time::Instant;
use triggerfish_log::{LogError, Topic, TopicSpec};

use crate::error::unavailable;
use crate::settings::ANSWER_WITHIN;
use crate::shared::{Shared, blocking};

/// How long a new topic may take until every broker knows it.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);
/// Pause before a question about a topic is repeated.
const ASK_AGAIN: Duration = Duration::from_millis(200);

impl Shared {
    pub(crate) async fn ensure_topics(
        self: &Arc<Self>,
        topics: &[TopicSpec],
    ) -> Result<(), LogError> {
        for spec in topics {
            in_time(&spec.name, || self.ensure(spec)).await?;
        }
        for spec in topics {
            self.wait_until_known(spec, spec.partitions).await?;
        }
        Ok(())
    }

    async fn ensure(self: &Arc<Self>, spec: &TopicSpec) -> Result<(), LogError> {
        if !spec.name.is_valid() {
            return Err(refused(&spec.name, "its name is not legal in Kafka".into()));
        }
        let made = self.present(spec).await?.is_none() && self.create(spec).await?;
        if !made {
            // Where another process was faster, it may have made it otherwise.
            let present = self.wait_until_known(spec, 1).await?;
            self.compare(spec).await?;
            self.grow(spec, present).await?;
        }
        Ok(())
    }

    async fn present(self: &Arc<Self>, spec: &TopicSpec) -> Result<Option<u32>, LogError> {
        let (shared, name) = (Arc::clone(self), spec.name.clone());
        blocking(move || shared.count(&name)).await
    }

    /// Makes the topic; `false` if another process was faster.
    async fn create(&self, spec: &TopicSpec) -> Result<bool, LogError> {
        let copies = self.settings.replication_factor.map_or(-1, i32::from);
        let partitions = i32::try_from(spec.partitions).unwrap_or(i32::MAX);
        let bytes_max = self.settings.record_bytes_max().to_string();
        let retention = retention_ms(spec);
        let policy = if spec.compacted { "compact" } else { "delete" };
        let topic = NewTopic::new(
            spec.name.as_str(),
            partitions,
            TopicReplication::Fixed(copies),
        )
        .set("cleanup.policy", policy)
        .set("retention.ms", &retention)
        .set("max.message.bytes", &bytes_max);
        let made = self.admin.create_topics(&[topic], &options()).await;
        let made = made.map_err(|error| unavailable("making a topic", &error))?;
        match made.into_iter().next() {
            Some(Ok(_)) => {
                tracing::info!(topic = %spec.name, partitions, "topic made");
                Ok(true)
            }
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(false),
            Some(Err((_, code))) if is_for_later(code) => Err(LogError::Unavailable {
                reason: format!("topic {} can't be made yet: {code}", spec.name),
            }),
            Some(Err((_, code))) => Err(refused(
                &spec.name,
                format!(
                    "the broker does not make it: {code}; make it by hand, with {partitions} partitions and cleanup.policy={policy}"
                ),
            )),
            None => Err(LogError::Unavailable {
                reason: "the broker did not say whether it made the topic".to_owned(),
            }),
        }
    }

    async fn grow(&self, spec: &TopicSpec, present: u32) -> Result<(), LogError> {
        if spec.partitions < present {
            let reason = format!(
                "it has {present} partitions and can't shrink to {}",
                spec.partitions
            );
            return Err(refused(&spec.name, reason));
        }
        if spec.partitions == present {
            return Ok(());
        }
        let grown = NewPartitions::new(spec.name.as_str(), spec.partitions as usize);
        let grown = self.admin.create_partitions(&[grown], &options()).await;
        let grown = grown.map_err(|error| unavailable("adding partitions", &error))?;
        match grown.into_iter().next() {
            // `InvalidPartitions`: another process was faster; what is there is looked at next.
            Some(Ok(_) | Err((_, RDKafkaErrorCode::InvalidPartitions))) => {
                tracing::info!(topic = %spec.name, from = present, to = spec.partitions, "partitions added");
                Ok(())
            }
            Some(Err((_, code))) => Err(refused(
                &spec.name,
                format!(
                    "the broker adds no partitions: {code}; add them by hand, up to {}",
                    spec.partitions
                ),
            )),
            None => Ok(()),
        }
    }

    /// Refuses a topic that forgets what it has to keep.
    async fn compare(&self, spec: &TopicSpec) -> Result<(), LogError> {
        let name = spec.name.as_str();
        let wanted = [ResourceSpecifier::Topic(name)];
        let described = self.admin.describe_configs(&wanted, &options()).await;
        let described = described.map_err(|error| unavailable("looking at a topic", &error))?;
        let config = match described.into_iter().next() {
            Some(Ok(config)) => config,
            // Without the right to look, the operator is trusted.
            Some(Err(
                RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed,
            )) => {
                tracing::warn!(
                    topic = name,
                    "no right to read the settings of this topic; they are taken to be right"
                );
                return Ok(());
            }
            Some(Err(code)) => {
                let error = KafkaError::AdminOp(code);
                return Err(unavailable("looking at a topic", &error));
            }
            None => return Ok(()),
        };
        check_policy(spec, &config)?;
        check_retention(spec, &config)
    }

    /// A topic that was just made, or has just grown, is not known everywhere at once. Returns
    /// how many partitions it has when it has this many.
    async fn wait_until_known(
        self: &Arc<Self>,
        spec: &TopicSpec,
        partitions: u32,
    ) -> Result<u32, LogError> {
        let until = Instant::now() + KNOWN_WITHIN;
        loop {
            if let Some(count) = self.present(spec).await?
                && count >= partitions
            {
                return Ok(count);
            }
            if Instant::now() > until {
                return Err(LogError::Unavailable {
                    reason: format!("topic {} was made and does not show", spec.name),
                });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Asks again for a while: one broker of several may be away for a moment, and may be the one
/// that was asked.
async fn in_time<F>(topic: &Topic, mut ask: impl FnMut() -> F) -> Result<(), LogError>
where
    F: Future<Output = Result<(), LogError>>,
{
    let until = Instant::now() + ANSWER_WITHIN;
    loop {
        match ask().await {
            Err(error) if error.is_retryable() && Instant::now() < until => {
                tracing::debug!(target: "kafka", %topic, %error, "asking again");
                tokio::time::sleep(ASK_AGAIN).await;
            }
            answered => return answered,
        }
    }
}

fn check_policy(spec: &TopicSpec, config: &ConfigResource) -> Result<(), LogError> {
    let Some(policy) = value(config, "cleanup.policy") else {
        return Ok(());
    };
    let has = |word: &str| policy.split(',').any(|one| one.trim() == word);
    if spec.compacted && (!has("compact") || has("delete")) {
        return Err(mismatch(spec, "cleanup.policy", policy, "compact"));
    }
    if !spec.compacted && has("compact") {
        return Err(mismatch(spec, "cleanup.policy", policy, "delete"));
    }
    Ok(())
}

fn check_retention(spec: &TopicSpec, config: &ConfigResource) -> Result<(), LogError> {
    if spec.compacted || spec.retention == Some(Duration::ZERO) {
        return Ok(());
    }
    let number = |name| value(config, name).and_then(|text| text.parse::<i64>().ok());
    if let Some(bytes) = number("retention.bytes").filter(|bytes| *bytes >= 0) {
        return Err(mismatch(spec, "retention.bytes", &bytes.to_string(), "-1"));
    }
    let Some(present) = number("retention.ms").filter(|present| *present >= 0) else {
        return Ok(());
    };
    let needed = spec
        .retention
        .map(|kept| i64::try_from(kept.as_millis()).unwrap_or(i64::MAX));
    match needed {
        Some(needed) if present >= needed => Ok(()),
        _ => Err(mismatch(
            spec,
            "retention.ms",
            &present.to_string(),
            &retention_ms(spec),
        )),
    }
}

fn mismatch(spec: &TopicSpec, setting: &str, present: &str, needed: &str) -> LogError {
    let name = &spec.name;
    refused(
        name,
        format!(
            "it has {setting}={present}, which forgets records too early or keeps the wrong ones; change it: kafka-configs.sh --bootstrap-server ... --alter --entity-type topics --entity-name {name} --add-config {setting}={needed}"
        ),
    )
}

fn retention_ms(spec: &TopicSpec) -> String {
    let kept = spec.retention.filter(|_| !spec.compacted);
    kept.map_or("-1".to_owned(), |kept| kept.as_millis().to_string())
}

fn value<'c>(config: &'c ConfigResource, name: &str) -> Option<&'c str> {
    config.get(name)?.value.as_deref()
}

fn refused(topic: &Topic, reason: String) -> LogError {
    LogError::TopicRefused {
        topic: topic.clone(),
        reason,
    }
}

fn is_for_later(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::RequestTimedOut
            | RDKafkaErrorCode::NotController
            | RDKafkaErrorCode::OperationTimedOut
    )
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(ANSWER_WITHIN))
        .operation_timeout(Some(ANSWER_WITHIN))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;

    use rdkafka::admin::{ConfigEntry, ConfigSource, OwnedResourceSpecifier};

    use super::*;

    fn spec(retention: Option<u64>, compacted: bool) -> TopicSpec {
        TopicSpec {
            name: Topic::from("t"),
            partitions: 1,
            retention: retention.map(Duration::from_secs),
            compacted,
        }
    }

    fn config(values: &[(&str, &str)]) -> ConfigResource {
        let entry = |(name, value): &(&str, &str)| ConfigEntry {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
            source: ConfigSource::DynamicTopic,
            is_read_only: false,
            is_default: false,
            is_sensitive: false,
        };
        ConfigResource {
            specifier: OwnedResourceSpecifier::Topic("t".to_owned()),
            entries: values.iter().map(entry).collect(),
        }
    }

    /// What comes of asking for a topic that answers so, and how often it is asked for.
    async fn asked(answers: impl Fn(u32) -> Result<(), LogError>) -> (Result<(), LogError>, u32) {
        let asked = Cell::new(0);
        let ask = || {
            let times = asked.replace(asked.get() + 1);
            ready(answers(times))
        };
        let answered = in_time(&Topic::from("t"), ask).await;
        (answered, asked.get())
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_is_away_is_asked_again_for_a_while() {
        let away = || LogError::Unavailable {
            reason: "its broker is away".to_owned(),
        };
        let (answered, times) = asked(|times| if times < 3 { Err(away()) } else { Ok(()) }).await;
        answered.unwrap();
        assert_eq!(times, 4);
        let (answered, times) = asked(|_| Err(refused(&Topic::from("t"), "it is".into()))).await;
        assert!(matches!(answered, Err(LogError::TopicRefused { .. })));
        assert_eq!(times, 1);
        let began = Instant::now();
        let (answered, times) = asked(|_| Err(away())).await;
        assert!(matches!(answered, Err(LogError::Unavailable { .. })));
        assert!(times > 10, "{times}");
        let took = began.elapsed();
        assert!(
            took >= ANSWER_WITHIN && took < ANSWER_WITHIN + 2 * ASK_AGAIN,
            "{took:?}"
        );
    }

    #[test]
    fn what_forgets_too_early_is_refused_with_the_remedy() {
        for (spec, values, remedy) in [
            (
                spec(Some(60), false),
                ("retention.ms", "59999"),
                "retention.ms=60000",
            ),
            (
                spec(None, false),
                ("retention.ms", "60000"),
                "retention.ms=-1",
            ),
            (
                spec(Some(60), false),
                ("retention.bytes", "1024"),
                "retention.bytes=-1",
            ),
            (
                spec(Some(60), false),
                ("cleanup.policy", "compact"),
                "cleanup.policy=delete",
            ),
            (
                spec(None, true),
                ("cleanup.policy", "delete"),
                "cleanup.policy=compact",
            ),
            (
                spec(None, true),
                ("cleanup.policy", "compact,delete"),
                "cleanup.policy=compact",
            ),
        ] {
            let config = config(&[values]);
            let refused = check_policy(&spec, &config).and(check_retention(&spec, &config));
            let reason = refused.unwrap_err().to_string();
            assert!(reason.contains(remedy), "{reason}");
        }
    }

    #[test]
    fn what_keeps_enough_is_taken() {
        for (spec, values) in [
            (
                spec(Some(60), false),
                [("retention.ms", "60000"), ("cleanup.policy", "delete")],
            ),
            (
                spec(Some(60), false),
                [("retention.ms", "-1"), ("retention.bytes", "-1")],
            ),
            (
                spec(Some(0), false),
                [("retention.ms", "1"), ("retention.bytes", "1")],
            ),
            (
                spec(None, true),
                [("retention.ms", "5"), ("cleanup.policy", "compact")],
            ),
        ] {
            let config = config(&values);
            check_policy(&spec, &config).unwrap();
            check_retention(&spec, &config).unwrap();
        }
    }
}
