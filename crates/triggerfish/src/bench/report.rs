//! How an outcome is printed.

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use super::outcome::{Bound, Latencies, Outcome, Values, Which};
use crate::output::{self, Look, Paint, Row};

/// Where latencies are looked at.
const QUANTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("max", 1.0),
];

/// Prints everything that was found.
pub(super) fn print(outcome: &Outcome, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        output::line(document(outcome))?;
        return Ok(());
    }
    let paint = Paint::stdout();
    let title = paint.text(Look::Bold, outcome.case);
    output::line(format_args!("{title}: {}", outcome.about))?;
    let heads = ["figure", "median", "lowest", "highest", "to reach", ""];
    let rows: Vec<Row> = outcome.figures.iter().map(figure).collect();
    output::table(paint, &heads, &rows)?;
    if !outcome.latencies.is_empty() {
        output::line("")?;
        let names = QUANTILES.map(|(name, _)| name);
        let heads: Vec<&str> = std::iter::once("latency, ms").chain(names).collect();
        let rows: Vec<Row> = outcome.latencies.iter().map(latency).collect();
        output::table(paint, &heads, &rows)?;
    }
    output::line("")?;
    Ok(())
}

fn figure(values: &Values) -> Row {
    let unit = values.figure.unit;
    let plain = |text: String| (text, Look::Plain);
    let mut row = vec![plain(values.figure.name.to_string())];
    let shown = [values.median(), values.low(), values.high()];
    row.extend(shown.map(|value| plain(unit.show(value))));
    let Some(goal) = values.goal else {
        return row;
    };
    let (word, look) = if values.is_reached(goal) {
        ("reached", Look::Good)
    } else {
        ("not reached", Look::Bad)
    };
    let every = match goal.which {
        Which::Median => "",
        Which::Every => "always ",
    };
    let bound = match goal.bound {
        Bound::AtLeast(bound) => format!("{every}at least {}", unit.show(bound)),
        Bound::AtMost(bound) => format!("{every}at most {}", unit.show(bound)),
    };
    row.extend([plain(bound), (word.to_owned(), look)]);
    row
}

fn latency(latencies: &Latencies) -> Row {
    let mut row = vec![(latencies.name.to_owned(), Look::Plain)];
    let cells = QUANTILES.map(|(_, quantile)| latencies.millis(quantile));
    row.extend(cells.map(|millis| (format!("{millis:.2}"), Look::Plain)));
    row
}

fn document(outcome: &Outcome) -> Value {
    let figures = outcome.figures.iter().map(|values| {
        let figure = json!({
            "name": values.figure.name, "unit": values.figure.unit.name(),
            "median": values.median(), "low": values.low(), "high": values.high(),
            "rounds": values.rounds,
        });
        (values.figure.key.to_string(), figure)
    });
    let latencies = outcome.latencies.iter().map(|latencies| {
        let count: u64 = latencies.rounds.iter().map(Histogram::len).sum();
        let mut shown = Map::new();
        shown.insert("name".to_owned(), json!(latencies.name));
        shown.insert("unit".to_owned(), json!("ms"));
        shown.insert("count".to_owned(), json!(count));
        shown.extend(
            QUANTILES.map(|(name, quantile)| (name.to_owned(), json!(latencies.millis(quantile)))),
        );
        (latencies.key.to_owned(), Value::Object(shown))
    });
    let goals = outcome.figures.iter().filter_map(|values| {
        let goal = values.goal?;
        let (bound, value) = match goal.bound {
            Bound::AtLeast(value) => ("atLeast", value),
            Bound::AtMost(value) => ("atMost", value),
        };
        let of = match goal.which {
            Which::Median => "median",
            Which::Every => "every",
        };
        Some(json!({
            "figure": values.figure.key, "of": of, bound: value,
            "value": values.judged(goal), "reached": values.is_reached(goal),
        }))
    });
    json!({
        "case": outcome.case,
        "about": outcome.about,
        "figures": figures.collect::<Map<_, _>>(),
        "latencies": latencies.collect::<Map<_, _>>(),
        "goals": goals.collect::<Vec<_>>(),
    })
}
