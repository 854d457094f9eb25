//! `triggerfish complete`

use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;
use serde_json::{json, value::RawValue};

use crate::{
    args::CompleteArgs,
    client::{Client, Request},
    json_arg,
    output::{self, Look, Paint},
};

#[derive(Serialize)]
struct Body<'a> {
    secret: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

pub(super) async fn run(args: &CompleteArgs) -> anyhow::Result<ExitCode> {
    let output = args.output.as_deref();
    let body = Body {
        secret: args.secret.expose(),
        output: output
            .map(|output| json_arg::read("--output", output))
            .transpose()?,
        error: args.error.as_deref(),
    };
    let id = args.id.to_string();
    let path = ["trigger-invocations", "v1", id.as_str(), "complete"];
    let client = Client::open(&args.service, None)?;
    client
        .call_openly(Request::post(&path, &body))
        .await
        .with_context(|| format!("invocation {id} was not completed"))?;
    if args.json {
        output::line(json!({ "id": id, "taken": true }))?;
    } else {
        let paint = Paint::stdout();
        output::line(format_args!(
            "{id}  {}",
            paint.text(Look::Good, "result taken")
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
