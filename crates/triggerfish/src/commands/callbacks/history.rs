//! `triggerfish callbacks history`

use serde::Deserialize;
use serde_json::Value;

use crate::{
    args::callbacks::CallbackHistoryArgs,
    client::Client,
    output::{self, Look, Paint, Row, cut},
};

const ERROR_CHARS: usize = 80;
const NAME_CHARS: usize = 40;

/// One call, as far as the table shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    triggered_on: String,
    action: String,
    object_id: Option<String>,
    user: Option<String>,
    outcome: String,
    http_status: Option<u16>,
    duration_ms: Option<u64>,
    error: Option<String>,
    test: bool,
}

pub(super) async fn show(args: &CallbackHistoryArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.client)?;
    let id = args.id.to_string();
    let path = ["callbacks", "v1", id.as_str(), "activations"];
    let calls_max = usize::try_from(args.limit)?;
    let found = client.first(&path, args.filter.as_deref(), calls_max);
    let found = found.await?;
    if args.json {
        return Ok(output::line(format_args!("{:#}", Value::from(found)))?);
    }
    if found.is_empty() {
        return Ok(output::line("no calls")?);
    }
    let rows = found
        .iter()
        .map(|value| Ok(row(&Shown::deserialize(value)?)));
    let rows: Vec<Row> = rows.collect::<Result<_, serde_json::Error>>()?;
    let heads = [
        "TRIGGERED",
        "ACTION",
        "OBJECT",
        "USER",
        "OUTCOME",
        "STATUS",
        "MS",
        "TEST",
        "ERROR",
    ];
    Ok(output::table(Paint::stdout(), &heads, &rows)?)
}

fn row(shown: &Shown) -> Row {
    let plain = |text: &str| (text.to_owned(), Look::Plain);
    let name = |name: &Option<String>| plain(&cut(name.as_deref().unwrap_or("-"), NAME_CHARS));
    let status = shown.http_status.map(|status| status.to_string());
    let took = shown.duration_ms.map(|took| took.to_string());
    let look = match shown.outcome.as_str() {
        "ALLOWED" | "SUCCEEDED" => Look::Good,
        "PENDING" => Look::Dim,
        _ => Look::Bad,
    };
    vec![
        plain(&shown.triggered_on),
        plain(&shown.action),
        name(&shown.object_id),
        name(&shown.user),
        (shown.outcome.clone(), look),
        plain(status.as_deref().unwrap_or("-")),
        plain(took.as_deref().unwrap_or("-")),
        plain(if shown.test { "yes" } else { "no" }),
        plain(&cut(shown.error.as_deref().unwrap_or("-"), ERROR_CHARS)),
    ]
}
