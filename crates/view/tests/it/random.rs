//! Random logs, saved, reopened and rebuilt at random points.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use triggerfish_core::{InvocationKey, Observation, Reply};
use triggerfish_view::{Save, Saved, View};

use crate::{
    model::Model,
    world::{
        Asked, Record, SETTINGS, action_asked, action_id, at, attempted, catch_up, completed, fold,
        id, identity, member_id, requested, unavailable,
    },
};

const KEYS: u64 = 10;

#[derive(Clone, Debug)]
enum Act {
    Record {
        gap: u64,
        wait: i64,
        key: u64,
        seen: Saw,
    },
    BeginSave,
    RunSave,
    FinishSave,
    Reopen,
    Check,
}

#[derive(Clone, Debug)]
enum Saw {
    Request {
        subscription: u64,
        ordering_key: Option<u64>,
        allowed: u64,
        payload: usize,
    },
    Attempt {
        attempt: u32,
        reply: Reply,
    },
    Completion {
        output: usize,
    },
    Deadline,
    Question {
        parts: u64,
        depth: u32,
        payload: usize,
    },
    /// Of one callback of an action, or of its silence.
    Answer {
        part: u64,
        reply: Option<Reply>,
    },
}

fn saw() -> impl Strategy<Value = Saw> {
    let reply = prop_oneof![
        1 => Just(Reply::Acknowledged),
        1 => Just(Reply::Answered(Bytes::from_static(b"true"))),
        3 => Just(unavailable()),
    ];
    prop_oneof![
        8 => (0_u64..4, proptest::option::of(0_u64..2), 10_u64..2000, prop_oneof![
            9 => 0_usize..600,
            1 => 4000_usize..9000,
        ]).prop_map(|(subscription, ordering_key, allowed, payload)| Saw::Request {
            subscription, ordering_key, allowed, payload
        }),
        6 => (1_u32..4, reply).prop_map(|(attempt, reply)| Saw::Attempt { attempt, reply }),
        2 => prop_oneof![0_usize..40, 500_usize..3000].prop_map(|output| Saw::Completion { output }),
        2 => Just(Saw::Deadline),
        4 => (0_u64..5, 0_u32..5, 0_usize..300)
            .prop_map(|(parts, depth, payload)| Saw::Question { parts, depth, payload }),
        8 => (0_u64..5, proptest::option::of(prop_oneof![Just(Reply::Delivered), Just(unavailable())]))
            .prop_map(|(part, reply)| Saw::Answer { part, reply }),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let gap = prop_oneof![8 => Just(1_u64), 1 => 2_u64..40, 1 => 1000_u64..9000];
    let wait = prop_oneof![8 => 0_i64..12, 1 => -50_i64..0, 1 => 100_i64..700];
    let record = (gap, wait, 0..KEYS, saw());
    prop_oneof![
        30 => record.prop_map(|(gap, wait, key, seen)| Act::Record { gap, wait, key, seen }),
        2 => Just(Act::BeginSave),
        2 => Just(Act::RunSave),
        2 => Just(Act::FinishSave),
        1 => Just(Act::Reopen),
        3 => Just(Act::Check),
    ]
}

struct World {
    folder: tempfile::TempDir,
    view: Option<View>,
    save: Option<Save>,
    saved: Option<Saved>,
    log: Vec<Record>,
    millis: i64,
    model: Model,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (view, opened) = View::open(folder.path(), &identity(), SETTINGS).unwrap();
        assert_eq!((opened.position, opened.wiped), (0, None));
        Self {
            folder,
            view: Some(view),
            save: None,
            saved: None,
            log: Vec::new(),
            millis: 0,
            model: Model::default(),
        }
    }

    fn view(&mut self) -> &mut View {
        self.view.as_mut().unwrap()
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Record {
                gap,
                wait,
                key,
                seen,
            } => self.record(gap, wait, key, seen),
            Act::BeginSave if self.saved.is_none() && self.save.is_none() => {
                self.save = self.view().begin_save();
            }
            Act::RunSave => {
                if let Some(save) = self.save.take() {
                    self.saved = Some(save.run().unwrap());
                }
            }
            Act::FinishSave => {
                if let Some(saved) = self.saved.take() {
                    self.view().finish_save(saved);
                }
            }
            Act::Reopen => self.reopen(),
            Act::Check => self.check(),
            Act::BeginSave => {}
        }
    }

    fn record(&mut self, gap: u64, wait: i64, key: u64, seen: Saw) {
        self.millis = (self.millis + wait).max(0);
        let now = at(self.millis.unsigned_abs());
        let mut about = id(key);
        let observation = match seen {
            Saw::Request {
                subscription,
                ordering_key,
                allowed,
                payload,
            } => requested(&Asked {
                subscription,
                ordering_key,
                created: now,
                allowed: Duration::from_millis(allowed),
                payload,
            }),
            Saw::Attempt { attempt, reply } => attempted(attempt, reply),
            Saw::Completion { output } => completed(output),
            Saw::Deadline => Observation::DeadlinePassed,
            Saw::Question {
                parts,
                depth,
                payload,
            } => {
                about = action_id(key);
                action_asked(parts, depth, now, payload)
            }
            Saw::Answer { part, reply } => {
                about = member_id(action_id(key), part);
                reply.map_or(Observation::DeadlinePassed, |reply| attempted(1, reply))
            }
        };
        let offset = self.log.last().map_or(0, |last| last.offset) + gap;
        let record = Record::about(offset, about, now, &observation);
        self.model.fold(&record);
        fold(self.view(), &record).unwrap();
        let next = self.model.next_deadline();
        assert_eq!(self.view().next_deadline().unwrap(), next);
        self.log.push(record);
    }

    /// Loses what is not saved, and folds it again.
    fn reopen(&mut self) {
        (self.save, self.saved) = (None, None);
        let expected = self.view.take().unwrap().digest().unwrap();
        let (view, opened) = View::open(self.folder.path(), &identity(), SETTINGS).unwrap();
        assert_eq!(opened.wiped, None);
        self.view = Some(view);
        let log = std::mem::take(&mut self.log);
        catch_up(self.view(), &log).unwrap();
        self.log = log;
        assert_eq!(self.view().digest().unwrap(), expected);
    }

    fn check(&mut self) {
        let model = self.model.clone();
        model.check(self.view(), keys());
    }

    /// Builds two other views, one from the whole log, one from where this one says.
    fn rebuild(&mut self) {
        let digest = self.view().digest().unwrap();
        let start = self.view().rebuild_start().unwrap();
        for from in [None, Some(start)] {
            let folder = tempfile::tempdir().unwrap();
            let (mut rebuilt, _) = View::open(folder.path(), &identity(), SETTINGS).unwrap();
            if let Some(start) = from {
                rebuilt.set_log_time(start.log_time);
                rebuilt.advance(start.offset);
            }
            catch_up(&mut rebuilt, &self.log).unwrap();
            if from.is_some() {
                rebuilt.save().unwrap();
                rebuilt.advance(self.view().position());
            }
            assert_eq!(rebuilt.digest().unwrap(), digest, "rebuilt from {from:?}");
            let model = self.model.clone();
            model.check(&mut rebuilt, keys());
        }
    }
}

/// Everything that may be known, and more.
fn keys() -> impl Iterator<Item = InvocationKey> {
    (0..KEYS + 2).flat_map(|key| {
        let action = action_id(key);
        let members = (0..5).map(move |part| member_id(action, part).key());
        [id(key).key(), action.key()].into_iter().chain(members)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_time: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_view_is_the_fold_of_the_log(acts in prop::collection::vec(act(), 1..150)) {
        let mut world = World::new();
        for act in acts {
            world.act(act);
        }
        world.check();
        world.rebuild();
        world.act(Act::Reopen);
        world.check();
    }
}
