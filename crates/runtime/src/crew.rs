//! The partitions that are owned and the roles that work on them.
//!
//! Everything here is synchronous and knows no session, so the loop can go on with it
//! while a commit is under way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::{sync::watch, time::Instant};
use triggerfish_core::{Effect, Invocation, Timestamp};
use triggerfish_log::{GroupName, NewRecord, Offset, Partition, Record, Topic};
use triggerfish_ops::{
    health::{Condition, Readiness},
    metrics,
};
use triggerfish_view::Error;

#[cfg(feature = "faults")]
use crate::faults::{self, Fault};
use crate::{
    clock::Clock,
    dead_letter::dead_letter,
    fold::{Acted, Folded, fold},
    handle::{PartitionStatus, Query},
    owned::{Owned, Phase, Waiting},
    pulse::Pulse,
    role::{Role, Views},
};

pub(crate) struct Crew {
    pub(crate) partitions: BTreeMap<Partition, Owned>,
    roles: Vec<Box<dyn Role>>,
    clock: Arc<dyn Clock>,
    /// Where unreadable records go; none where another group emits them.
    dead_letters: Option<Topic>,
    readiness: Readiness,
    /// Met while the group counts this worker in.
    membership: Condition,
    /// One for each owned partition; gone when the partition is.
    conditions: BTreeMap<Partition, Condition>,
    /// What runs, for those who ask from elsewhere.
    running: watch::Sender<BTreeSet<Partition>>,
    pulse: Pulse,
}

impl Crew {
    pub(crate) fn new(
        roles: Vec<Box<dyn Role>>,
        clock: Arc<dyn Clock>,
        dead_letters: Option<Topic>,
        readiness: Readiness,
        group: &GroupName,
    ) -> Self {
        Self {
            partitions: BTreeMap::new(),
            roles,
            clock,
            dead_letters,
            membership: readiness.condition(format!("group {group}")),
            readiness,
            conditions: BTreeMap::new(),
            running: watch::Sender::default(),
            pulse: Pulse::new(Instant::now()),
        }
    }

    /// The loop goes round.
    pub(crate) fn beat(&mut self) {
        self.pulse.beat(Instant::now());
    }

    /// Whether what is known of the partitions is what the group knew a moment ago.
    pub(crate) fn is_sure(&self) -> bool {
        self.pulse.is_sure(Instant::now())
    }

    pub(crate) fn running(&self) -> watch::Receiver<BTreeSet<Partition>> {
        self.running.subscribe()
    }

    fn show_running(&self) {
        let running = self.partitions.iter();
        let running = running.filter_map(|(p, owned)| owned.is_running().then_some(*p));
        let running: BTreeSet<Partition> = running.collect();
        self.running.send_if_modified(|shown| {
            let is_new = *shown != running;
            *shown = running;
            is_new
        });
    }

    /// Lets every role do what is due; returns how long nothing will be, `idle` at most.
    /// Nobody acts after the loop stood still until the group has been heard.
    pub(crate) fn act(&mut self, idle: Duration) -> Duration {
        if !self.is_sure() {
            return idle;
        }
        let now = self.clock.now();
        let mut views = Views(&mut self.partitions);
        let next = self
            .roles
            .iter_mut()
            .filter_map(|role| role.act(now, &mut views))
            .min();
        next.map_or(idle, |next: Timestamp| {
            now.until(next).clamp(Duration::from_millis(1), idle)
        })
    }

    /// Folds `records`; returns what has to go out in the next commit.
    pub(crate) fn fold(&mut self, records: &[Record]) -> Result<Vec<NewRecord>, Error> {
        let mut outputs = Vec::new();
        for record in records {
            self.fold_one(record, &mut outputs)?;
        }
        for owned in self.partitions.values_mut() {
            owned.answer_waiting()?;
        }
        self.start_what_caught_up();
        Ok(outputs)
    }

    fn fold_one(&mut self, record: &Record, outputs: &mut Vec<NewRecord>) -> Result<(), Error> {
        let Some(owned) = self.partitions.get_mut(&record.partition) else {
            return Ok(());
        };
        if record.offset.0 < owned.view.position() {
            return Ok(());
        }
        match fold(&mut owned.view, record)? {
            Folded::Applied(invocation, effects, acted) => {
                let mut stage = Stage {
                    roles: &mut self.roles,
                    owned,
                    outputs,
                };
                stage.applied(record, &invocation, &effects);
                if let Some(acted) = acted {
                    stage.acted(&acted);
                }
            }
            Folded::Asked(members, acted) => {
                let mut stage = Stage {
                    roles: &mut self.roles,
                    owned,
                    outputs,
                };
                for (invocation, effects) in &members {
                    stage.applied(record, invocation, effects);
                }
                stage.acted(&acted);
            }
            Folded::Ignored => {}
            #[cfg(feature = "faults")]
            Folded::Unreadable(_) if faults::is_on(Fault::UnreadableForgotten) => {}
            #[cfg(feature = "faults")]
            Folded::Unreadable(_) if faults::is_on(Fault::UnreadableStops) => {
                owned.phase = Phase::Released;
            }
            Folded::Unreadable(reason) => {
                let Some(topic) = &self.dead_letters else {
                    return Ok(());
                };
                tracing::error!(partition = %record.partition, offset = %record.offset, reason, "unreadable record goes to dead-letters");
                metrics::dead_letter("unreadable");
                outputs.push(dead_letter(topic, record, &reason));
            }
        }
        Ok(())
    }

    /// The group has said which partitions are ours, if any.
    pub(crate) fn joined(&self) {
        self.membership.met();
    }

    /// What the group said is void.
    pub(crate) fn left(&self) {
        self.membership.unmet("joining anew");
    }

    /// A partition is ours; its view is being restored.
    pub(crate) fn expect(&mut self, partition: Partition) {
        let condition = self.readiness.condition(format!("partition {partition}"));
        condition.unmet("restoring its view");
        self.conditions.insert(partition, condition);
    }

    /// The view of a partition has been restored.
    pub(crate) fn take_over(&mut self, partition: Partition, owned: Owned) {
        self.partitions.insert(partition, owned);
        self.start_what_caught_up();
    }

    /// Partitions whose fold has reached the end of the log as it was when they were
    /// restored begin to act.
    fn start_what_caught_up(&mut self) {
        let mut started = false;
        for (partition, owned) in &mut self.partitions {
            if owned.phase != Phase::CatchingUp || !owned.has_caught_up() {
                continue;
            }
            owned.phase = Phase::Running;
            started = true;
            if let Some(condition) = self.conditions.get(partition) {
                condition.met();
            }
            tracing::info!(%partition, position = owned.view.position(), open = owned.view.counts().open, "partition running");
            for role in &mut self.roles {
                role.opened(*partition, &mut owned.view);
            }
        }
        if started {
            self.show_running();
        }
    }

    /// The partitions that are owned, whether or not their views are there yet.
    pub(crate) fn expected(&self) -> Vec<Partition> {
        let all = self.conditions.keys().chain(self.partitions.keys());
        let all: BTreeSet<Partition> = all.copied().collect();
        all.into_iter().collect()
    }

    /// Where the fold of each partition stands.
    pub(crate) fn positions(&self) -> impl Iterator<Item = (Partition, Offset)> {
        let position =
            |(partition, owned): (&Partition, &Owned)| (*partition, Offset(owned.view.position()));
        self.partitions.iter().map(position)
    }

    /// The roles start nothing new for these partitions.
    pub(crate) fn leave(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            if let Some(owned) = self.partitions.get_mut(partition) {
                owned.phase = Phase::Leaving;
                owned.forget_questions();
            }
            self.roles
                .iter_mut()
                .for_each(|role| role.leaving(*partition));
        }
        self.show_running();
    }

    /// Whether nothing is under way for these partitions.
    pub(crate) fn is_idle_for(&self, partitions: &[Partition]) -> bool {
        let idle =
            |partition: &Partition| self.roles.iter().all(|role| role.is_idle_for(*partition));
        partitions.iter().all(idle)
    }

    /// The roles append nothing for these partitions from here on.
    pub(crate) fn release(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            if let Some(owned) = self.partitions.get_mut(partition) {
                owned.phase = Phase::Released;
                owned.forget_questions();
            }
            self.roles
                .iter_mut()
                .for_each(|role| role.released(*partition));
        }
        self.show_running();
    }

    /// The partitions are gone.
    pub(crate) fn forget(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            self.partitions.remove(partition);
            self.conditions.remove(partition);
        }
        self.show_running();
    }

    /// The roles start nothing new.
    pub(crate) fn drain(&mut self) {
        self.roles.iter_mut().for_each(|role| role.drain());
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.roles.iter().all(|role| role.is_idle())
    }

    /// Answers, or lets the asker go away empty-handed: what is not known for sure is not told.
    pub(crate) fn answer(&mut self, query: Query) -> Result<(), Error> {
        if !self.is_sure() {
            return Ok(());
        }
        // Whoever asked may have given up waiting; a failed send is no error.
        match query {
            Query::Get {
                partition,
                after,
                key,
                reply,
            } => {
                let owned = self.partitions.get_mut(&partition);
                let Some(owned) = owned.filter(|owned| owned.is_running()) else {
                    return Ok(());
                };
                match after.filter(|after| *after >= Offset(owned.view.position())) {
                    Some(after) => owned.waiting.push(Waiting { after, key, reply }),
                    None => drop(reply.send(owned.view.get(key)?)),
                }
            }
            Query::Action {
                partition,
                after,
                key,
                asker,
            } => {
                let owned = self.partitions.get_mut(&partition);
                let Some(owned) = owned.filter(|owned| owned.is_running()) else {
                    return Ok(());
                };
                let is_folded = after.is_none_or(|after| after < Offset(owned.view.position()));
                let known = owned.view.action(key)?;
                match known {
                    Some(action) if asker.stage.is_reached_by(&action) => {
                        drop(asker.reply.send(Some(action)));
                    }
                    None if is_folded => drop(asker.reply.send(None)),
                    _ => owned.asking.add(key, asker),
                }
            }
            Query::Snapshots { reply } => {
                let running = self
                    .partitions
                    .iter_mut()
                    .filter(|(_, owned)| owned.is_running());
                drop(
                    reply.send(
                        running
                            .map(|(p, owned)| (*p, owned.view.snapshot()))
                            .collect(),
                    ),
                );
            }
            Query::Status { reply } => {
                let status = self
                    .partitions
                    .iter()
                    .map(|(partition, owned)| PartitionStatus {
                        partition: *partition,
                        running: owned.is_running(),
                        position: owned.view.position(),
                        open: owned.view.counts().open,
                        queued: owned.view.counts().queued,
                        tally: owned.tally,
                    });
                drop(reply.send(status.collect()));
            }
        }
        Ok(())
    }
}

/// One partition while a record of it is folded, and whoever has to hear of that.
struct Stage<'c> {
    roles: &'c mut [Box<dyn Role>],
    owned: &'c mut Owned,
    outputs: &'c mut Vec<NewRecord>,
}

impl Stage<'_> {
    fn applied(&mut self, record: &Record, invocation: &Invocation, effects: &[Effect]) {
        if self.owned.is_running() {
            self.owned.tally.count(invocation, record.offset.0);
        }
        for role in &mut *self.roles {
            role.outputs(invocation, effects, self.outputs);
            if self.owned.is_running() {
                role.applied(record.partition, invocation, effects);
            }
        }
    }

    fn acted(&mut self, acted: &Acted) {
        if acted.effect == Some(Effect::EmitDecision) {
            for role in &mut *self.roles {
                role.decided(&acted.action, self.outputs);
            }
        }
        self.owned.asking.tell(&acted.action);
    }
}
