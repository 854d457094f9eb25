//! Names, kinds, labels and meanings of all metrics.

use metrics::Unit;

/// Answers within milliseconds, calls within seconds.
const SHORT: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0,
];

/// From milliseconds to the longest deadlines.
const LONG: &[f64] = &[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 900.0, 3_600.0, 14_400.0, 86_400.0, 432_000.0,
];

/// Where a value that is not among a label's known ones is counted.
pub const OTHER: &str = "other";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Seconds, in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

/// A label and its known values; empty when they are only known at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: &'static [&'static str],
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spec {
    /// Its full name.
    pub name: &'static str,
    /// What is measured.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [Label],
    /// What it means, for the person who looks at it.
    pub meaning: &'static str,
}

impl Spec {
    pub(super) const fn unit(&self) -> Unit {
        match self.kind {
            Kind::Counter | Kind::Gauge => Unit::Count,
            Kind::Histogram(_) => Unit::Seconds,
        }
    }
}

const fn label(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values }
}

macro_rules! specs {
    ($( $(#[doc = $doc:literal])+ $id:ident = $name:literal $kind:expr, [$($label:expr),*]; )*) => {
        $( $(#[doc = $doc])+ pub const $id: Spec = Spec {
            name: concat!("triggerfish_", $name),
            kind: $kind,
            labels: &[$($label),*],
            meaning: concat!($($doc),+).trim_ascii(),
        }; )*

        /// All of them.
        pub const ALL: &[Spec] = &[$($id),*];
    };
}

specs! {
    /// Invocations asked for, durable in the log.
    INVOCATIONS_REQUESTED = "invocations_requested_total" Kind::Counter,
        [label("trigger_type", &["REQUEST_RESPONSE", "FIRE_AND_FORGET"]), label("origin", &["TEST", "REAL_TIME"])];
    /// Observations that the fold applied.
    OBSERVATIONS_APPLIED = "observations_applied_total" Kind::Counter,
        [label("kind", &["requested", "attempt_reported", "completion_reported", "deadline_passed", "action_asked"])];
    /// Observations that changed nothing; duplicates and late ones are normal.
    OBSERVATIONS_IGNORED = "observations_ignored_total" Kind::Counter,
        [label("reason", &[
            "unknown_invocation", "already_requested", "already_closed", "stale_attempt", "after_deadline",
            "before_deadline", "nothing_owed",
        ])];
    /// Completion records emitted.
    COMPLETIONS_EMITTED = "completions_emitted_total" Kind::Counter,
        [label("outcome", &["COMPLETED", "FAILED", "EXPIRED"])];
    /// From the creation of an invocation to its outcome.
    INVOCATION_DURATION = "invocation_duration_seconds" Kind::Histogram(LONG),
        [label("mode", &["SYNC", "ASYNC", "DYNAMIC", "FIRE_AND_FORGET", "BEFORE", "AFTER"])];
    /// Decisions about actions of platforms, emitted.
    DECISIONS_EMITTED = "decisions_emitted_total" Kind::Counter, [label("decision", &["ALLOW", "DENY"])];
    /// From the question about an action to its decision.
    DECISION_DURATION = "decision_duration_seconds" Kind::Histogram(SHORT), [];
    /// Calls of subscribers, by what came of them.
    ATTEMPTS = "attempts_total" Kind::Counter,
        [label("class", &[
            "acknowledged", "answered", "delivered", "timeout", "dns", "blocked", "connect", "protocol", "status",
            "content_type", "too_large", "invalid_json", "schema", "gone", "unsupported", "configuration", "loop_guard",
        ])];
    /// How long calls of subscribers took.
    ATTEMPT_DURATION = "attempt_duration_seconds" Kind::Histogram(SHORT), [];
    /// Calls on their way.
    CALLS_IN_FLIGHT = "calls_in_flight" Kind::Gauge, [];
    /// Calls that are due and wait for a place.
    CALLS_QUEUED = "calls_queued" Kind::Gauge, [];
    /// Subscriptions whose calls pause after failures in a row.
    BREAKER_OPEN = "breaker_open" Kind::Gauge, [];
    /// Records of a partition not folded yet, or events not taken, as of a few seconds ago.
    PARTITION_LAG = "partition_lag_records" Kind::Gauge, [label("group", &[]), label("partition", &[])];
    /// Sessions with the log that ended early and were replaced: fenced by another, a commit
    /// with unknown outcome, the log unavailable, or records that were there and not delivered.
    SESSIONS_REOPENED = "sessions_reopened_total" Kind::Counter,
        [label("reason", &["fenced", "commit_unknown", "unavailable", "stalled"])];
    /// Commits of records and positions to the log.
    COMMIT_DURATION = "commit_duration_seconds" Kind::Histogram(SHORT), [];
    /// Restores of a partition, from its assignment to the end of the log.
    RESTORE_DURATION = "restore_duration_seconds" Kind::Histogram(LONG), [];
    /// Views thrown away, to be rebuilt from the log.
    VIEW_WIPES = "view_wipes_total" Kind::Counter,
        [label("reason", &[
            "damaged", "unborn", "unfinished", "format", "other_log", "keep_windows", "ahead_of_log", "ahead_of_commit", "behind_log",
        ])];
    /// Records that went to dead-letters.
    DEAD_LETTERS = "dead_letters_total" Kind::Counter,
        [label("reason", &["unreadable", "unknown_trigger", "unknown_object_type", "invalid_input", "too_large", "too_deep"])];
    /// Filters evaluated.
    FILTER_EVALUATIONS = "filter_evaluations_total" Kind::Counter,
        [label("verdict", &["matched", "not_matched", "failed"])];
    /// HTTP requests answered, by the pattern of the route.
    HTTP_REQUESTS = "http_requests_total" Kind::Counter,
        [label("route", &[]), label("method", &[]), label("status", &[])];
    /// How long answers took, to their first byte.
    HTTP_REQUEST_DURATION = "http_request_duration_seconds" Kind::Histogram(SHORT), [label("route", &[])];
    /// Questions to other processes about partitions that they own.
    PEER_CALLS = "peer_calls_total" Kind::Counter, [label("result", &["answered", "not_mine", "failed"])];
    /// How long other processes took to answer.
    PEER_CALL_DURATION = "peer_call_duration_seconds" Kind::Histogram(SHORT), [];
    /// Appends to the log, until they were acknowledged.
    LOG_APPEND_DURATION = "log_append_duration_seconds" Kind::Histogram(SHORT), [];
    /// Invariants found broken; anything but zero is a bug of ours.
    INVARIANT_VIOLATIONS = "invariant_violations_total" Kind::Counter,
        [label("id", &["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9"])];
    /// Which build this is; always 1.
    BUILD_INFO = "build_info" Kind::Gauge, [label("version", &[]), label("revision", &[])];
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use triggerfish_core::{
        Failure, FailureKind, Ignored, Mode, Observation, Origin, Outcome, Reply, TriggerType,
        action::Verdict, invariant::Invariant,
    };

    use super::*;

    #[test]
    fn names_follow_their_kind() {
        let mut names: Vec<_> = ALL.iter().map(|spec| spec.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len(), "names are distinct");
        for spec in ALL {
            let is_counter = spec.kind == Kind::Counter;
            assert_eq!(spec.name.ends_with("_total"), is_counter, "{}", spec.name);
            let is_histogram = matches!(spec.kind, Kind::Histogram(_));
            assert_eq!(
                spec.name.ends_with("_seconds"),
                is_histogram,
                "{}",
                spec.name
            );
            assert!(
                spec.meaning.ends_with('.') || spec.meaning.ends_with("ours."),
                "{}",
                spec.name
            );
        }
    }

    /// The classes of failure; the match makes a new one fail to compile here.
    fn failure_kinds() -> Vec<FailureKind> {
        use FailureKind::{
            Blocked, Configuration, Connect, ContentType, Dns, Gone, InvalidJson, LoopGuard,
            Protocol, Schema, Status, Timeout, TooLarge, Unsupported,
        };
        match Timeout {
            Timeout | Dns | Blocked | Connect | Protocol | Status | ContentType | TooLarge
            | InvalidJson | Schema | Gone | Unsupported | Configuration | LoopGuard => {}
        }
        vec![
            Timeout,
            Dns,
            Blocked,
            Connect,
            Protocol,
            Status,
            ContentType,
            TooLarge,
            InvalidJson,
            Schema,
            Gone,
            Unsupported,
            Configuration,
            LoopGuard,
        ]
    }

    #[test]
    fn every_label_of_the_domain_is_known() {
        let known = |spec: &Spec, at: usize, text: &str| {
            assert!(
                spec.labels[at].values.contains(&text),
                "{}: {text}",
                spec.name
            );
        };
        for kind in failure_kinds() {
            let failure = Failure {
                kind,
                message: Arc::from(""),
            };
            known(&ATTEMPTS, 0, Reply::Refused(failure).class());
        }
        for reply in [
            Reply::Acknowledged,
            Reply::Answered("1".into()),
            Reply::Delivered,
        ] {
            known(&ATTEMPTS, 0, reply.class());
        }
        for verdict in [Verdict::Allow, Verdict::Deny] {
            known(&DECISIONS_EMITTED, 0, verdict.as_str());
        }
        for invariant in Invariant::ALL {
            known(&INVARIANT_VIOLATIONS, 0, invariant.id());
        }
        for reason in [
            Ignored::UnknownInvocation,
            Ignored::AlreadyRequested,
            Ignored::AlreadyClosed,
            Ignored::StaleAttempt,
            Ignored::AfterDeadline,
            Ignored::BeforeDeadline,
            Ignored::NothingOwed,
        ] {
            known(&OBSERVATIONS_IGNORED, 0, reason.as_str());
        }
        for mode in Mode::ALL {
            known(&INVOCATION_DURATION, 0, mode.as_str());
        }
        for trigger_type in [TriggerType::RequestResponse, TriggerType::FireAndForget] {
            known(&INVOCATIONS_REQUESTED, 0, trigger_type.as_str());
        }
        for origin in [Origin::Test, Origin::RealTime] {
            known(&INVOCATIONS_REQUESTED, 1, origin.as_str());
        }
        let error: Arc<str> = Arc::from("");
        for outcome in [
            Outcome::Completed(None),
            Outcome::Failed {
                error: error.clone(),
                output: None,
            },
            Outcome::Expired { error },
        ] {
            known(&COMPLETIONS_EMITTED, 0, outcome.as_str());
        }
        known(&OBSERVATIONS_APPLIED, 0, Observation::DeadlinePassed.kind());
    }
}
