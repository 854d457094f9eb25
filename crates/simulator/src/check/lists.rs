//! What must hold of what processes tell when somebody asks for all invocations.

use std::collections::BTreeMap;

use triggerfish_api::ports::Listing;
use triggerfish_core::{
    Invocation, InvocationId,
    invariant::{Invariant, Violation},
};
use triggerfish_log::Offset;

use super::Checks;
use crate::life::Life;

/// What there was when somebody asked for it.
pub(crate) struct Look {
    at: u64,
    changes: BTreeMap<InvocationId, Offset>,
}

impl Checks {
    /// What there is now, for whoever looks at it a moment later.
    pub(crate) fn as_it_is(&self) -> Look {
        Look {
            at: self.history.now(),
            changes: self.seen.lock().oracle.changes(),
        }
    }

    /// A process has told invocations, as it knew them: each once, as it was at some time, and
    /// nothing is missing that was there before somebody asked.
    pub(crate) fn seen_by(&self, by: &Life, look: &Look, listing: &Listing) {
        let now = self.history.now();
        let seen = &mut *self.seen.lock();
        let told = listing.invocations.iter();
        let known: BTreeMap<_, _> = told.map(|one| (one.id, seen.oracle.knew(one))).collect();
        let mut wrong = Vec::new();
        if known.len() != listing.invocations.len() {
            let detail = format!("{} tells an invocation twice", by.name());
            wrong.push((Invariant::OneOutcome, detail));
        }
        if let Some((never, _)) = known.iter().find(|(_, until)| until.is_none()) {
            let detail = format!("{} tells what {never} never was", by.name());
            wrong.push((Invariant::RebuildEqualsLive, detail));
        }
        let is_new = |(id, offset): &(&InvocationId, &Offset)| {
            let until = known.get(*id).copied().flatten();
            until.is_some_and(|until| until > **offset)
        };
        let mut changes = look.changes.iter();
        if seen.troubles.is_calm(look.at, now)
            && let Some((old, _)) = changes.find(|change| !is_new(change))
        {
            let detail = format!("{} tells nothing, or nothing new, of {old}", by.name());
            wrong.push((Invariant::AcknowledgedIsKept, detail));
        }
        seen.broken.extend(
            wrong
                .into_iter()
                .map(|(invariant, detail)| Violation { invariant, detail }),
        );
    }

    /// A process has told all invocations that there are.
    pub(crate) fn listed(&self, by: &Life, listing: &Listing) {
        let seen = &mut *self.seen.lock();
        let told: BTreeMap<_, _> = listing
            .invocations
            .iter()
            .map(|one| (one.id, one))
            .collect();
        let count = seen.oracle.invocations().count();
        let mut wrong = Vec::new();
        if [listing.invocations.len(), told.len(), listing.total] != [count; 3] {
            let (rows, ids, total) = (listing.invocations.len(), told.len(), listing.total);
            wrong.push(format!(
                "{rows} rows with {ids} ids of {total} for {count} invocations"
            ));
        }
        if !is_newest_first(&listing.invocations) {
            wrong.push("invocations in another order than newest first".to_owned());
        }
        let others = seen
            .oracle
            .invocations()
            .filter(|one| told.get(&one.id) != Some(one));
        wrong.extend(others.map(|one| format!("{:?} for {one:?}", told.get(&one.id))));
        for wrong in wrong {
            let detail = format!("{} tells {wrong}", by.name());
            seen.broken(Invariant::AcknowledgedIsKept, detail);
        }
    }
}

/// Those of one partition in the order of its log, and of all partitions always the newest of
/// those that are next.
pub(crate) fn is_newest_first(listed: &[Invocation]) -> bool {
    let mut left: BTreeMap<u16, Vec<&Invocation>> = BTreeMap::new();
    for one in listed {
        left.entry(one.id.partition()).or_default().push(one);
    }
    for of_one in left.values_mut() {
        of_one.sort_unstable_by_key(|one| one.place());
    }
    listed.iter().all(|one| {
        let mut next = left.values().filter_map(|of_one| of_one.last());
        let is_newest = next.all(|other| other.request.created <= one.request.created);
        let own = left.get_mut(&one.id.partition()).and_then(Vec::pop);
        is_newest && own.is_some_and(|own| own.id == one.id)
    })
}
