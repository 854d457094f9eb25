//! `triggerfish apply`

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};
use triggerfish_core::{ObjectType, Trigger, subscription::HttpConfig};
use triggerfish_registry::{
    NewCallback, NewSubscription,
    file::{self, Action, Answers, Change, Current, Target},
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
    let object_types = client.list(&["object-types", "v1"]).await?;
    let callbacks = client.list(&["callbacks", "v1"]).await?;
    let current = Current::from_api(Answers {
        triggers: &triggers,
        subscriptions: &subscriptions,
        object_types: &object_types,
        callbacks: &callbacks,
    })?;
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
        Target::ObjectType(object_type) => Some(object_type.id.clone()),
        Target::Subscription(id, _) | Target::Callback(id, _) => id.map(|id| id.to_string()),
    }
}

/// Does it; returns the id of what is there now.
async fn carry_out(client: &Client, action: &Action) -> anyhow::Result<Option<String>> {
    let (resource, id, body) = match &action.target {
        Target::Trigger(trigger) => {
            let id = Some(trigger.id.clone());
            ("triggers", id, trigger_body(trigger)?)
        }
        Target::Subscription(id, new) => {
            let id = id.map(|id| id.to_string());
            ("trigger-subscriptions", id, subscription_body(new))
        }
        Target::ObjectType(object_type) => {
            let id = Some(object_type.id.clone());
            ("object-types", id, object_type_body(object_type)?)
        }
        Target::Callback(id, new) => {
            let id = id.map(|id| id.to_string());
            ("callbacks", id, callback_body(new))
        }
    };
    let kept: Value = if let Some(id) = id {
        let path = [resource, "v1", id.as_str()];
        client.fetch(Request::put(&path, &body)).await?
    } else {
        let path = [resource, "v1"];
        client.fetch(Request::post(&path, &body)).await?
    };
    Ok(kept["id"].as_str().map(str::to_owned))
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

fn object_type_body(object_type: &ObjectType) -> anyhow::Result<Value> {
    Ok(json!({
        "name": object_type.name,
        "entity": object_type.entity,
        "description": object_type.description,
        "example": serde_json::from_str::<Value>(&object_type.example)?,
    }))
}

fn callback_body(new: &NewCallback) -> Value {
    let settings = &new.settings;
    json!({
        "name": settings.name,
        "description": settings.description,
        "timing": new.timing,
        "objectType": new.object_type,
        "url": settings.http_config.url,
        "authentication": authentication(&settings.http_config),
        "expectedStatus": settings.expected_status,
        "requestHeaders": settings.request_headers,
        "enabled": settings.enabled,
        "timeoutMs": settings.timeout_ms,
        "failurePolicy": settings.failure_policy,
    })
}

fn authentication(http: &HttpConfig) -> Value {
    let basic = http.basic_auth_config.as_ref();
    let bearer = http.bearer_token_auth_config.as_ref();
    json!({
        "type": http.http_authentication_type,
        "userName": basic.map(|basic| &basic.user_name),
        "password": basic.map(|basic| &basic.password),
        "bearerToken": bearer.map(|bearer| &bearer.bearer_token),
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
        Target::ObjectType(object_type) => json!({
            "change": change, "kind": "objectType", "id": object_type.id,
            "name": object_type.name, "fields": fields,
        }),
        Target::Callback(_, new) => json!({
            "change": change, "kind": "callback", "id": id, "name": new.settings.name,
            "objectType": new.object_type, "timing": new.timing, "fields": fields,
        }),
    }
}
