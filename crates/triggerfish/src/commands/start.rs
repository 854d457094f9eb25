//! `triggerfish start` and `triggerfish test`

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use triggerfish_core::SubscriptionId;

use crate::{
    args::{StartArgs, TestArgs},
    client::{Answer, Client, ClientError, Request},
    json_arg,
    output::{self, Look, Paint, Row},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartBody<'a> {
    trigger_id: &'a str,
    input: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_json: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ordering_key: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestBody<'a> {
    trigger_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
    content_json: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_ids: Option<&'a [SubscriptionId]>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trigger {
    example_input: Box<RawValue>,
}

#[derive(Deserialize)]
struct Started {
    id: String,
}

pub(super) async fn start(args: &StartArgs) -> anyhow::Result<ExitCode> {
    let given = args
        .input
        .as_deref()
        .map(|input| json_arg::read("--input", input))
        .transpose()?;
    let content_json = content_json(args.content_json.as_deref())?;
    let client = Client::new(&args.client)?;
    let input = match given {
        Some(input) => input,
        None => example(&client, &args.trigger).await?,
    };
    let body = StartBody {
        trigger_id: &args.trigger,
        input: &input,
        content_json,
        ordering_key: args.ordering_key.as_deref(),
    };
    let path = ["trigger-invocations", "v1", "start"];
    let request =
        Request::post(&path, &body).header("idempotency-key", args.idempotency_key.as_deref());
    let answer = client.call(request).await?;
    report(&client, &answer, &args.trigger, args.json)
}

pub(super) async fn test(args: &TestArgs) -> anyhow::Result<ExitCode> {
    let input = args
        .input
        .as_deref()
        .map(|input| json_arg::read("--input", input))
        .transpose()?;
    let content_json = content_json(args.content_json.as_deref())?;
    let client = Client::new(&args.client)?;
    let body = TestBody {
        trigger_id: &args.trigger,
        input,
        content_json: content_json.unwrap_or_else(empty_object),
        subscription_ids: (!args.subscription.is_empty()).then_some(&*args.subscription),
    };
    let path = ["trigger-invocations", "v1", "test"];
    let answer = client.call(Request::post(&path, &body)).await?;
    report(&client, &answer, &args.trigger, args.json)
}

fn content_json(given: Option<&str>) -> anyhow::Result<Option<Box<RawValue>>> {
    given
        .map(|text| json_arg::read_object("--content-json", text))
        .transpose()
}

fn empty_object() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).expect("is JSON")
}

async fn example(client: &Client, trigger: &str) -> Result<Box<RawValue>, ClientError> {
    let path = ["triggers", "v1", trigger];
    let found: Trigger = client.fetch(Request::get(&path)).await?;
    Ok(found.example_input)
}

fn report(client: &Client, answer: &Answer, trigger: &str, json: bool) -> anyhow::Result<ExitCode> {
    // 204: nobody to send it to.
    if answer.is_empty() {
        if json {
            output::line("[]")?;
        } else {
            output::line(format_args!(
                "started nothing: no subscription of {trigger} takes this event; \
                 look at subscriptions and filters"
            ))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if json {
        let whole: serde_json::Value = answer.json(client.url())?;
        output::line(format_args!("{whole:#}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let started: Vec<Started> = answer.json(client.url())?;
    let row = |started: &Started| -> Row {
        vec![
            (started.id.clone(), Look::Plain),
            (trigger.to_owned(), Look::Plain),
        ]
    };
    let rows: Vec<Row> = started.iter().map(row).collect();
    output::table(Paint::stdout(), &["STARTED", "TRIGGER"], &rows)?;
    Ok(ExitCode::SUCCESS)
}
