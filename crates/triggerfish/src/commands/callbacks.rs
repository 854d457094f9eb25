//! `triggerfish callbacks`

mod history;

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Map, Value};
use triggerfish_core::{Timing, callback::ACTION_HEADER};

use crate::{
    args::callbacks::{CallbacksCommand, ListCallbacksArgs, ShowCallbackArgs, TimingArg},
    client::{Client, Request},
    output::{self, Look, Paint, Row, cut, text},
};

const NAME_CHARS: usize = 40;
const URL_CHARS: usize = 60;
const DESCRIPTION_CHARS: usize = 80;

/// One callback, as far as the table shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    name: String,
    timing: String,
    object_type: String,
    url: String,
    request_headers: Map<String, Value>,
    enabled: bool,
    expected_status: Option<u16>,
    failure_policy: Option<String>,
    last_triggered_on: Option<String>,
}

/// One object type, as far as the table shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectTypeShown {
    id: String,
    name: String,
    entity: String,
    built_in: bool,
    description: Option<String>,
}

pub(super) async fn run(command: &CallbacksCommand) -> anyhow::Result<ExitCode> {
    match command {
        CallbacksCommand::List(args) => list(args).await?,
        CallbacksCommand::Show(args) => show(args).await?,
        CallbacksCommand::History(args) => history::show(args).await?,
        CallbacksCommand::Delete(args) => {
            let client = Client::new(&args.client)?;
            let id = args.id.to_string();
            let path = ["callbacks", "v1", id.as_str()];
            client.call(Request::delete(&path)).await?;
            output::line(format_args!("deleted callback {id}"))?;
        }
        CallbacksCommand::ObjectTypes(args) => {
            let client = Client::new(&args.client)?;
            object_types(&client, args.json).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(args: &ListCallbacksArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.client)?;
    let mut found = client.list(&["callbacks", "v1"]).await?;
    found.retain(|row| is_wanted(args, row));
    if args.json {
        return Ok(output::line(format_args!("{:#}", Value::from(found)))?);
    }
    if found.is_empty() {
        return Ok(output::line("no callbacks")?);
    }
    let rows = found
        .iter()
        .map(|value| Ok(row(&Shown::deserialize(value)?)));
    let rows: Vec<Row> = rows.collect::<Result<_, serde_json::Error>>()?;
    let heads = [
        "ID",
        "NAME",
        "TIMING",
        "OBJECT TYPE",
        "ACTIONS",
        "EXPECTED",
        "POLICY",
        "ENABLED",
        "LAST TRIGGERED",
        "URL",
    ];
    Ok(output::table(Paint::stdout(), &heads, &rows)?)
}

fn is_wanted(args: &ListCallbacksArgs, row: &Value) -> bool {
    let timing = args.timing.map(|timing| match timing {
        TimingArg::Before => Timing::Before.as_str(),
        TimingArg::After => Timing::After.as_str(),
    });
    let object_type = args.object_type.as_deref();
    object_type.is_none_or(|wanted| row["objectType"] == wanted)
        && timing.is_none_or(|wanted| row["timing"] == wanted)
}

fn row(shown: &Shown) -> Row {
    let plain = |text: &str| (text.to_owned(), Look::Plain);
    let status = shown.expected_status.map(|status| status.to_string());
    let enabled = if shown.enabled {
        ("yes".to_owned(), Look::Good)
    } else {
        ("no".to_owned(), Look::Dim)
    };
    vec![
        plain(&shown.id),
        plain(&cut(&shown.name, NAME_CHARS)),
        plain(&shown.timing),
        plain(&shown.object_type),
        plain(actions(&shown.request_headers)),
        plain(status.as_deref().unwrap_or("-")),
        plain(shown.failure_policy.as_deref().unwrap_or("-")),
        enabled,
        plain(shown.last_triggered_on.as_deref().unwrap_or("-")),
        plain(&cut(&shown.url, URL_CHARS)),
    ]
}

fn actions(headers: &Map<String, Value>) -> &str {
    let header = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(ACTION_HEADER));
    header
        .and_then(|(_, names)| names.as_str())
        .unwrap_or("all")
}

async fn show(args: &ShowCallbackArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.client)?;
    let id = args.id.to_string();
    let path = ["callbacks", "v1", id.as_str()];
    let found: Value = client.fetch(Request::get(&path)).await?;
    if args.json {
        return Ok(output::line(format_args!("{found:#}"))?);
    }
    let headers = found["requestHeaders"].as_object();
    let fields = [
        ("id", text(&found["id"])),
        ("name", text(&found["name"])),
        ("description", text(&found["description"])),
        ("timing", text(&found["timing"])),
        ("object type", text(&found["objectType"])),
        (
            "actions",
            headers.map(|headers| actions(headers).to_owned()),
        ),
        ("url", text(&found["url"])),
        ("authentication", text(&found["authentication"]["type"])),
        ("user name", text(&found["authentication"]["userName"])),
        ("expected status", text(&found["expectedStatus"])),
        ("failure policy", text(&found["failurePolicy"])),
        ("request headers", text(&found["requestHeaders"])),
        ("timeout (ms)", text(&found["timeoutMs"])),
        ("enabled", text(&found["enabled"])),
        ("created", text(&found["created"])),
        ("modified", text(&found["modified"])),
        ("last triggered", text(&found["lastTriggeredOn"])),
        ("last outcome", text(&found["lastOutcome"])),
    ];
    Ok(output::fields(Paint::stdout(), &fields)?)
}

async fn object_types(client: &Client, json: bool) -> anyhow::Result<()> {
    let found = client.list(&["object-types", "v1"]).await?;
    if json {
        return Ok(output::line(format_args!("{:#}", Value::from(found)))?);
    }
    let rows = found.iter().map(|value| {
        let shown = ObjectTypeShown::deserialize(value)?;
        let description = shown.description.as_deref().unwrap_or_default();
        let cells = [
            shown.id,
            shown.name,
            shown.entity,
            if shown.built_in { "yes" } else { "no" }.to_owned(),
            cut(description, DESCRIPTION_CHARS),
        ];
        Ok(cells.map(|cell| (cell, Look::Plain)).into())
    });
    let rows: Vec<Row> = rows.collect::<Result<_, serde_json::Error>>()?;
    let heads = ["ID", "NAME", "ENTITY", "BUILT IN", "DESCRIPTION"];
    Ok(output::table(Paint::stdout(), &heads, &rows)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_says_when_it_is_called_and_what_it_can_do() {
        let mut callback = json!({
            "id": "i", "name": "n", "timing": "BEFORE", "objectType": "app",
            "url": "https://a.example", "requestHeaders": {"Action": "CREATED"},
            "enabled": true, "expectedStatus": 204, "failurePolicy": "AUDIT",
            "lastTriggeredOn": "t",
        });
        let cells = |callback: &Value| -> Vec<String> {
            let row = row(&Shown::deserialize(callback).unwrap());
            row.into_iter().map(|(text, _)| text).collect()
        };
        let expected = [
            "i", "n", "BEFORE", "app", "CREATED", "204", "AUDIT", "yes", "t",
        ];
        assert_eq!(cells(&callback)[..9], expected);
        callback["requestHeaders"] = json!({"x-a": "b"});
        callback["enabled"] = json!(false);
        for absent in ["expectedStatus", "failurePolicy", "lastTriggeredOn"] {
            callback[absent] = Value::Null;
        }
        assert_eq!(cells(&callback)[4..9], ["all", "-", "-", "no", "-"]);
    }
}
