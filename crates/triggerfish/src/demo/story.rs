//! What happens in the demo, scene by scene.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use triggerfish_core::Secret;
use triggerfish_delivery::webhook;

use super::{
    checks::{Completions, header, in_phase, is_signed},
    narrate::{Narrator, beginning, short},
    subscriber::{APPROVALS, APPROVERS, JOINERS, Seen, Subscriber, approver},
};
use crate::client::{Client, Request};

const PRE_APPROVAL: &str = "idn:access-request-pre-approval";
const DYNAMIC_APPROVER: &str = "idn:access-request-dynamic-approver";
const IDENTITY_CREATED: &str = "idn:identity-created";
const FILTER: &str = "$.requestedItems[?(@.type == 'ROLE')]";

/// The demo while it is told.
pub(super) struct Story<'a> {
    client: Client,
    subscriber: &'a mut Subscriber,
    say: &'a Narrator,
    completions: Completions,
    /// Invocations that were started.
    started: usize,
}

impl<'a> Story<'a> {
    pub(super) fn new(client: Client, subscriber: &'a mut Subscriber, say: &'a Narrator) -> Self {
        Self {
            client,
            subscriber,
            say,
            completions: Completions::new(),
            started: 0,
        }
    }

    pub(super) async fn tell(mut self) -> anyhow::Result<()> {
        self.say
            .scene(1, "Applications subscribe, by the HTTP API")?;
        let signing_secret = self.subscribe().await?;
        self.say
            .scene(2, "A person asks for access; an application decides, later")?;
        self.decides_later(&signing_secret).await?;
        self.say
            .scene(3, "A request that the filter does not let through")?;
        self.is_filtered().await?;
        self.say.scene(4, "An application that answers at once")?;
        self.answers_at_once().await?;
        self.say.scene(
            5,
            "An event that only has to arrive, at an application that is busy",
        )?;
        self.arrives().await?;
        self.count().await
    }

    async fn subscribe(&self) -> anyhow::Result<Secret> {
        let approvals = self
            .create(&json!({
                "name": APPROVALS, "triggerId": PRE_APPROVAL, "type": "HTTP", "filter": FILTER,
                "responseDeadline": "PT1H",
                "httpConfig": {"url": self.subscriber.url(APPROVALS), "httpDispatchMode": "ASYNC"},
            }))
            .await?;
        self.say.step(
            APPROVALS,
            format_args!("{PRE_APPROVAL}, ASYNC, filter {FILTER}"),
        )?;
        self.create(&json!({
            "name": APPROVERS, "triggerId": DYNAMIC_APPROVER, "type": "HTTP",
            "httpConfig": {"url": self.subscriber.url(APPROVERS), "httpDispatchMode": "SYNC"},
        }))
        .await?;
        self.say
            .step(APPROVERS, format_args!("{DYNAMIC_APPROVER}, SYNC"))?;
        self.create(&json!({
            "name": JOINERS, "triggerId": IDENTITY_CREATED, "type": "HTTP",
            "httpConfig": {"url": self.subscriber.url(JOINERS)},
            "delivery": {
                "retry": {"maxAttempts": 3, "initialDelayMs": 400, "maxDelayMs": 2000},
            },
        }))
        .await?;
        self.say.step(
            JOINERS,
            format_args!("{IDENTITY_CREATED}, fire and forget, 3 attempts"),
        )?;
        self.signing_secret(&approvals).await
    }

    async fn create(&self, body: &Value) -> anyhow::Result<String> {
        let path = ["trigger-subscriptions", "v1"];
        let made: Value = self.client.fetch(Request::post(&path, body)).await?;
        made["id"]
            .as_str()
            .map(str::to_owned)
            .context("the subscription has no id")
    }

    async fn signing_secret(&self, subscription: &str) -> anyhow::Result<Secret> {
        let path = [
            "trigger-subscriptions",
            "v1",
            subscription,
            "rotate-signing-secret",
        ];
        let made: Value = self.client.fetch(Request::post(&path, &json!({}))).await?;
        made["secret"]
            .as_str()
            .map(Secret::new)
            .context("the answer has no secret")
    }

    async fn decides_later(&mut self, signing_secret: &Secret) -> anyhow::Result<()> {
        let content = json!({"ticket": "CHG-4711"});
        let event = self.example(PRE_APPROVAL).await?;
        let id = self
            .start(PRE_APPROVAL, &event, &content)
            .await?
            .context("nothing started")?;
        let seen = self.subscriber.next(APPROVALS).await?;
        self.show_call(&seen, &id)?;
        ensure!(
            is_signed(&seen, signing_secret)?,
            "the signature is not good"
        );
        self.say
            .good("", "signature checked with the subscription's secret")?;
        let body: Value = serde_json::from_slice(&seen.body)?;
        let metadata = &body["_metadata"];
        self.show_metadata(metadata)?;

        self.say.step(
            "approvals",
            format_args!(
                "answers {} {{}}: taken, the decision follows",
                seen.status.as_u16()
            ),
        )?;
        let waiting = in_phase(&self.client, &id, "WAITING").await?;
        let deadline = waiting["deadline"].as_str().unwrap_or("?");
        self.say
            .step("Triggerfish", format_args!("waits for it until {deadline}"))?;

        let decision = json!({
            "approved": true, "comment": "No conflict of duties.", "approver": "chloe.marchetti",
        });
        let url = metadata["callbackURL"]
            .as_str()
            .context("no callbackURL in _metadata")?;
        let result = json!({"secret": metadata["secret"], "output": decision});
        let status = self.subscriber.call_back(url, &result).await?;
        ensure!(status == 204, "the callback was answered with {status}");
        self.say.step("approvals", "calls back: POST callbackURL")?;
        self.say
            .step("", short(&json!({"secret": "***", "output": decision})))?;
        self.show_completion(&id, &content, &decision, 1).await
    }

    async fn is_filtered(&mut self) -> anyhow::Result<()> {
        let mut event = self.example(PRE_APPROVAL).await?;
        let items = event["requestedItems"]
            .as_array_mut()
            .context("no requestedItems")?;
        items.retain(|item| item["type"] != "ROLE");
        let started = self.start(PRE_APPROVAL, &event, &json!({})).await?;
        ensure!(started.is_none(), "the filter let it through");
        ensure!(!self.subscriber.has_unseen(), "somebody was called");
        Ok(self
            .say
            .good("Triggerfish", "no ROLE in it: starts nothing, calls nobody")?)
    }

    async fn answers_at_once(&mut self) -> anyhow::Result<()> {
        let content = json!({"ticket": "CHG-4712"});
        let event = self.example(DYNAMIC_APPROVER).await?;
        let id = self
            .start(DYNAMIC_APPROVER, &event, &content)
            .await?
            .context("nothing started")?;
        let seen = self.subscriber.next(APPROVERS).await?;
        ensure!(
            header(&seen, webhook::ID)? == id,
            "webhook-id is not the invocation's id"
        );
        self.say.step(
            "Triggerfish",
            format_args!("POST {}", self.subscriber.url(APPROVERS)),
        )?;
        let answer = seen.answer.unwrap_or_default();
        self.say.step(
            "approvers",
            format_args!("answers {} {}", seen.status.as_u16(), short(&answer)),
        )?;
        self.show_completion(&id, &content, &approver(), 1).await
    }

    async fn arrives(&mut self) -> anyhow::Result<()> {
        let content = json!({"source": "HR"});
        let event = self.example(IDENTITY_CREATED).await?;
        let id = self
            .start(IDENTITY_CREATED, &event, &content)
            .await?
            .context("nothing started")?;
        let url = self.subscriber.url(JOINERS);
        for (attempt, status) in [(1, 503), (2, 204)] {
            let seen = self.subscriber.next(JOINERS).await?;
            ensure!(
                header(&seen, webhook::ID)? == id,
                "webhook-id changed from call to call"
            );
            ensure!(
                seen.status == status,
                "the subscriber answered {}",
                seen.status
            );
            let again = if attempt > 1 {
                ", the same webhook-id"
            } else {
                ""
            };
            let call = format_args!("POST {url}, attempt {attempt}{again}");
            self.say.step("Triggerfish", call)?;
            if status == 503 {
                self.say.bad("joiners", "answers 503: busy, try again")?;
            } else {
                self.say.step("joiners", "answers 204")?;
            }
        }
        self.show_completion(&id, &content, &Value::Null, 2).await
    }

    /// Exactly one completion for each invocation, none for what was filtered.
    async fn count(&mut self) -> anyhow::Result<()> {
        let completions = self.completions.count(&self.client).await?;
        let started = self.started;
        ensure!(
            completions == started,
            "{started} invocations have {completions} completions"
        );
        ensure!(
            !self.subscriber.has_unseen(),
            "somebody was called once too often"
        );
        Narrator::gap()?;
        let text = format!("{started} invocations, {completions} completions: one each");
        Ok(self.say.good("completions", text)?)
    }

    /// The example of the catalogue for a trigger.
    async fn example(&self, trigger: &str) -> anyhow::Result<Value> {
        let path = ["triggers", "v1", trigger];
        let mut found: Value = self.client.fetch(Request::get(&path)).await?;
        Ok(found["exampleInput"].take())
    }

    /// Hands the event in; gives the id of the invocation, if it started one.
    async fn start(
        &mut self,
        trigger: &str,
        event: &Value,
        content: &Value,
    ) -> anyhow::Result<Option<String>> {
        self.say
            .step("event in", format_args!("{trigger}, contentJson {content}"))?;
        self.say.step("", about(event))?;
        let body = json!({"triggerId": trigger, "input": event, "contentJson": content});
        let path = ["trigger-invocations", "v1", "start"];
        let answer = self.client.call(Request::post(&path, &body)).await?;
        if answer.is_empty() {
            return Ok(None);
        }
        let started: Vec<Value> = answer.json(self.client.url())?;
        let [one] = started.as_slice() else {
            anyhow::bail!("{} invocations were started instead of one", started.len());
        };
        self.started += 1;
        Ok(one["id"].as_str().map(str::to_owned))
    }

    fn show_call(&self, seen: &Seen, id: &str) -> anyhow::Result<()> {
        ensure!(
            header(seen, webhook::ID)? == id,
            "webhook-id is not the invocation's id"
        );
        let (timestamp, signature) = (
            header(seen, webhook::TIMESTAMP)?,
            header(seen, webhook::SIGNATURE)?,
        );
        self.say.step(
            "Triggerfish",
            format_args!("POST {}", self.subscriber.url(&seen.application)),
        )?;
        self.say.step("", format_args!("webhook-id: {id}"))?;
        self.say
            .step("", format_args!("webhook-timestamp: {timestamp}"))?;
        self.say.step(
            "",
            format_args!("webhook-signature: {}", beginning(signature)),
        )?;
        Ok(())
    }

    fn show_metadata(&self, metadata: &Value) -> anyhow::Result<()> {
        ensure!(metadata["secret"].is_string(), "no secret in _metadata");
        let mut masked = metadata.clone();
        masked["secret"] = "***".into();
        self.say.step("", "the event, and beside it _metadata:")?;
        for (name, value) in masked.as_object().into_iter().flatten() {
            self.say.step(
                "",
                format_args!("  {name}: {}", value.as_str().unwrap_or("?")),
            )?;
        }
        Ok(())
    }

    /// Reads the completion from its topic, checks it and shows it.
    async fn show_completion(
        &mut self,
        id: &str,
        content: &Value,
        output: &Value,
        attempts: u32,
    ) -> anyhow::Result<()> {
        let completion = self.completions.of(&self.client, id).await?;
        let expected = [
            ("outcome", &json!("COMPLETED")),
            ("contentJson", content),
            ("output", output),
            ("attempts", &json!(attempts)),
            ("error", &Value::Null),
        ];
        for (field, value) in expected {
            let found = &completion[field];
            ensure!(
                found == value,
                "{field} of the completion is {found} instead of {value}"
            );
        }
        self.say.good(
            "completions",
            format_args!("COMPLETED, contentJson {content}"),
        )?;
        let result = match output {
            Value::Null => "no output is owed".to_owned(),
            output => format!("output {}", short(output)),
        };
        self.say
            .step("", format_args!("attempts {attempts}, {result}"))?;
        Ok(())
    }
}

/// What the event says, for people.
fn about(event: &Value) -> String {
    let name = |value: &Value| value["name"].as_str().unwrap_or("?").to_owned();
    let Some(items) = event["requestedItems"].as_array() else {
        return format!("{} has joined", name(&event["identity"]));
    };
    let item = |item: &Value| {
        let kind = item["type"].as_str().unwrap_or("?");
        format!("{kind} {}", name(item))
    };
    let items: Vec<String> = items.iter().map(item).collect();
    let (by, to) = (name(&event["requestedBy"]), name(&event["requestedFor"]));
    format!("{by} asks for {to}: {}", items.join(", "))
}
