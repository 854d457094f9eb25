//! What each part is told, from the settings of the process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use triggerfish_core::keys::ServerKeys;
use triggerfish_delivery::{Guard, Options, check_url};
use triggerfish_dispatcher::{CallSettings, Limits, Settings};
use triggerfish_log::{InstanceName, Topic};
use triggerfish_ops::{build_info, config::Config};
use triggerfish_producer::{ActionSettings, Content, IntakeSettings, UpstreamSettings};
use triggerfish_runtime::{Retention, Topics, WorkerSettings};

use super::{log::AnyLog, own_address, plan::Plan, process::Process};

pub(crate) fn retention(config: &Config) -> Retention {
    let log = config.storage.log_retention.get();
    Retention { log, outputs: log }
}

pub(crate) fn view_settings(config: &Config) -> triggerfish_view::Settings {
    triggerfish_view::Settings {
        keep_completed: config.storage.keep_completed.get(),
        keep_failed: config.storage.keep_failed.get(),
        keep_callbacks: config.callbacks.keep_history.get(),
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
    limits.callbacks_max = config.limits.callbacks_per_object_type.get() as usize;
    limits
}

/// Less than a platform waits for a decision (`callbacks.budget`), so that a question which comes
/// during a hand-over is asked by the next owner in time; more than most calls take.
const HAND_OVER_WAIT: Duration = Duration::from_secs(2);

/// A transaction costs the brokers ten requests or more, however much is in it.
const TRANSACTION_PAUSE: Duration = Duration::from_millis(10);

pub(super) fn worker(process: &Process<'_>, plan: &Plan, topics: Topics) -> WorkerSettings {
    let config = process.config;
    WorkerSettings {
        group: plan.group.clone(),
        instance: InstanceName::from(process.instance.as_str()),
        writer: plan.writer.clone(),
        views: config.storage.data_dir.join(plan.folder),
        cluster: process.cluster.clone(),
        topics,
        view: view_settings(config),
        drain_timeout: config.shutdown.drain_timeout.get(),
        hand_over_wait: HAND_OVER_WAIT,
        stall_after: config.worker.stall_after.get(),
        commit_pause: match process.log {
            AnyLog::Kafka(_) => TRANSACTION_PAUSE,
            AnyLog::Embedded(_) => Duration::ZERO,
        },
    }
}

/// Who this process is among the others.
pub(super) fn peer(process: &Process<'_>, bound: SocketAddr) -> triggerfish_peers::Process {
    let config = process.config;
    let servers = config.kafka.bootstrap_servers.as_deref();
    let own = servers.and_then(own_address::towards);
    let roles = process.duties.iter().map(|duty| duty.name().to_owned());
    triggerfish_peers::Process {
        instance: process.instance.clone(),
        roles: roles.collect(),
        url: config.api.peer_base_url(bound, own),
        version: build_info::VERSION.to_owned(),
    }
}

/// One for `trigger-events`, one for `object-events` and one for each topic of others. Each topic has a group of
/// its own, so that reading one does not move the partitions of another.
pub(super) fn upstreams(process: &Process<'_>, topics: &Topics) -> Vec<UpstreamSettings> {
    let own = UpstreamSettings {
        group: process.names().group("producers"),
        instance: InstanceName::from(process.instance.as_str()),
        topic: topics.trigger_events.clone(),
        content: Content::Events { trigger: None },
        dead_letters: topics.dead_letters.clone(),
        stall_after: process.config.worker.stall_after.get(),
    };
    let others = process.config.upstream.topics.iter();
    let others = others.map(|(topic, trigger)| UpstreamSettings {
        group: process.names().group(&format!("producers-{topic}")),
        topic: Topic::from(topic.as_str()),
        content: Content::Events {
            trigger: Some(trigger.as_str().into()),
        },
        ..own.clone()
    });
    let actions = UpstreamSettings {
        group: process.names().group("producers-object-events"),
        topic: topics.object_events.clone(),
        content: Content::Actions,
        ..own.clone()
    };
    let others: Vec<_> = others.collect();
    [vec![own, actions], others].concat()
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
        in_flight_per_callback: config.callbacks.max_in_flight.get() as usize,
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

/// `None` without a console.
pub(super) fn console(config: &Config, public_url: &str) -> Option<triggerfish_console::Settings> {
    let console = &config.console;
    console.enabled.then(|| triggerfish_console::Settings {
        public_url: public_url.to_owned(),
        admin_password: console.admin_password.clone(),
        viewer_password: console.viewer_password.clone(),
        session_lifetime: console.session_lifetime.get(),
        session_idle: console.session_idle.get(),
    })
}

pub(super) fn actions(config: &Config, topic: Topic) -> ActionSettings {
    let callbacks = &config.callbacks;
    ActionSettings {
        topic,
        depth_max: config.delivery.max_depth,
        entity_bytes_max: config.api.body_limit_bytes.get(),
        timeout: callbacks.timeout.get(),
        budget: callbacks.budget.get(),
        budget_max: callbacks.budget_max.get(),
        after_within: callbacks.after_within.get(),
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
        secret_fields: triggerfish_api::SecretFields::new(
            config.callbacks.secret_fields.iter().map(String::as_str),
        ),
        rate_limit,
        ..triggerfish_api::Settings::default()
    }
}
