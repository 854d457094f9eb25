//! `triggerfish apply`

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};
use triggerfish_core::{SubscriptionId, Trigger};
use triggerfish_registry::{
    NewSubscription,
    file::{self, Action, Change, Current, Target},
};

use crate::{
    args::ApplyArgs,
    client::{Client, Request},
    output::{self, Look, Paint},
};

pub(super) async fn run(args: &ApplyArgs) -> anyhow::Result<ExitCode> {
    let wanted = file::load(&args.file)?;
    let client = Client::new(&args.client)?;
    let triggers = client.list(&["triggers", "v1"]).await?;
    let subscriptions = client.list(&["trigger-subscriptions", "v1"]).await?;
    let current = Current::from_api(&triggers, &subscriptions)?;
    let actions = file::plan(&wanted, &current)?;
    let report = Report {
        paint: Paint::stdout(),
        dry_run: args.dry_run,
        json: args.json,
    };
    let mut rows = Vec::with_capacity(actions.len());
    for (done, action) in actions.iter().enumerate() {
        let is_change = action.change != Change::Unchanged;
        let mut id = known_id(action);
        if is_change && !args.dry_run {
            id = carry_out(&client, action).await.with_context(|| {
                let left = actions.len() - done;
                format!(
                    "{action}: failed, with {left} of {} not done; correct it and apply again",
                    actions.len()
                )
            })?;
        }
        report.action(action)?;
        rows.push(row(action, id.as_deref()));
    }
    report.end(&actions, &rows)?;
    Ok(ExitCode::SUCCESS)
}

fn known_id(action: &Action) -> Option<String> {
    match &action.target {
        Target::Trigger(trigger) => Some(trigger.id.clone()),
        Target::Subscription(id, _) => id.map(|id| id.to_string()),
    }
}

/// Does it; returns the id of what is there now.
async fn carry_out(client: &Client, action: &Action) -> anyhow::Result<Option<String>> {
    let kept: Value = match &action.target {
        Target::Trigger(trigger) => {
            let path = ["triggers", "v1", trigger.id.as_str()];
            client
                .fetch(Request::put(&path, &trigger_body(trigger)?))
                .await?
        }
        Target::Subscription(None, new) => {
            let path = ["trigger-subscriptions", "v1"];
            client
                .fetch(Request::post(&path, &subscription_body(new)))
                .await?
        }
        Target::Subscription(Some(id), new) => replace(client, *id, new).await?,
    };
    Ok(kept["id"].as_str().map(str::to_owned))
}

async fn replace(
    client: &Client,
    id: SubscriptionId,
    new: &NewSubscription,
) -> anyhow::Result<Value> {
    let id = id.to_string();
    let path = ["trigger-subscriptions", "v1", id.as_str()];
    Ok(client
        .fetch(Request::put(&path, &subscription_body(new)))
        .await?)
}

fn trigger_body(trigger: &Trigger) -> anyhow::Result<Value> {
    let raw = |text: &String| serde_json::from_str::<Value>(text);
    Ok(json!({
        "name": trigger.name,
        "type": trigger.trigger_type,
        "description": trigger.description,
        "inputSchema": trigger.input_schema,
        "exampleInput": raw(&trigger.example_input)?,
        "outputSchema": trigger.output_schema,
        "exampleOutput": trigger.example_output.as_ref().map(raw).transpose()?,
    }))
}

fn subscription_body(new: &NewSubscription) -> Value {
    let settings = &new.settings;
    json!({
        "triggerId": new.trigger_id,
        "name": settings.name,
        "description": settings.description,
        "type": settings.subscription_type,
        "responseDeadline": settings.response_deadline,
        "httpConfig": settings.http_config,
        "eventBridgeConfig": settings.event_bridge_config,
        "enabled": settings.enabled,
        "filter": settings.filter,
        "delivery": settings.delivery,
    })
}

/// What is said about the actions.
struct Report {
    paint: Paint,
    dry_run: bool,
    json: bool,
}

impl Report {
    fn action(&self, action: &Action) -> anyhow::Result<()> {
        if self.json {
            return Ok(());
        }
        let look = match action.change {
            Change::Create => Look::Good,
            Change::Update(_) => Look::Open,
            Change::Unchanged => Look::Dim,
        };
        let prefix = if self.dry_run { "would " } else { "" };
        let prefix = if action.change == Change::Unchanged {
            ""
        } else {
            prefix
        };
        Ok(output::line(
            self.paint.text(look, format_args!("{prefix}{action}")),
        )?)
    }

    fn end(&self, actions: &[Action], rows: &[Value]) -> anyhow::Result<()> {
        if self.json {
            let whole = json!({ "dryRun": self.dry_run, "actions": rows });
            return Ok(output::line(format_args!("{whole:#}"))?);
        }
        let count = |wanted: fn(&Change) -> bool| {
            actions
                .iter()
                .filter(|action| wanted(&action.change))
                .count()
        };
        let created = count(|change| *change == Change::Create);
        let updated = count(|change| matches!(change, Change::Update(_)));
        let unchanged = count(|change| *change == Change::Unchanged);
        if created + updated == 0 {
            return Ok(output::line(format_args!(
                "no change, {unchanged} as they should be"
            ))?);
        }
        let tense = if self.dry_run {
            " (nothing was changed)"
        } else {
            ""
        };
        let text = format!("{created} created, {updated} updated, {unchanged} unchanged{tense}");
        Ok(output::line(text)?)
    }
}

fn row(action: &Action, id: Option<&str>) -> Value {
    let (change, fields): (_, &[&str]) = match &action.change {
        Change::Create => ("create", &[]),
        Change::Update(fields) => ("update", fields),
        Change::Unchanged => ("unchanged", &[]),
    };
    match &action.target {
        Target::Trigger(trigger) => json!({
            "change": change, "kind": "trigger", "id": trigger.id,
            "name": trigger.name, "fields": fields,
        }),
        Target::Subscription(_, new) => json!({
            "change": change, "kind": "subscription", "id": id,
            "name": new.settings.name, "triggerId": new.trigger_id, "fields": fields,
        }),
    }
}
