//! What each part is told, from the settings of the process.

use std::sync::Arc;
use std::time::Duration;

use triggerfish_core::keys::ServerKeys;
use triggerfish_delivery::{Guard, Options, check_url};
use triggerfish_dispatcher::{CallSettings, Limits, Settings};
use triggerfish_log::{GroupName, InstanceName, Topic};
use triggerfish_ops::config::Config;
use triggerfish_producer::{IntakeSettings, UpstreamSettings};
use triggerfish_runtime::{Retention, Topics, WorkerSettings};

/// Who this process is in groups and as a writer. One process has the whole
/// embedded log to itself.
const INSTANCE: &str = "all";
const PRODUCERS: &str = "producers";

pub(crate) fn retention(config: &Config) -> Retention {
    let log = config.storage.log_retention.get();
    Retention { log, outputs: log }
}

pub(crate) fn view_settings(config: &Config) -> triggerfish_view::Settings {
    triggerfish_view::Settings {
        keep_completed: config.storage.keep_completed.get(),
        keep_failed: config.storage.keep_failed.get(),
        cache_bytes: (64 << 20) / u64::from(config.storage.partitions),
    }
}

pub(super) fn delivery(config: &Config) -> Options {
    let delivery = &config.delivery;
    Options {
        limit: delivery.call_timeout.get(),
        answer_bytes_max: delivery.response_limit_bytes.get(),
        allow_networks: delivery.allow_networks.clone(),
        extra_ca_file: delivery.ca_file.clone(),
        ..Options::default()
    }
}

pub(super) fn registry_limits(config: &Config, guard: Guard) -> triggerfish_registry::Limits {
    let check = move |url: &str| {
        check_url(url, &guard)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let longest = config.limits.response_deadline_max.get();
    let mut limits = triggerfish_registry::Limits::new(longest, Arc::new(check));
    limits.fire_and_forget_subscriptions_max =
        config.limits.subscriptions_per_fire_and_forget.get() as usize;
    limits.request_response_subscriptions_max =
        config.limits.subscriptions_per_request_response.get() as usize;
    limits
}

pub(super) fn worker(config: &Config, topics: Topics) -> WorkerSettings {
    WorkerSettings {
        group: GroupName::from("workers"),
        instance: InstanceName::from(INSTANCE),
        views: config.storage.data_dir.join("views"),
        cluster: "embedded".to_owned(),
        topics,
        view: view_settings(config),
        drain_timeout: config.shutdown.drain_timeout.get(),
    }
}

/// One for `trigger-events` and one for each topic of others. Each topic has a group of
/// its own, so that reading one does not move the partitions of another.
pub(super) fn upstreams(config: &Config, topics: &Topics) -> Vec<UpstreamSettings> {
    let own = UpstreamSettings {
        group: GroupName::from(PRODUCERS),
        instance: InstanceName::from(INSTANCE),
        topic: topics.trigger_events.clone(),
        trigger: None,
        dead_letters: topics.dead_letters.clone(),
    };
    let others = config.upstream.topics.iter();
    let others = others.map(|(topic, trigger)| UpstreamSettings {
        group: GroupName::from(format!("{PRODUCERS}-{topic}")),
        topic: Topic::from(topic.as_str()),
        trigger: Some(trigger.as_str().into()),
        ..own.clone()
    });
    let others: Vec<_> = others.collect();
    [vec![own], others].concat()
}

pub(super) fn dispatcher(config: &Config) -> Settings {
    let delivery = &config.delivery;
    Settings {
        limits: Limits {
            in_flight: delivery.max_in_flight_total.get() as usize,
            queued: delivery.queue_in_memory.get() as usize,
            breaker: delivery.breaker_policy(),
        },
        in_flight_per_subscription: delivery.max_in_flight.get() as usize,
        disable_after: delivery.disable_after.limit(),
    }
}

pub(super) fn calls(public_url: &str, keys: ServerKeys) -> CallSettings {
    CallSettings {
        public_url: public_url.to_owned(),
        keys,
    }
}

pub(super) fn intake(config: &Config, topic: Topic, keys: ServerKeys) -> IntakeSettings {
    IntakeSettings {
        topic,
        defaults: config.delivery.pinned(),
        depth_max: config.delivery.max_depth,
        event_bytes_max: config.api.body_limit_bytes.get(),
        keys,
    }
}

pub(super) fn api(config: &Config, public_url: &str) -> triggerfish_api::Settings {
    let window = Duration::from_secs(10);
    let rate_limit = config
        .api
        .rate_limit
        .map(|calls| triggerfish_api::RateLimit {
            calls: calls.get(),
            window,
        });
    triggerfish_api::Settings {
        public_url: public_url.to_owned(),
        body_bytes_max: config.api.body_limit_bytes.get(),
        token_lifetime: config.api.token_lifetime.get(),
        depth_max: config.delivery.max_depth,
        rate_limit,
        ..triggerfish_api::Settings::default()
    }
}
