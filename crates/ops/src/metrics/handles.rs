//! The handles behind the functions: registered once, then only counted on.

use std::collections::HashMap;

use metrics::{Counter, Gauge, Histogram, Key, Label as KeyLabel, Level, Metadata, Recorder};
use parking_lot::RwLock;

use super::{
    http::HttpHandles,
    specs::{self, Kind, OTHER, Spec},
};
use crate::build_info;

const METADATA: Metadata<'static> = Metadata::new("triggerfish", Level::INFO, None);

/// Registers metrics with a recorder.
#[derive(Clone, Copy)]
pub(super) struct Registrar<'a>(pub(super) &'a dyn Recorder);

impl Registrar<'_> {
    pub(super) fn describe(self, spec: &Spec) {
        let (name, unit, text) = (spec.name.into(), Some(spec.unit()), spec.meaning.into());
        match spec.kind {
            Kind::Counter => self.0.describe_counter(name, unit, text),
            Kind::Gauge => self.0.describe_gauge(name, unit, text),
            Kind::Histogram(_) => self.0.describe_histogram(name, unit, text),
        }
    }

    pub(super) fn counter(self, spec: &Spec, values: &[&str]) -> Counter {
        self.0.register_counter(&key(spec, values), &METADATA)
    }

    pub(super) fn gauge(self, spec: &Spec, values: &[&str]) -> Gauge {
        self.0.register_gauge(&key(spec, values), &METADATA)
    }

    pub(super) fn histogram(self, spec: &Spec, values: &[&str]) -> Histogram {
        self.0.register_histogram(&key(spec, values), &METADATA)
    }

    fn counters(self, spec: &Spec) -> PerLabel<Counter> {
        PerLabel::new(spec, |values| self.counter(spec, values))
    }

    fn histograms(self, spec: &Spec) -> PerLabel<Histogram> {
        PerLabel::new(spec, |values| self.histogram(spec, values))
    }
}

fn key(spec: &Spec, values: &[&str]) -> Key {
    debug_assert_eq!(spec.labels.len(), values.len(), "{}", spec.name);
    let labels: Vec<KeyLabel> = spec
        .labels
        .iter()
        .zip(values)
        .map(|(label, value)| KeyLabel::new(label.name, (*value).to_owned()))
        .collect();
    Key::from_parts(spec.name, labels)
}

/// One handle for every combination of known label values, and one for the rest.
///
/// Values are few, so that comparing them one after the other is faster than
/// hashing one.
pub(super) struct PerLabel<H> {
    known: Vec<(Vec<&'static str>, H)>,
    other: H,
}

impl<H> PerLabel<H> {
    fn new(spec: &Spec, register: impl Fn(&[&str]) -> H) -> Self {
        let combinations = spec.labels.iter().fold(vec![vec![]], |before, label| {
            let extended = |values: &Vec<&'static str>| {
                let values = values.clone();
                label.values.iter().map(move |value| {
                    let mut longer = values.clone();
                    longer.push(*value);
                    longer
                })
            };
            before.iter().flat_map(extended).collect::<Vec<_>>()
        });
        Self {
            known: combinations
                .into_iter()
                .map(|values| {
                    let handle = register(&values);
                    (values, handle)
                })
                .collect(),
            other: register(&vec![OTHER; spec.labels.len()]),
        }
    }

    pub(super) fn get(&self, values: &[&str]) -> &H {
        self.known
            .iter()
            .find(|(known, _)| known == values)
            .map_or(&self.other, |(_, handle)| handle)
    }
}

/// Everything that can be counted.
pub(super) struct Handles {
    pub(super) invocations_requested: PerLabel<Counter>,
    pub(super) observations_applied: PerLabel<Counter>,
    pub(super) observations_ignored: PerLabel<Counter>,
    pub(super) completions_emitted: PerLabel<Counter>,
    pub(super) decisions_emitted: PerLabel<Counter>,
    pub(super) decision_duration: Histogram,
    pub(super) invocation_duration: PerLabel<Histogram>,
    pub(super) attempts: PerLabel<Counter>,
    pub(super) attempt_duration: Histogram,
    pub(super) calls_in_flight: Gauge,
    pub(super) calls_queued: Gauge,
    pub(super) breaker_open: Gauge,
    partition_lag: RwLock<HashMap<(String, u32), Gauge>>,
    pub(super) sessions_reopened: PerLabel<Counter>,
    pub(super) commit_duration: Histogram,
    pub(super) restore_duration: Histogram,
    pub(super) view_wipes: PerLabel<Counter>,
    pub(super) dead_letters: PerLabel<Counter>,
    pub(super) filter_evaluations: PerLabel<Counter>,
    pub(super) http: HttpHandles,
    pub(super) peer_calls: PerLabel<Counter>,
    pub(super) peer_call_duration: Histogram,
    pub(super) log_append_duration: Histogram,
    pub(super) invariant_violations: PerLabel<Counter>,
}

impl Handles {
    /// Registers everything whose labels are known beforehand.
    pub(super) fn register(with: Registrar<'_>) -> Self {
        for spec in specs::ALL {
            with.describe(spec);
        }
        let revision = build_info::REVISION.unwrap_or("unknown");
        with.gauge(&specs::BUILD_INFO, &[build_info::VERSION, revision])
            .set(1.0);
        Self {
            invocations_requested: with.counters(&specs::INVOCATIONS_REQUESTED),
            observations_applied: with.counters(&specs::OBSERVATIONS_APPLIED),
            observations_ignored: with.counters(&specs::OBSERVATIONS_IGNORED),
            completions_emitted: with.counters(&specs::COMPLETIONS_EMITTED),
            decisions_emitted: with.counters(&specs::DECISIONS_EMITTED),
            decision_duration: with.histogram(&specs::DECISION_DURATION, &[]),
            invocation_duration: with.histograms(&specs::INVOCATION_DURATION),
            attempts: with.counters(&specs::ATTEMPTS),
            attempt_duration: with.histogram(&specs::ATTEMPT_DURATION, &[]),
            calls_in_flight: with.gauge(&specs::CALLS_IN_FLIGHT, &[]),
            calls_queued: with.gauge(&specs::CALLS_QUEUED, &[]),
            breaker_open: with.gauge(&specs::BREAKER_OPEN, &[]),
            partition_lag: RwLock::default(),
            sessions_reopened: with.counters(&specs::SESSIONS_REOPENED),
            commit_duration: with.histogram(&specs::COMMIT_DURATION, &[]),
            restore_duration: with.histogram(&specs::RESTORE_DURATION, &[]),
            view_wipes: with.counters(&specs::VIEW_WIPES),
            dead_letters: with.counters(&specs::DEAD_LETTERS),
            filter_evaluations: with.counters(&specs::FILTER_EVALUATIONS),
            http: HttpHandles::default(),
            peer_calls: with.counters(&specs::PEER_CALLS),
            peer_call_duration: with.histogram(&specs::PEER_CALL_DURATION, &[]),
            log_append_duration: with.histogram(&specs::LOG_APPEND_DURATION, &[]),
            invariant_violations: with.counters(&specs::INVARIANT_VIOLATIONS),
        }
    }

    /// Partitions are registered when they are first owned.
    pub(super) fn set_partition_lag(&self, group: &str, partition: u32, records: f64) {
        let place = (group.to_owned(), partition);
        if let Some(gauge) = self.partition_lag.read().get(&place) {
            gauge.set(records);
            return;
        }
        let gauge = metrics::with_recorder(|recorder| {
            let values = [group, &partition.to_string()];
            Registrar(recorder).gauge(&specs::PARTITION_LAG, &values)
        });
        gauge.set(records);
        self.partition_lag.write().insert(place, gauge);
    }
}
