//! The view as a map: what every query must answer.

use std::collections::{BTreeMap, BTreeSet};

use triggerfish_core::{
    ActionState, Invocation, InvocationKey, Observation, Outcome, Phase, Seen, SubscriptionId,
    Timestamp, action::expand, apply,
};
use triggerfish_view::{Filter, KeyHash, View};
use triggerfish_wire::envelope;

use crate::world::{Record, SETTINGS, at};

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    invocations: BTreeMap<InvocationKey, Invocation>,
    actions: BTreeMap<InvocationKey, ActionState>,
    log_time: Timestamp,
}

impl Model {
    pub(crate) fn fold(&mut self, record: &Record) {
        let (id, at, observation) = envelope::decode(record.value.clone()).unwrap();
        self.log_time = self.log_time.max(at);
        let offset = record.offset;
        let seen = Seen { id, offset, at };
        if let Observation::ActionAsked(request) = observation {
            if self.action(id.key()).is_none() {
                let expansion = expand(seen, request);
                self.actions.insert(id.key(), expansion.action);
                let states = expansion.members.into_iter().filter_map(|step| step.state);
                self.invocations
                    .extend(states.map(|state| (state.id.key(), state)));
            }
            return;
        }
        let known = self.get(id.key()).cloned();
        let step = apply(known, seen, observation);
        if let (None, Some(state)) = (step.ignored, step.state) {
            let member = state.request.member.clone();
            let action = member.map(|member| member.action_id.key());
            if let Some(action) = action
                && self.action(action).is_some()
            {
                let _ = self.actions.get_mut(&action).unwrap().told(&state, offset);
            }
            self.invocations.insert(id.key(), state);
        }
    }

    fn get(&self, key: InvocationKey) -> Option<&Invocation> {
        let known = self.invocations.get(&key);
        known.filter(|known| self.is_kept(known))
    }

    fn action(&self, key: InvocationKey) -> Option<&ActionState> {
        let known = self.actions.get(&key);
        known.filter(|known| {
            let kept = |at: Timestamp| at.after(SETTINGS.keep_callbacks) >= self.log_time;
            known.finished.is_none_or(kept)
        })
    }

    fn is_kept(&self, invocation: &Invocation) -> bool {
        invocation.closing().is_none_or(|closing| {
            let keep = match closing.outcome {
                _ if invocation.request.member.is_some() => SETTINGS.keep_callbacks,
                Outcome::Completed(_) => SETTINGS.keep_completed,
                Outcome::Failed { .. } | Outcome::Expired { .. } => SETTINGS.keep_failed,
            };
            closing.at.after(keep) >= self.log_time
        })
    }

    /// All that is kept, newest first.
    fn kept(&self) -> Vec<&Invocation> {
        let mut kept: Vec<_> = self
            .invocations
            .values()
            .filter(|i| self.is_kept(i))
            .collect();
        kept.sort_by_key(|invocation| std::cmp::Reverse(invocation.place()));
        kept
    }

    fn open(&self) -> Vec<&Invocation> {
        let kept = self.kept().into_iter();
        kept.filter(|invocation| invocation.is_open()).collect()
    }

    /// Asks `view` everything that can be asked and compares.
    pub(crate) fn check(&self, view: &mut View, keys: impl Iterator<Item = InvocationKey>) {
        assert_eq!(view.log_time(), self.log_time);
        let snapshot = view.snapshot();
        for key in keys {
            assert_eq!(view.get(key).unwrap().as_ref(), self.get(key));
            assert_eq!(snapshot.get(key).unwrap().as_ref(), self.get(key));
            assert_eq!(view.action(key).unwrap().as_deref(), self.action(key));
        }
        let open = self.open();
        let queued = open
            .iter()
            .filter(|i| matches!(i.phase, Phase::Due { .. }))
            .count();
        let counts = view.counts();
        assert_eq!(
            (counts.open, counts.queued),
            (open.len() as u64, queued as u64)
        );
        let oldest = self.kept().last().map(|invocation| invocation.offset);
        let actions = self.actions.keys().filter_map(|key| self.action(*key));
        let oldest = oldest
            .into_iter()
            .chain(actions.map(|action| action.offset))
            .min();
        assert_eq!(view.oldest_kept().unwrap(), oldest);
        self.check_deadlines(view);
        self.check_calls(view);
        self.check_listings(view);
    }

    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        let open = self.open().into_iter();
        open.map(|invocation| invocation.request.deadline).min()
    }

    fn check_deadlines(&self, view: &mut View) {
        let open = self.open();
        assert_eq!(view.next_deadline().unwrap(), self.next_deadline());
        for now in [self.log_time, at(100), Timestamp::MAX] {
            let mut passed: Vec<_> = open
                .iter()
                .filter(|invocation| invocation.request.deadline <= now)
                .map(|invocation| {
                    (
                        invocation.request.deadline,
                        invocation.place(),
                        invocation.id,
                    )
                })
                .collect();
            passed.sort();
            let passed: Vec<_> = passed.into_iter().map(|(_, _, id)| id).collect();
            assert_eq!(view.deadlines_until(now, usize::MAX).unwrap(), passed);
            let some = view.deadlines_until(now, 3).unwrap();
            assert_eq!(some.len(), passed.len().min(3));
            assert!(some.iter().all(|id| passed.contains(id)));
        }
    }

    fn check_calls(&self, view: &View) {
        let mut unordered: BTreeMap<SubscriptionId, BTreeMap<_, &Invocation>> = BTreeMap::new();
        let mut ordered: BTreeMap<SubscriptionId, BTreeMap<KeyHash, BTreeMap<u64, &Invocation>>> =
            BTreeMap::new();
        for invocation in self.open() {
            let Phase::Due { due, .. } = invocation.phase else {
                continue;
            };
            let subscription = invocation.request.subscription_id;
            if let Some(key) = &invocation.request.ordering_key {
                let keys = ordered.entry(subscription).or_default();
                let calls = keys.entry(KeyHash::of(key)).or_default();
                calls.insert(invocation.place(), invocation);
            } else {
                let calls = unordered.entry(subscription).or_default();
                calls.insert((due, invocation.offset), invocation);
            }
        }
        let expected: BTreeSet<_> = unordered.keys().chain(ordered.keys()).copied().collect();
        let subscriptions = view.subscriptions_with_calls().unwrap();
        assert_eq!(subscriptions, expected.into_iter().collect::<Vec<_>>());
        for subscription in subscriptions {
            let calls = unordered.remove(&subscription).unwrap_or_default();
            let calls: Vec<_> = calls.into_values().cloned().collect();
            assert_eq!(all_calls(view, subscription), calls);
            let keys = ordered.remove(&subscription).unwrap_or_default();
            assert_eq!(
                all_keys(view, subscription),
                keys.keys().copied().collect::<Vec<_>>()
            );
            for (hash, calls) in keys {
                let after = calls.keys().map(|place| place + 1);
                for from in [0].into_iter().chain(after) {
                    let found = view.head_of_key(subscription, hash, from).unwrap();
                    let head = calls.range(from..).next().map(|(_, head)| *head);
                    assert_eq!(found.as_ref(), head);
                }
            }
        }
    }

    fn check_listings(&self, view: &mut View) {
        let snapshot = view.snapshot();
        let some: BTreeSet<_> = [0, 2].map(crate::world::subscription).into();
        let all = self.kept();
        let middle = all.get(all.len() / 2).map(|found| found.place());
        for subscriptions in [None, Some(some)] {
            for (open_only, before) in
                [(false, None), (true, None), (false, middle), (true, middle)]
            {
                let filter = Filter {
                    subscriptions: subscriptions.clone(),
                    open_only,
                    before,
                };
                let expected: Vec<_> = self
                    .kept()
                    .into_iter()
                    .filter(|i| i.is_open() || !open_only)
                    .filter(|i| before.is_none_or(|before| i.place() < before))
                    .filter(|i| {
                        let wanted = subscriptions.as_ref();
                        wanted.is_none_or(|wanted| wanted.contains(&i.request.subscription_id))
                    })
                    .cloned()
                    .collect();
                assert_eq!(snapshot.count(&filter).unwrap(), expected.len() as u64);
                assert_eq!(snapshot.latest(&filter, 1000).unwrap(), expected);
                let few = expected.len().min(2);
                assert_eq!(snapshot.latest(&filter, 2).unwrap(), expected[..few]);
            }
        }
        assert_eq!(snapshot.latest(&Filter::default(), 0).unwrap(), []);
        let mut soonest: Vec<Invocation> = self.open().into_iter().cloned().collect();
        soonest.sort_by_key(|invocation| (invocation.request.deadline, invocation.place()));
        for limit in [0, 2, 1000] {
            let expected = &soonest[..soonest.len().min(limit)];
            let found = snapshot.soonest(&Filter::default(), limit).unwrap();
            assert_eq!(found, expected);
        }
    }
}

/// All calls of a subscription, by pages of two.
pub(crate) fn all_calls(view: &View, subscription: SubscriptionId) -> Vec<Invocation> {
    let (mut calls, mut after) = (Vec::new(), None);
    loop {
        let page = view.due_calls(subscription, after, 2).unwrap();
        let Some(last) = page.last() else {
            return calls;
        };
        let Phase::Due { due, .. } = last.phase else {
            panic!("{last:?} owes no call");
        };
        after = Some((due, last.offset));
        calls.extend(page);
    }
}

/// All ordering keys of a subscription, one by one.
pub(crate) fn all_keys(view: &View, subscription: SubscriptionId) -> Vec<KeyHash> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = view.ordering_keys(subscription, after, 1).unwrap();
        let Some(last) = page.last() else {
            return keys;
        };
        after = Some(*last);
        keys.extend(page);
    }
}
