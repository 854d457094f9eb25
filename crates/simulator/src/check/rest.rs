//! What must hold when the world has come to rest.

use serde_json::{Value, json};
use triggerfish_core::{ActionState, Invocation, Timing, action::Verdict, invariant::Invariant};
use triggerfish_log::{Offset, Partition, Topic};
use triggerfish_wire::completion;

use super::{
    Checks, Expected, Seen,
    referee::{Ruling, is_loop},
};

impl Checks {
    /// Whether everything that was handed in has come to its end.
    #[must_use]
    pub(crate) fn is_at_rest(&self) -> bool {
        let now = self.history.now();
        let seen = &*self.seen.lock();
        let is_taken = seen
            .upstream
            .iter()
            .all(|(place, expected)| seen.is_taken(expected, place, now));
        let is_told = |topic: &Topic, id: String| seen.results.contains_key(&(topic.clone(), id));
        let all_ended = seen
            .oracle
            .invocations()
            .all(|one| !one.is_open() && is_told(&self.topics.completions, one.id.to_string()));
        let all_decided = seen.oracle.actions().all(|action| {
            let is_question = action.request.timing == Timing::Before;
            !is_question || is_told(&self.topics.decisions, action.id.to_string())
        });
        let log = &self.topics.invocation_log;
        let all_letters = seen.oracle.unreadable().keys().all(|(partition, offset)| {
            seen.letters
                .contains_key(&(log.clone(), *partition, *offset))
        });
        is_taken && all_ended && all_decided && all_letters
    }

    /// Checks what must hold now.
    pub(crate) fn at_rest(&self) {
        let seen = &mut *self.seen.lock();
        self.check_taken_at_rest(seen);
        let invocations: Vec<Invocation> = seen.oracle.invocations().cloned().collect();
        for invocation in &invocations {
            self.check_outcome(seen, invocation);
            self.check_rules(seen, invocation);
        }
        let actions: Vec<ActionState> = seen.oracle.actions().cloned().collect();
        for action in &actions {
            self.check_decision(seen, action);
        }
        self.check_letters(seen);
    }

    fn check_taken_at_rest(&self, seen: &mut Seen) {
        let nowhere = (self.topics.registry.clone(), Partition(0), Offset::ZERO);
        let acknowledged = seen
            .acknowledged
            .iter()
            .map(|expected| (&nowhere, expected));
        let all = seen.upstream.iter().chain(acknowledged);
        let mut wrong = Vec::new();
        for (place, expected) in all {
            if !seen.is_taken(expected, place, self.history.now()) {
                let invariant = if *expected == Expected::Garbage {
                    Invariant::FoldIsTotal
                } else {
                    Invariant::AcknowledgedIsKept
                };
                wrong.push((invariant, format!("{expected:?} at {place:?} was lost")));
            }
            if let Expected::Event { id, told, .. } = expected {
                let doubled = told
                    .iter()
                    .filter(|told| seen.oracle.of_event(id, **told) > 1);
                wrong.extend(doubled.map(|told| {
                    (
                        Invariant::OneOutcome,
                        format!("event {id} has several invocations for {told}"),
                    )
                }));
            }
        }
        for (invariant, detail) in wrong {
            seen.broken(invariant, detail);
        }
    }

    fn check_outcome(&self, seen: &mut Seen, invocation: &Invocation) {
        let id = invocation.id;
        if invocation.is_open() {
            return seen.broken(Invariant::OneOutcome, format!("{id} has no outcome"));
        }
        let key = (self.topics.completions.clone(), id.to_string());
        let results = seen.results.get(&key).map_or(&[][..], Vec::as_slice);
        let [only] = results else {
            let detail = format!("{id} has {} completions", results.len());
            return seen.broken(Invariant::OneOutcome, detail);
        };
        if only.value != completion::value(invocation) {
            let detail = format!("the completion of {id} is not what the log says");
            seen.broken(Invariant::OutcomeIsFinal, detail);
        }
    }

    /// It ended as the rules say, which are stated without the fold.
    fn check_rules(&self, seen: &mut Seen, invocation: &Invocation) {
        let id = invocation.id;
        let ruling = match seen.ruling(invocation) {
            Ok(Some(ruling)) => ruling,
            Ok(None) => return,
            Err(wrong) => return seen.broken(Invariant::CauseBeforeEffect, wrong),
        };
        let key = (self.topics.completions.clone(), id.to_string());
        let result = seen.results.get(&key).and_then(|results| results.first());
        let value = result.and_then(|result| result.value.as_deref());
        let value: Value = serde_json::from_slice(value.unwrap_or_default()).unwrap_or_default();
        let output = ruling.output.as_deref().unwrap_or(b"null");
        let output: Value = serde_json::from_slice(output).unwrap_or_default();
        let request = &invocation.request;
        let content = serde_json::from_slice(&request.content_json).unwrap_or(Value::Null);
        let whose = json!({
            "id": id.to_string(),
            "type": request.origin.as_str(),
            "triggerId": request.trigger_id,
            "subscriptionId": request.subscription_id.to_string(),
            "contentJson": content,
            "created": request.created.to_string(),
            "completed": ruling.at.map_or_else(|| value["completed"].clone(), |at| at.to_string().into()),
        });
        let mut fields = whose.as_object().into_iter().flatten();
        if let Some((field, _)) = fields.find(|(field, is)| value[field] != **is) {
            let detail = format!("the completion {value} has another {field} than {whose}");
            seen.broken(Invariant::OneOutcome, detail);
        }
        let said = (&value["outcome"], &value["attempts"], &value["output"]);
        if said != (&ruling.outcome.into(), &ruling.attempts.into(), &output) {
            let detail = format!("{id} ended as {value}, and by the rules {ruling:?}");
            seen.broken(Invariant::OneOutcome, detail);
        }
    }

    fn check_decision(&self, seen: &mut Seen, action: &ActionState) {
        let id = action.id;
        if action.finished.is_none() {
            let detail = format!("{id} is not over, though all of its calls are");
            seen.broken(Invariant::OneOutcome, detail);
        }
        if action.request.timing == Timing::After {
            return;
        }
        let Some(decision) = &action.decision else {
            return seen.broken(Invariant::OneDecision, format!("{id} has no decision"));
        };
        let key = (self.topics.decisions.clone(), id.to_string());
        let results = seen.results.get(&key).cloned().unwrap_or_default();
        let [only] = &results[..] else {
            let detail = format!("{id} has {} decisions", results.len());
            return seen.broken(Invariant::OneDecision, detail);
        };
        let value: Value =
            serde_json::from_slice(only.value.as_deref().unwrap_or_default()).unwrap_or_default();
        let told = seen.told.get(&id).copied();
        if value["decision"] != decision.verdict.as_str()
            || told.is_some_and(|told| told != decision.verdict)
        {
            let detail = format!("the decision about {id} is not what the log says");
            seen.broken(Invariant::OneDecision, detail);
        }
        if let Some(verdict) = seen
            .verdict(action)
            .filter(|ruled| *ruled != decision.verdict)
        {
            let detail = format!("{id} was decided, and by the rules it is {verdict:?}");
            seen.broken(Invariant::OneDecision, detail);
        }
    }

    fn check_letters(&self, seen: &mut Seen) {
        let log = &self.topics.invocation_log;
        let counted: Vec<_> = seen
            .oracle
            .unreadable()
            .keys()
            .map(|(partition, offset)| {
                let place = (log.clone(), *partition, *offset);
                (
                    *partition,
                    *offset,
                    seen.letters.get(&place).copied().unwrap_or_default(),
                )
            })
            .collect();
        let most = if seen.forgot_positions { usize::MAX } else { 1 };
        let wrong = counted.into_iter();
        let wrong = wrong.filter(|(_, _, count)| !(1..=most).contains(count));
        for (partition, offset, count) in wrong {
            let detail =
                format!("what can't be read at {partition}@{offset} made {count} dead letters");
            seen.broken(Invariant::FoldIsTotal, detail);
        }
    }
}

impl Seen {
    fn ruling(&self, invocation: &Invocation) -> Result<Option<Ruling>, String> {
        let said = self.oracle.said(invocation.id);
        Ruling::of(
            invocation.id,
            &invocation.request,
            said,
            !self.clock_was_set,
        )
    }

    /// What the rules say of an action that was asked about; `None` where they leave a choice.
    fn verdict(&self, action: &ActionState) -> Option<Verdict> {
        let mut verdict = Verdict::Allow;
        for (part, member) in action.request.parts.iter().zip(&action.members) {
            let invocation = self.oracle.newest(member.invocation)?;
            let ruling = self.ruling(invocation).ok()??;
            let is_denied = ruling.verdict(part.policy) == Verdict::Deny;
            if is_denied || is_loop(action.request.depth) {
                verdict = Verdict::Deny;
            }
        }
        Some(verdict)
    }
}
