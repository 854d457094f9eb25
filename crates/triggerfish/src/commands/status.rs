//! `triggerfish status`

use std::process::ExitCode;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    args::StatusArgs,
    client::{Client, ClientError, Request},
    output::{self, Look, Paint, Row, cut, text},
};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Details that are asked for at a time.
const AT_A_TIME: usize = 8;
const ERROR_CHARS: usize = 80;

/// One invocation, as far as the table shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    trigger_id: String,
    subscription_name: String,
    created: String,
    phase: String,
    outcome: Option<String>,
    attempts: u32,
    last_failure: Option<Failure>,
    complete_invocation_input: Option<Completion>,
}

#[derive(Deserialize)]
struct Failure {
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Completion {
    localized_error: Option<Failure>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

pub(super) async fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.client)?;
    loop {
        let found = match args.id {
            Some(id) => vec![detail(&client, &id.to_string()).await?],
            None => newest(&client, args).await?,
        };
        show(args, &found)?;
        let has_ended = args.id.is_some() && found.iter().all(|row| row["phase"] == "CLOSED");
        if !args.watch || has_ended {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(LOOK_EVERY).await;
        if !args.json {
            output::line("")?;
        }
    }
}

async fn detail(client: &Client, id: &str) -> Result<Value, ClientError> {
    let path = ["trigger-invocations", "v1", id];
    client.fetch(Request::get(&path)).await
}

/// The newest invocations that the options ask for. The list of the API has neither
/// phase nor attempts, so each row is looked up; one that is forgotten meanwhile is
/// left out.
async fn newest(client: &Client, args: &StatusArgs) -> Result<Vec<Value>, ClientError> {
    let trigger = args
        .trigger
        .as_deref()
        .map(|id| ("triggerId", id.to_owned()));
    let subscription = args
        .subscription
        .map(|id| ("subscriptionId", id.to_string()));
    let conditions: Vec<String> = trigger
        .into_iter()
        .chain(subscription)
        .map(|(field, id)| format!("{field} eq {}", quoted(&id)))
        .collect();
    let filter = (!conditions.is_empty()).then(|| conditions.join(" and "));
    let path = ["trigger-invocations", "v1", "status"];
    let request = Request::get(&path)
        .query("limit", Some(args.limit))
        .query("filters", filter);
    let listed: Vec<Listed> = client.fetch(request).await?;
    let details = listed.iter().map(|row| async {
        match detail(client, &row.id).await {
            Ok(found) => Ok(Some(found)),
            Err(ClientError::Refused { status, .. }) if status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    });
    stream::iter(details)
        .buffered(AT_A_TIME)
        .try_filter_map(|row| async { Ok(row) })
        .try_collect()
        .await
}

/// A string of the filter grammar of the API.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn show(args: &StatusArgs, found: &[Value]) -> anyhow::Result<()> {
    let whole = match (args.id, found) {
        (Some(_), [one]) => one.clone(),
        _ => Value::from(found.to_vec()),
    };
    match (args.json, args.watch) {
        (true, true) => return Ok(output::line(whole)?),
        (true, false) => return Ok(output::line(format_args!("{whole:#}"))?),
        (false, _) => {}
    }
    if found.is_empty() {
        return Ok(output::line("no invocations")?);
    }
    if let (Some(_), [one]) = (args.id, found) {
        return Ok(show_one(one)?);
    }
    let rows = found
        .iter()
        .map(|value| Ok(row(&Shown::deserialize(value)?)));
    let rows: Vec<Row> = rows.collect::<Result<_, serde_json::Error>>()?;
    let heads = [
        "ID",
        "TRIGGER",
        "SUBSCRIPTION",
        "STATE",
        "CREATED",
        "ATTEMPTS",
        "ERROR",
    ];
    Ok(output::table(Paint::stdout(), &heads, &rows)?)
}

/// One invocation, a line for each thing that there is to know.
fn show_one(found: &Value) -> std::io::Result<()> {
    let paint = Paint::stdout();
    let outcome = text(&found["outcome"]);
    let state = outcome
        .or_else(|| text(&found["phase"]))
        .unwrap_or_default();
    let completion = &found["completeInvocationInput"];
    let error = text(&completion["localizedError"]["message"]);
    let fields = [
        ("id", text(&found["id"])),
        ("trigger", text(&found["triggerId"])),
        ("subscription", text(&found["subscriptionName"])),
        ("type", text(&found["type"])),
        ("mode", text(&found["mode"])),
        (
            "state",
            Some(paint.text(Look::of_state(&state), &state).to_string()),
        ),
        ("created", text(&found["created"])),
        ("completed", text(&found["completed"])),
        ("deadline", text(&found["deadline"])),
        ("attempts", text(&found["attempts"])),
        ("next attempt", text(&found["nextAttempt"])),
        (
            "error",
            error.or_else(|| text(&found["lastFailure"]["message"])),
        ),
        ("input", text(&found["startInvocationInput"]["input"])),
        (
            "contentJson",
            text(&found["startInvocationInput"]["contentJson"]),
        ),
        ("output", text(&completion["output"])),
    ];
    output::fields(paint, &fields)
}

fn row(shown: &Shown) -> Row {
    let state = shown.outcome.as_deref().unwrap_or(&shown.phase);
    let completion = shown.complete_invocation_input.as_ref();
    let error = completion
        .and_then(|completion| completion.localized_error.as_ref())
        .or(shown.last_failure.as_ref())
        .map_or("", |failure| &failure.message);
    let plain = |text: &str| (cut(text, ERROR_CHARS), Look::Plain);
    vec![
        plain(&shown.id),
        plain(&shown.trigger_id),
        plain(&shown.subscription_name),
        (state.to_owned(), Look::of_state(state)),
        plain(&shown.created),
        plain(&shown.attempts.to_string()),
        plain(error),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_the_filter() {
        assert_eq!(quoted(r#"a" or id eq "b\"#), r#""a\" or id eq \"b\\""#);
    }

    #[test]
    fn the_error_is_the_outcomes_or_the_last_calls() {
        let open = serde_json::json!({
            "id": "i", "triggerId": "t", "subscriptionName": "s", "created": "c", "phase": "DUE",
            "outcome": null, "attempts": 2, "lastFailure": {"kind": "status", "message": "HTTP 503"},
            "completeInvocationInput": null,
        });
        let cells = row(&Shown::deserialize(&open).unwrap());
        let texts: Vec<&str> = cells.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, ["i", "t", "s", "DUE", "c", "2", "HTTP 503"]);
        let mut failed = open;
        failed["outcome"] = "FAILED".into();
        failed["completeInvocationInput"] =
            serde_json::json!({"localizedError": {"message": "no"}});
        let cells = row(&Shown::deserialize(&failed).unwrap());
        assert_eq!(cells[3], ("FAILED".to_owned(), Look::Bad));
        assert_eq!(cells[6].0, "no");
    }
}
