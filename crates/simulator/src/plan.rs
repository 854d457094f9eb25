//! What is going to happen in a world: drawn from a seed.

use std::ops::Range;

use crate::{
    cast::{self, Kind},
    chance::Chance,
    disk::Mishap,
    life::Seam,
};

/// How the roles are spread over loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Dispatcher and completion-consumer share a fold.
    Together,
    /// Each has its own, in a group of its own.
    Apart,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// An event is produced to its topic, so many times.
    Event {
        /// Which one.
        number: u32,
        /// What fires.
        kind: Kind,
        /// How often it is produced.
        copies: u32,
    },
    /// An event is posted to a process, until one takes it.
    Start {
        /// Which one.
        number: u32,
        /// What fires.
        kind: Kind,
    },
    /// A platform asks before an action, or tells after one.
    Ask {
        /// Which one.
        number: u32,
        /// By HTTP, else by its topic.
        by_http: bool,
        /// Before it, else after.
        is_before: bool,
        /// How long it waits, in milliseconds.
        budget: u64,
    },
    /// Something that can't be taken comes into a topic.
    Garbage {
        /// Into the invocation log, else among the events.
        in_log: bool,
        /// Which kind.
        number: u32,
    },
    /// A record of the invocation log comes again.
    Echo {
        /// Says which one.
        number: u32,
    },
    /// A process is killed.
    Crash {
        /// Which one.
        host: usize,
        /// Where.
        seam: Seam,
        /// For how many milliseconds it is down.
        down: u64,
        /// What happens to its disk meanwhile.
        mishap: Mishap,
    },
    /// A process ends in good order.
    Stop {
        /// Which one.
        host: usize,
        /// For how many milliseconds it is down.
        down: u64,
        /// What happens to its disk meanwhile.
        mishap: Mishap,
    },
    /// A process stands still.
    Freeze {
        /// Which one.
        host: usize,
        /// For how many milliseconds.
        still: u64,
    },
    /// The clock of a host is set.
    Jump {
        /// Which one.
        host: usize,
        /// By how many milliseconds.
        by: i64,
    },
    /// All processes are down for so long that the log forgets how far their groups are.
    Forget {
        /// For how many milliseconds.
        down: u64,
        /// What happens to their disks meanwhile.
        mishap: Mishap,
    },
    /// A subscription is switched on or off.
    Switch {
        /// Which one.
        subscription: u32,
        /// On, else off.
        on: bool,
    },
    /// A subscriber can't be reached, or refuses everything.
    Away {
        /// Which one.
        subscriber: u32,
        /// It answers, and refuses.
        refuses: bool,
        /// For how many milliseconds.
        down: u64,
    },
    /// The log can't be reached.
    Outage {
        /// For how many milliseconds.
        down: u64,
    },
}

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Milliseconds from the beginning.
    pub at: u64,
    /// What.
    pub what: What,
}

impl Step {
    /// The same at the same time, of another number.
    fn again(&self, number: u32) -> Self {
        let mut again = self.clone();
        if let What::Event { number: of, .. }
        | What::Start { number: of, .. }
        | What::Ask { number: of, .. } = &mut again.what
        {
            *of = number;
        }
        again
    }
}

/// See the head of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What everything that is not planned is drawn from.
    pub seed: u64,
    /// How the roles are spread.
    pub layout: Layout,
    /// How many processes there are.
    pub hosts: usize,
    /// How many milliseconds after the one before each of them starts.
    pub apart: u64,
    /// One call of the log in so many goes wrong; none if 0.
    pub trouble: u64,
    /// What the processes say to each other is slow or lost now and then.
    pub is_noisy: bool,
    /// In the order of their times.
    pub steps: Vec<Step>,
}

/// Until when something begins, in milliseconds.
const SPAN: u64 = 25_000;

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::of(seed, b"plan");
        let layout = chance.pick(&[Layout::Together, Layout::Apart]);
        let hosts = chance.pick(&[1, 2, 2, 3]);
        let apart = chance.pick(&[0, 0, 3_000, 7_000]);
        // In some, only what is outside of the system is bad, so that nothing excuses it.
        let is_calm = chance.once_in(4);
        let trouble = chance.pick(&[0, 0, 40, 12]);
        let trouble = if is_calm { 0 } else { trouble };
        let is_noisy = !is_calm && chance.once_in(2);
        let mut steps: Vec<Step> = Vec::new();
        for number in 0..u32::try_from(chance.within(4..14)).unwrap_or(4) {
            let what = work(&mut chance, number);
            let at = chance.within(0..SPAN);
            let step = steps.last().filter(|_| chance.once_in(3));
            steps.push(match step {
                Some(before) if chance.once_in(2) => before.again(number),
                Some(before) => Step {
                    at: before.at,
                    what,
                },
                None => Step { at, what },
            });
        }
        if chance.once_in(4) {
            steps.extend(rush(&mut chance));
        }
        for number in 0..u32::try_from(chance.within(0..9)).unwrap_or(0) {
            let what = if is_calm && chance.once_in(4) {
                orderly(&mut chance, hosts)
            } else if is_calm || chance.once_in(4) {
                nuisance(&mut chance, number)
            } else {
                fault(&mut chance, number, hosts)
            };
            steps.push(Step {
                at: chance.within(0..SPAN),
                what,
            });
        }
        steps.sort_by_key(|step| step.at);
        Self {
            seed,
            layout,
            hosts,
            apart,
            trouble,
            is_noisy,
            steps,
        }
    }

    /// The same with other steps.
    #[must_use]
    pub fn with(&self, steps: Vec<Step>) -> Self {
        Self {
            steps,
            ..self.clone()
        }
    }
}

fn work(chance: &mut Chance, number: u32) -> What {
    let kind = chance.pick(&Kind::ALL);
    match chance.within(0..10) {
        0..=4 => What::Event {
            number,
            kind,
            copies: chance.pick(&[1, 1, 1, 2, 3]),
        },
        5..=7 => What::Start { number, kind },
        _ => What::Ask {
            number,
            by_http: chance.once_in(2),
            is_before: !chance.once_in(4),
            budget: chance.pick(&[300, 1_500, 3_000]),
        },
    }
}

/// Many events for one subscriber, who may not be fit for them.
fn rush(chance: &mut Chance) -> Vec<Step> {
    /// No other step has one of these.
    const NUMBERS: Range<u32> = 20..28;
    let kind = chance.pick(&Kind::ALL);
    let subscriber = match kind {
        Kind::Sync => 1,
        Kind::Async => 2,
        Kind::Dynamic => 3,
        Kind::Told => chance.pick(&[4, 5, 6]),
    };
    let mut at = chance.within(0..SPAN);
    let away = chance.once_in(2).then(|| Step {
        at,
        what: What::Away {
            subscriber,
            refuses: chance.once_in(2),
            down: chance.within(1_000..8_000),
        },
    });
    let apart = chance.pick(&[0, 100, 600]);
    let events = NUMBERS.map(|number| {
        at += apart;
        let what = What::Event {
            number,
            kind,
            copies: 1,
        };
        Step { at, what }
    });
    away.into_iter().chain(events).collect()
}

/// What the world outside does.
fn nuisance(chance: &mut Chance, number: u32) -> What {
    match chance.within(0..7) {
        0 | 1 => What::Garbage {
            in_log: !chance.once_in(3),
            number,
        },
        2 => What::Echo { number },
        3 | 4 => What::Switch {
            subscription: chance.pick(&cast::SWITCHED),
            on: chance.once_in(2),
        },
        _ => What::Away {
            subscriber: chance.pick(&[1, 2, 3, 4, 5, 6]),
            refuses: chance.once_in(3),
            down: chance.within(500..12_000),
        },
    }
}

/// What an operator does.
fn orderly(chance: &mut Chance, hosts: usize) -> What {
    What::Stop {
        host: usize::try_from(chance.next()).unwrap_or(0) % hosts,
        down: chance.within(50..4_000),
        mishap: chance.pick(&[Mishap::None, Mishap::Lost]),
    }
}

/// What goes wrong inside.
fn fault(chance: &mut Chance, number: u32, hosts: usize) -> What {
    let host = usize::try_from(chance.next()).unwrap_or(0) % hosts;
    let down = chance.within(50..4_000);
    let mishap = chance.pick(&[Mishap::None, Mishap::None, Mishap::Lost, Mishap::Older]);
    match chance.within(0..13) {
        0..=4 => What::Crash {
            host,
            seam: chance.pick(&Seam::ALL),
            down,
            mishap,
        },
        5 | 6 => What::Stop { host, down, mishap },
        7 | 8 => What::Freeze {
            host,
            still: chance.within(500..14_000),
        },
        9 => What::Jump {
            host,
            by: i64::try_from(chance.within(0..40_000)).unwrap_or(0) - 20_000,
        },
        10 => What::Outage {
            down: chance.within(100..6_000),
        },
        11 => What::Forget {
            down: chance.within(1_000..4_000),
            mishap,
        },
        _ => What::Echo { number },
    }
}
