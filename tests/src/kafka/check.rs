//! What has to hold when everything is over.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::events::{content, output};
use super::load::Ledger;
use super::subscribers::{Subscribers, is_put_off, number};
use super::{Faults, Mode, Seen};
use crate::Call;

/// More of one kind say nothing new.
const SHOWN: usize = 5;

/// What was found out.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What should not be, by kind.
    pub wrong: BTreeMap<&'static str, Vec<String>>,
    /// Completions that were seen.
    pub completions: usize,
    /// Calls that subscribers got.
    pub calls: usize,
    /// Those of them that came again after a fault.
    pub repeated: usize,
}

impl Findings {
    /// Something that should not be.
    pub fn add(&mut self, kind: &'static str, what: impl IntoIterator<Item = String>) {
        let what: Vec<String> = what.into_iter().collect();
        if !what.is_empty() {
            self.wrong.entry(kind).or_default().extend(what);
        }
    }

    /// Kinds and numbers of what should not be, with examples; empty if all is well.
    #[must_use]
    pub fn describe(&self) -> String {
        let kind = |(kind, found): (&&str, &Vec<String>)| {
            let shown: Vec<&str> = found.iter().take(SHOWN).map(String::as_str).collect();
            format!("{kind}: {}\n    {}\n", found.len(), shown.join("\n    "))
        };
        self.wrong.iter().map(kind).collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Completion<'a> {
    id: String,
    trigger_id: String,
    subscription_id: String,
    outcome: String,
    #[serde(borrow)]
    content_json: &'a RawValue,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Compares what came out with what went in: one completion for each subscription of each
/// accepted event, at most one of any event, all as they should be; and calls that came
/// again only where a fault excuses it.
#[must_use]
pub fn check(
    ledger: &Ledger,
    subscribers: &Subscribers,
    faults: &Faults,
    completions: &[Seen],
) -> Findings {
    let mut findings = Findings {
        completions: completions.len(),
        ..Findings::default()
    };
    check_completions(ledger, subscribers, completions, &mut findings);
    check_calls(&subscribers.calls(), faults, &mut findings);
    findings.add("callbacks refused", subscribers.refused());
    findings
}

/// The number of the event whose metadata this is.
fn event_of(content: &RawValue) -> Option<u64> {
    let content: serde_json::Value = serde_json::from_str(content.get()).ok()?;
    content["n"].as_u64()
}

fn check_completions(
    ledger: &Ledger,
    subscribers: &Subscribers,
    completions: &[Seen],
    findings: &mut Findings,
) {
    let mut found: BTreeMap<(u64, String), Vec<&Seen>> = BTreeMap::new();
    let mut of_id: HashMap<&str, usize> = HashMap::new();
    for seen in completions {
        *of_id.entry(&seen.key).or_default() += 1;
        let parsed: Result<Completion<'_>, _> = serde_json::from_str(&seen.value);
        let Some((completion, n)) = parsed.ok().and_then(|completion| {
            let n = event_of(completion.content_json)?;
            Some((completion, n))
        }) else {
            findings.add("completions that are none", [seen.value.clone()]);
            continue;
        };
        findings.add(
            "completions that are wrong",
            wrong(ledger, seen, &completion, n),
        );
        found
            .entry((n, completion.subscription_id))
            .or_default()
            .push(seen);
    }
    let doubled = of_id.iter().filter(|(_, count)| **count > 1);
    let doubled = doubled.map(|(id, count)| format!("{id} has {count} completions"));
    findings.add("invocations completed twice", doubled);
    let twice = found.iter().filter(|(_, seen)| seen.len() > 1);
    let twice = twice.map(|((n, subscription), seen)| {
        let places = seen
            .iter()
            .map(|one| format!("{}@{}", one.partition, one.offset));
        let places: Vec<String> = places.collect();
        format!("event {n} for {subscription}: {}", places.join(", "))
    });
    findings.add("events completed twice", twice);
    let mut lost = Vec::new();
    for n in ledger.all_accepted() {
        for subscription in subscribers.of(Mode::of(n)) {
            if !found.contains_key(&(n, subscription.to_owned())) {
                lost.push(format!("event {n} for {subscription}"));
            }
        }
    }
    findings.add("accepted and never completed", lost);
}

/// What is wrong with the completion of the event with this number.
fn wrong(ledger: &Ledger, seen: &Seen, completion: &Completion<'_>, n: u64) -> Vec<String> {
    let mode = Mode::of(n);
    let mut wrong = Vec::new();
    let mut expect = |what: &str, is: &str, should: &str| {
        if is != should {
            wrong.push(format!("event {n}: {what} is {is}, should be {should}"));
        }
    };
    expect("contentJson", completion.content_json.get(), &content(n));
    expect("outcome", &completion.outcome, "COMPLETED");
    expect(
        "error",
        completion.error.map_or("null", RawValue::get),
        "null",
    );
    expect("key", &seen.key, &completion.id);
    expect("triggerId", &completion.trigger_id, mode.trigger());
    if mode != Mode::FireAndForget {
        let is = completion.output.map_or("null", RawValue::get);
        expect("output", is, &output(n));
    }
    let named = ledger.ids(n);
    if !named.is_empty() && !named.contains(&completion.id) {
        wrong.push(format!(
            "event {n}: the start named {named:?}, not {}",
            completion.id
        ));
    }
    if !ledger.knows(n) {
        wrong.push(format!("event {n} was never sent"));
    }
    wrong
}

fn check_calls(calls: &HashMap<String, Vec<Call>>, faults: &Faults, findings: &mut Findings) {
    let mut needless = Vec::new();
    for (id, calls) in calls {
        findings.calls += calls.len();
        let n = number(&calls[0].json());
        for (index, pair) in calls.windows(2).enumerate() {
            if index == 0 && is_put_off(Mode::of(n), n) {
                continue;
            }
            findings.repeated += 1;
            let (maker, again_by) = (pair[0].maker(), pair[1].maker());
            let first = (maker.as_deref(), pair[0].at);
            if !faults.excuse(first, (again_by.as_deref(), pair[1].at)) {
                let by = |call: &Call| call.maker().unwrap_or_else(|| "?".to_owned());
                needless.push(format!(
                    "{id} (event {n}) by {}, and {:.2?} later by {}; around it: {}",
                    by(&pair[0]),
                    pair[1].at - pair[0].at,
                    by(&pair[1]),
                    faults.around(pair[0].at),
                ));
            }
        }
    }
    findings.add("calls repeated for no reason", needless);
}

/// Pairs of an event and a subscription that have a completion.
#[must_use]
pub fn completed(completions: &[Seen]) -> BTreeSet<(u64, String)> {
    let parsed = completions.iter().filter_map(|seen| {
        let completion: Completion<'_> = serde_json::from_str(&seen.value).ok()?;
        Some((
            event_of(completion.content_json)?,
            completion.subscription_id,
        ))
    });
    parsed.collect()
}

/// The longest time without a completion, of those seen between `from` and `until`.
#[must_use]
pub fn longest_silence(completions: &[Seen], from: Instant, until: Instant) -> std::time::Duration {
    let times = completions.iter().map(|seen| seen.at);
    let mut times: Vec<Instant> = times.filter(|at| (from..until).contains(at)).collect();
    times.push(from);
    times.push(until);
    times.sort_unstable();
    let silences = times.windows(2).map(|pair| pair[1] - pair[0]);
    silences.max().unwrap_or_default()
}
