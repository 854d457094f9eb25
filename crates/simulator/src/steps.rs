//! What happens in a world at a step of its plan.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};
use triggerfish_api::ports::{Ask, Start, StartIdentity, StartInput};
use triggerfish_core::{Action, Origin, Timing};
use triggerfish_log::{NewRecord, Partition, Topic};

use crate::{
    cast::{self, Kind, PARTITIONS},
    chance::Chance,
    check::Expected,
    life::Seam,
    plan::{Step, What},
    process,
    world::World,
};

impl World {
    /// Waits for the time of a step, and does it.
    pub(crate) async fn take(&self, step: &Step) {
        let until = Duration::from_millis(step.at.saturating_sub(self.history.now()));
        sleep_until(Instant::now() + until).await;
        self.history.tell(&step.what.to_string());
        match &step.what {
            What::Event {
                number,
                kind,
                copies,
            } => (0..*copies).for_each(|_| self.produce(*number, *kind)),
            What::Start { number, kind } => self.start(*number, *kind),
            What::Ask {
                number,
                by_http,
                is_before,
                budget,
            } => self.ask(*number, *by_http, *is_before, *budget),
            What::Garbage { in_log, number } => self.litter(*in_log, *number),
            What::Echo { number } => self.echo(*number),
            What::Switch { subscription, on } => self.switch(*subscription, *on),
            What::Away {
                subscriber,
                refuses,
                down,
            } => self.clients.leave(*subscriber, *refuses, *down),
            fault => self.disturb(fault),
        }
    }

    fn disturb(&self, fault: &What) {
        /// A session times out, a process starts and restores its views.
        const AFTERMATH: u64 = 15_000;
        /// A process that was killed has left nothing that goes on.
        const IS_DOWN: Duration = Duration::from_millis(10);
        match *fault {
            What::Crash {
                host,
                seam,
                down,
                mishap,
            } => {
                self.checks.trouble(down + AFTERMATH);
                self.hosts[host].crash(seam, down, mishap);
            }
            What::Stop { host, down, mishap } => {
                self.checks.hand_over(down + AFTERMATH);
                let name = self.hosts[host].life().name();
                self.checks.leaves(&name, process::DRAIN, |_, _| true);
                self.hosts[host].stop(down, mishap);
            }
            What::Freeze { host, still } => {
                self.checks.trouble(still + AFTERMATH);
                self.hosts[host].freeze(still);
            }
            What::Forget { down, mishap } => {
                self.checks.trouble(down + AFTERMATH);
                self.checks.positions_are_forgotten();
                for host in &self.hosts {
                    host.crash(Seam::Anywhere, down, mishap);
                }
                let log = self.log.clone();
                tokio::spawn(async move {
                    sleep(IS_DOWN).await;
                    log.forget_positions();
                });
            }
            What::Jump { host, by } => {
                self.checks.trouble(u64::MAX / 2);
                self.checks.clock_is_set();
                self.hosts[host].clock.jump(by);
            }
            What::Outage { down } => {
                self.checks.trouble(down + AFTERMATH);
                self.log.set_weather(|weather| weather.is_down = true);
                let log = self.log.clone();
                tokio::spawn(async move {
                    sleep(Duration::from_millis(down)).await;
                    log.set_weather(|weather| weather.is_down = false);
                });
            }
            _ => {}
        }
    }

    fn put(&self, topic: &Topic, number: u32, value: &Bytes, expected: &Expected) {
        let record = NewRecord {
            topic: topic.clone(),
            partition: Partition(number % u32::from(PARTITIONS)),
            key: None,
            value: Some(value.clone()),
            headers: Vec::new(),
        };
        let places = self.log.put(&[record]).expect("the topic is there");
        for (partition, offset) in places {
            self.checks
                .expect(topic, partition, offset, value, expected.clone());
        }
    }

    fn produce(&self, number: u32, kind: Kind) {
        let id = format!("event-{number}");
        let value = json!({
            "triggerId": kind.trigger(),
            "input": cast::input(number),
            "contentJson": { "number": number },
            "id": id,
            "source": "upstream",
            "orderingKey": cast::ordering_key(number),
            "depth": cast::depth(number),
        });
        let expected = Expected::Event {
            id,
            told: kind.told(number),
            is_test: false,
            since: self.history.now(),
        };
        let topic = self.topics.trigger_events.clone();
        self.put(&topic, number, &Bytes::from(value.to_string()), &expected);
    }

    fn start(&self, number: u32, kind: Kind) {
        let id = format!("posted-{number}");
        let input = cast::input(number);
        let start = Start {
            trigger_id: kind.trigger().to_owned(),
            input: StartInput::Json(Bytes::from(input.to_string())),
            content_json: Bytes::from_static(b"{}"),
            origin: cast::origin(number, true),
            subscription_ids: None,
            identity: StartIdentity::Key {
                scope: "client".to_owned(),
                key: id.clone(),
            },
            time: None,
            ordering_key: Some(cast::ordering_key(number)),
            depth: cast::depth(number),
            traceparent: None,
            event_id: Some(id.clone()),
        };
        let told = kind.told(number);
        let clients = Arc::clone(&self.clients);
        let calling = Arc::clone(&clients);
        clients.waits(async move { calling.start(&id, told, start).await });
    }

    fn ask(&self, number: u32, by_http: bool, is_before: bool, budget: u64) {
        let id = format!("action-{number}");
        let entity = json!({ "id": number });
        let timing = if is_before {
            Timing::Before
        } else {
            Timing::After
        };
        if !by_http {
            let value = json!({
                "timing": timing,
                "objectType": cast::OBJECT_TYPE,
                "action": "CREATED",
                "entity": entity,
                "id": id,
                "source": "platform",
                "budgetMs": is_before.then_some(budget),
                "depth": cast::depth_of_action(number),
            });
            let topic = self.topics.object_events.clone();
            let expected = Expected::Question { id };
            return self.put(&topic, number, &Bytes::from(value.to_string()), &expected);
        }
        let ask = Ask {
            timing,
            object_type: cast::OBJECT_TYPE.to_owned(),
            action: Action::Created,
            entity: Bytes::from(entity.to_string()),
            user: None,
            object_id: None,
            patience: is_before.then(|| Duration::from_millis(budget)),
            identity: StartIdentity::Key {
                scope: "platform".to_owned(),
                key: id.clone(),
            },
            correlation: Some(id.clone()),
            decided_by: None,
            origin: Origin::RealTime,
            time: None,
            depth: cast::depth_of_action(number),
            traceparent: None,
        };
        let clients = Arc::clone(&self.clients);
        let calling = Arc::clone(&clients);
        clients.waits(async move { calling.question(&id, ask).await });
    }

    fn switch(&self, subscription: u32, on: bool) {
        let of = cast::subscription(subscription.into());
        let clients = Arc::clone(&self.clients);
        let calling = Arc::clone(&clients);
        clients.waits(async move { calling.switch(of, on).await });
    }

    /// Something that is not to be taken: an event that is none, a record of the log that is
    /// empty, can't be read, or belongs to another partition.
    fn litter(&self, in_log: bool, number: u32) {
        if !in_log {
            let value = Bytes::from(cast::bad_event(number));
            let topic = self.topics.trigger_events.clone();
            return self.put(&topic, number, &value, &Expected::Garbage);
        }
        let value = match number % 3 {
            0 => None,
            1 => self.any_record(number + 1).and_then(|record| record.value),
            _ => Some(Bytes::from(format!("{{ neither this nor that {number}"))),
        };
        let record = NewRecord {
            topic: self.topics.invocation_log.clone(),
            partition: Partition(number % u32::from(PARTITIONS)),
            key: None,
            value,
            headers: Vec::new(),
        };
        self.log.put(&[record]).expect("the topic is there");
    }

    /// What was appended once comes once more, as when a broker or a network repeats it.
    fn echo(&self, number: u32) {
        if let Some(again) = self.any_record(number) {
            self.log.put(&[again]).expect("the topic is there");
        }
    }

    /// Some record of a partition of the invocation log, if there is one.
    fn any_record(&self, number: u32) -> Option<NewRecord> {
        let partition = Partition(number % u32::from(PARTITIONS));
        let records = self.log.records(&self.topics.invocation_log, partition);
        let mut chance = Chance::of(self.plan.seed, format!("record {number}").as_bytes());
        let indices: Vec<usize> = (0..records.len()).collect();
        if indices.is_empty() {
            return None;
        }
        let record = &records[chance.pick(&indices)];
        Some(NewRecord {
            topic: record.topic.clone(),
            partition,
            key: record.key.clone(),
            value: record.value.clone(),
            headers: record.headers.clone(),
        })
    }
}
