//! Every key, its default and its meaning. The doc comments are the reference
//! (`docs/configuration.md`), so they speak to whoever runs the service.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
};

use ipnet::IpNet;
use triggerfish_core::{RetryPolicy, Secret, breaker::BreakerPolicy, fan_out, id::PARTITIONS_MAX};
use url::Url;

use super::{
    reader::{Reader, Setting, section},
    value::{IsoDuration, LogFormat, Patience},
};

const MEBIBYTE: NonZeroUsize = NonZeroUsize::new(1 << 20).expect("is not zero");

section! {
    /// Where state is kept and for how long.
    pub struct Storage in "storage" {
        /// The folder of the embedded log, the views and the server key. Relative to
        /// the working directory.
        data_dir: PathBuf = PathBuf::from("data"),
        /// Partitions of the invocation log, 1 to 4096. May grow, never shrink. On
        /// Kafka a topic that has more keeps them.
        partitions: u16 = 4,
        /// How long the log keeps its records. On Kafka a topic that is there already
        /// must keep them at least as long.
        log_retention: IsoDuration = IsoDuration::preset("P7D"),
        /// How long a completed invocation can still be looked up.
        keep_completed: IsoDuration = IsoDuration::preset("PT24H"),
        /// How long a failed or expired invocation can still be looked up.
        keep_failed: IsoDuration = IsoDuration::preset("PT48H"),
    }
}

section! {
    /// The HTTP API.
    pub struct Api in "api" {
        /// Address and port to listen on; port 0 takes a free one.
        listen: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
        /// Where subscribers reach this API: the base of `callbackURL`. Without it
        /// the listen address is used.
        public_url: Option<Url> = None,
        /// Where the other processes of the installation reach this one, e.g.
        /// `"http://10.0.0.7:8080"`. Without it the listen address is used; where that
        /// stands for all addresses of the host, the one by which the host reaches
        /// Kafka.
        peer_url: Option<Url> = None,
        /// The largest request body taken, in bytes.
        body_limit_bytes: NonZeroUsize = MEBIBYTE,
        /// How long an access token is valid.
        token_lifetime: IsoDuration = IsoDuration::preset("PT12H"),
        /// Requests that one API client may make in 10 seconds. Without it there is
        /// no limit.
        rate_limit: Option<NonZeroU32> = None,
    }
}

section! {
    /// The console, under `/console/` of every process that serves the API. API clients
    /// sign in with id and secret; passwords are a second way.
    pub struct Console in "console" {
        /// Whether there is a console.
        enabled: bool = true,
        /// The password of people who may do everything; at least 12 characters. A
        /// change ends their sessions.
        admin_password: Option<Secret> = None,
        /// The password of people who may look and change nothing.
        viewer_password: Option<Secret> = None,
        /// How long a session lasts at most.
        session_lifetime: IsoDuration = IsoDuration::preset("PT12H"),
        /// How long a session lasts that nobody uses.
        session_idle: IsoDuration = IsoDuration::preset("PT1H"),
    }
}

section! {
    /// Calls to subscribers.
    pub struct Delivery in "delivery" {
        /// Networks that subscribers may be in although private or local, e.g.
        /// `["127.0.0.0/8"]`.
        allow_networks: Vec<IpNet> = Vec::new(),
        /// How long one call may take, from the connection to the last byte of the
        /// answer.
        call_timeout: IsoDuration = IsoDuration::preset("PT10S"),
        /// The largest answer that is read, in bytes.
        response_limit_bytes: NonZeroUsize = MEBIBYTE,
        /// Calls in flight at most for one subscription; a subscription may set
        /// its own.
        max_in_flight: NonZeroU32 = positive(64),
        /// Calls in flight at most for all subscriptions of a process.
        max_in_flight_total: NonZeroU32 = positive(8192),
        /// Calls of one subscription that wait in memory; what overflows waits on
        /// disk.
        queue_in_memory: NonZeroU32 = positive(1024),
        /// Retries of `FIRE_AND_FORGET`.
        fire_and_forget_retry: Retry = Retry::of(RetryPolicy::PERSISTENT),
        /// Retries of `REQUEST_RESPONSE`.
        request_response_retry: Retry = Retry::of(RetryPolicy::ONCE),
        /// How long after its creation a `FIRE_AND_FORGET` invocation expires.
        fire_and_forget_deadline: IsoDuration = IsoDuration::preset("P1D"),
        /// Failures in a row after which calls of a subscription pause; 0 never
        /// pauses them.
        breaker_failures: u32 = 10,
        /// The first pause; it doubles with every failed probe.
        breaker_pause: IsoDuration = IsoDuration::preset("PT1S"),
        /// The longest pause: so long it may take until a subscriber is found to be back.
        breaker_pause_max: IsoDuration = IsoDuration::preset("PT8S"),
        /// How long a chain of triggers that cause each other may be.
        max_depth: u32 = 8,
        /// How long a subscription may fail without a single success before it is
        /// disabled; `"never"` leaves it enabled.
        disable_after: Patience = Patience::Lasting(IsoDuration::preset("P5D")),
        /// Certificates (PEM) of further authorities that subscribers' certificates
        /// may come from.
        ca_file: Option<PathBuf> = None,
    }
}

section! {
    /// Callbacks: who is asked before actions of a platform, and told after them.
    pub struct Callbacks in "callbacks" {
        /// How long one call may take, unless the callback has its own limit. Before an
        /// action never longer than what is left of the budget.
        timeout: IsoDuration = IsoDuration::preset("PT5S"),
        /// How long all before-callbacks of one action may take together, unless the
        /// platform says so itself.
        budget: IsoDuration = IsoDuration::preset("PT5S"),
        /// The longest budget that a platform may give, and the longest it may wait for
        /// after-callbacks.
        budget_max: IsoDuration = IsoDuration::preset("PT10S"),
        /// How long after an action its after-callbacks may still be called.
        after_within: IsoDuration = IsoDuration::preset("PT1H"),
        /// How long actions and the calls of their callbacks can be looked up.
        keep_history: IsoDuration = IsoDuration::preset("P7D"),
        /// Calls in flight at most for one callback.
        max_in_flight: NonZeroU32 = positive(256),
        /// Fields of bodies whose values the history does not show, in any case.
        secret_fields: Vec<String> = secret_fields(),
    }
}

section! {
    /// How partitions are worked on.
    pub struct Worker in "worker" {
        /// A partition that could be read on and has not moved for this long has
        /// stalled: its session is replaced, and the log says so. Of the invocation
        /// log and of topics with events.
        stall_after: IsoDuration = IsoDuration::preset("PT30S"),
        /// How long after it was noticed a growth of the invocation log counts: by then
        /// every process must know of it. The same for all processes, and longer than
        /// any of them may be cut off from Kafka.
        growth_notice: IsoDuration = IsoDuration::preset("PT30S"),
    }
}

section! {
    /// What clients of the API may ask for.
    pub struct Limits in "limits" {
        /// Subscriptions of one `FIRE_AND_FORGET` trigger.
        subscriptions_per_fire_and_forget: NonZeroU32 = positive(50),
        /// Subscriptions of one `REQUEST_RESPONSE` trigger.
        subscriptions_per_request_response: NonZeroU32 = positive(1),
        /// Callbacks of one object type and timing.
        callbacks_per_object_type: NonZeroU32 = positive(50),
        /// The longest `responseDeadline` of a subscription. Must end an hour before
        /// the log forgets (`storage.log_retention`).
        response_deadline_max: IsoDuration = IsoDuration::preset("P5D"),
    }
}

section! {
    /// Keys and the first API client.
    pub struct Security in "security" {
        /// Server keys, base64 of at least 32 bytes each, newest first: the first
        /// makes secrets and tokens, all of them verify. Make one with
        /// `openssl rand -base64 32`.
        keys: Vec<Secret> = Vec::new(),
        /// A file with server keys, one a line, newest first. With neither this nor
        /// `keys`, the embedded engine makes a key and keeps it in
        /// `server.key` in the data folder.
        key_file: Option<PathBuf> = None,
        /// The id of the first API client.
        client_id: Option<String> = None,
        /// Its secret; only its hash is kept.
        client_secret: Option<Secret> = None,
    }
}

section! {
    /// Log lines; they go to standard error.
    pub struct Log in "log" {
        /// `"human"` or `"json"` (one object a line).
        format: LogFormat = LogFormat::Human,
        /// The lowest level shown (`error`, `warn`, `info`, `debug`, `trace`), or a
        /// filter such as `info,triggerfish_delivery=debug`.
        level: String = "info".to_owned(),
    }
}

section! {
    /// The end of a process.
    pub struct Shutdown in "shutdown" {
        /// How long work in flight may go on after SIGTERM or SIGINT. A second
        /// signal ends the process at once.
        drain_timeout: IsoDuration = IsoDuration::preset("PT20S"),
    }
}

/// How often and how far apart calls are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Calls in all, the first included.
    pub max_attempts: NonZeroU32,
    /// Wait before the second call, in milliseconds.
    pub initial_delay_ms: u64,
    /// Longest wait between two calls, in milliseconds.
    pub max_delay_ms: u64,
}

impl Retry {
    const fn of(policy: RetryPolicy) -> Self {
        Self {
            max_attempts: positive(policy.max_attempts),
            initial_delay_ms: policy.initial_delay_ms,
            max_delay_ms: policy.max_delay_ms,
        }
    }

    /// As the fold takes it.
    #[must_use]
    pub const fn policy(&self) -> RetryPolicy {
        RetryPolicy {
            max_attempts: self.max_attempts.get(),
            initial_delay_ms: self.initial_delay_ms,
            max_delay_ms: self.max_delay_ms,
        }
    }
}

impl Setting for Retry {
    fn read(reader: &mut Reader<'_>, key: &str, meaning: &str, default: Self) -> Self {
        let at = |name: &str, what: &str| (format!("{key}.{name}"), format!("{meaning} {what}"));
        let attempts = at(
            "max_attempts",
            "Calls in all, the first included; 1 means no retry.",
        );
        let initial = at(
            "initial_delay_ms",
            "The wait before the second call, in milliseconds; it doubles from call to call.",
        );
        let longest = at(
            "max_delay_ms",
            "The longest wait between two calls, in milliseconds; `Retry-After` is cut to it.",
        );
        Self {
            max_attempts: reader.leaf(&attempts.0, &attempts.1, default.max_attempts),
            initial_delay_ms: reader.leaf(&initial.0, &initial.1, default.initial_delay_ms),
            max_delay_ms: reader.leaf(&longest.0, &longest.1, default.max_delay_ms),
        }
    }
}

fn secret_fields() -> Vec<String> {
    const NAMES: [&str; 11] = [
        "secret",
        "clientSecret",
        "password",
        "token",
        "accessToken",
        "refreshToken",
        "code",
        "apiKey",
        "privateKey",
        "authorization",
        "bearerToken",
    ];
    NAMES.map(str::to_owned).into()
}

impl Storage {
    /// The most partitions an id can name.
    pub const PARTITIONS_MAX: u16 = PARTITIONS_MAX;
}

impl Api {
    /// The base of `callbackURL`, without a slash at its end. `bound` is the address
    /// that is really listened on; where it stands for all addresses, this host.
    #[must_use]
    pub fn base_url(&self, bound: SocketAddr) -> String {
        if let Some(url) = &self.public_url {
            return url.as_str().trim_end_matches('/').to_owned();
        }
        listening_url(bound, None)
    }

    /// Where other processes reach this one, without a slash at the end. `bound` is the
    /// address that is really listened on, `own` this host's in the network of the other
    /// processes, where it is known; it counts where `bound` stands for all addresses.
    #[must_use]
    pub fn peer_base_url(&self, bound: SocketAddr, own: Option<IpAddr>) -> String {
        match &self.peer_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => listening_url(bound, own),
        }
    }
}

/// The URL of `bound`; where that stands for all addresses, of `own` or this host alone.
fn listening_url(bound: SocketAddr, own: Option<IpAddr>) -> String {
    let loopback = match bound {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let ip = match bound.ip() {
        ip if ip.is_unspecified() => own.unwrap_or(loopback),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, bound.port()))
}

impl Delivery {
    /// The breaker of each subscription.
    #[must_use]
    pub const fn breaker_policy(&self) -> BreakerPolicy {
        BreakerPolicy {
            failures_to_open: self.breaker_failures,
            pause: self.breaker_pause.get(),
            pause_max: self.breaker_pause_max.get(),
        }
    }

    /// What is pinned into each request.
    #[must_use]
    pub const fn pinned(&self) -> fan_out::Defaults {
        fan_out::Defaults {
            fire_and_forget_retry: self.fire_and_forget_retry.policy(),
            request_response_retry: self.request_response_retry.policy(),
            fire_and_forget_deadline: self.fire_and_forget_deadline.get(),
        }
    }
}

const fn positive(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("a default limit is not zero")
}
