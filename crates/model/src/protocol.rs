//! The model: which steps are possible, and what each does.

mod possible;
mod take;

use stateright::{Model, Property};

use crate::{
    Clock, Group, Log, Memory, Rule, State, Step, View, Worker,
    property::{Claim, claims},
};

/// How much may go wrong in one history. Within these limits every history is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Crashes, rebalances that the owner does not hear of, and lost disks together.
    pub faults: u8,
    /// Appends that are made again.
    pub repeats: u8,
    /// Results that the subscriber posts.
    pub callbacks: u8,
    /// Whether the subscriber may be unavailable, so that it is called again.
    pub retries: bool,
    /// How often each worker saves its view.
    pub saves: u8,
}

/// The completion protocol for one invocation in one partition.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// How much may go wrong.
    pub limits: Limits,
    /// The rule that is broken on purpose.
    pub without: Option<Rule>,
}

impl Protocol {
    fn keeps(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// The steps that come by themselves sooner or later: whoever can do them does them.
    /// Faults, repetitions and callbacks may as well never come.
    pub(crate) fn is_settled(&self, state: &State) -> bool {
        let mut steps = Vec::new();
        self.regular(state, &mut steps);
        steps.is_empty()
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let owner = Worker {
            memory: Some(Memory::at(1, View::default(), 0, 0)),
            ..Worker::default()
        };
        vec![State {
            now: Clock::BeforeDeadline,
            intake: true,
            log: Log::default(),
            group: Group {
                generation: 1,
                owner: Some(0),
                committed: 0,
            },
            completions: Vec::new(),
            workers: [owner, Worker::default()],
            calls: [0; 2],
            excused: [0; 2],
            uncaused: false,
            faults: 0,
            repeats: 0,
            callbacks: 0,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        self.regular(state, steps);
        self.optional(state, steps);
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut next = last.clone();
        self.take(&mut next, step);
        debug_assert!(next.rank() > last.rank(), "{step:?} leads back");
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let properties = claims().map(|(name, claim)| match claim {
            Claim::Always(holds) => Property::always(name, holds),
            Claim::Sometimes(happens) => Property::sometimes(name, happens),
        });
        properties.collect()
    }
}
