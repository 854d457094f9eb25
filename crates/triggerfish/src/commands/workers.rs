//! `triggerfish workers`

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    args::WorkersArgs,
    client::{Client, Request},
    output::{self, Look, Paint, Row},
};

/// One process, as far as the table shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    instance: String,
    roles: Vec<String>,
    version: String,
    started: String,
    seconds_since_heard: u64,
    partitions: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    partition: u32,
    lag: Option<u64>,
    open: Option<u64>,
}

pub(super) async fn run(args: &WorkersArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.client)?;
    let found: Vec<Value> = client.fetch(Request::get(&["workers", "v1"])).await?;
    if args.json {
        output::line(format_args!("{:#}", Value::from(found)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = found.into_iter().map(|worker| {
        let shown: Shown = serde_json::from_value(worker)?;
        Ok(row(&shown))
    });
    let rows: Vec<Row> = rows.collect::<Result<_, serde_json::Error>>()?;
    let heads = [
        "INSTANCE",
        "ROLES",
        "PARTITIONS",
        "LAG",
        "OPEN",
        "HEARD",
        "STARTED",
        "VERSION",
    ];
    output::table(Paint::stdout(), &heads, &rows)?;
    Ok(ExitCode::SUCCESS)
}

fn row(shown: &Shown) -> Row {
    let sum = |figure: fn(&Part) -> Option<u64>| {
        let figures: Option<Vec<u64>> = shown.partitions.iter().map(figure).collect();
        match figures {
            Some(figures) if !figures.is_empty() => figures.iter().sum::<u64>().to_string(),
            _ => "-".to_owned(),
        }
    };
    let numbers: Vec<u32> = shown.partitions.iter().map(|one| one.partition).collect();
    let cells = [
        shown.instance.clone(),
        shown.roles.join(", "),
        ranges(&numbers),
        sum(|one| one.lag),
        sum(|one| one.open),
        format!("{} s ago", shown.seconds_since_heard),
        shown.started.clone(),
        shown.version.clone(),
    ];
    cells.map(|cell| (cell, Look::Plain)).into()
}

/// Numbers in ascending order, neighbours joined: `0-3, 7`.
fn ranges(numbers: &[u32]) -> String {
    let runs = numbers.chunk_by(|one, next| one.checked_add(1) == Some(*next));
    let texts: Vec<String> = runs
        .map(|run| match run {
            [first, .., last] => format!("{first}-{last}"),
            one => one.iter().map(u32::to_string).collect(),
        })
        .collect();
    if texts.is_empty() {
        "-".to_owned()
    } else {
        texts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_joined() {
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2, 5, 7-8");
        assert_eq!(ranges(&[]), "-");
    }

    #[test]
    fn figures_are_summed_where_all_are_known() {
        let partition = |open| Part {
            partition: 0,
            lag: Some(2),
            open,
        };
        let worker = |partitions| Shown {
            instance: "a".to_owned(),
            roles: vec!["producer".to_owned(), "dispatcher".to_owned()],
            version: "1".to_owned(),
            started: "s".to_owned(),
            seconds_since_heard: 2,
            partitions,
        };
        let cells = |shown: &Shown| -> Vec<String> {
            row(shown).into_iter().map(|(text, _)| text).collect()
        };
        let shown = worker(vec![partition(Some(3)), partition(None)]);
        let expected = [
            "a",
            "producer, dispatcher",
            "0, 0",
            "4",
            "-",
            "2 s ago",
            "s",
            "1",
        ];
        assert_eq!(cells(&shown), expected);
        assert_eq!(cells(&worker(vec![]))[2..5], ["-", "-", "-"]);
    }
}
