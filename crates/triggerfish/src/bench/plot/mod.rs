//! A plot of each case: the rounds of its figures as bars, each kind of figure in a panel of
//! its own with a line where the goal is, and latencies as curves over their percentiles.

mod bars;
mod curves;
mod svg;

use std::path::Path;

use anyhow::Context as _;

use super::outcome::{Outcome, Unit, Values};
use svg::{Anchor, Svg};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 20.0;
const LINE: f64 = 18.0;

/// Kinds of figures in the order of their panels. Counts are drawn where there is something
/// to reach; the others are there for checks.
const UNITS: [Unit; 6] = [
    Unit::PerSecond,
    Unit::Ratio,
    Unit::Millis,
    Unit::Seconds,
    Unit::Mebibytes,
    Unit::Count,
];

/// Writes `CASE.svg` into the folder.
pub(super) fn write(folder: &Path, outcome: &Outcome) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    let path = folder.join(format!("{}.svg", outcome.case));
    std::fs::write(&path, draw(outcome)).with_context(|| format!("can't write {}", path.display()))
}

fn draw(outcome: &Outcome) -> String {
    let mut svg = Svg::new(WIDTH);
    let title = format!("{}: {}", outcome.case, outcome.about);
    let mut top = 2.0 * LINE;
    svg.text((LEFT, LINE), Anchor::Start, &title);
    for unit in UNITS {
        let is_drawn = |values: &&Values| {
            values.figure.unit == unit && (unit != Unit::Count || values.goal.is_some())
        };
        let figures: Vec<&Values> = outcome.figures.iter().filter(is_drawn).collect();
        if !figures.is_empty() {
            top = bars::draw(&mut svg, top, unit, &figures);
        }
    }
    if !outcome.latencies.is_empty() {
        top = curves::draw(&mut svg, top, &outcome.latencies);
    }
    svg.finish(top, &title)
}

/// A scale with round marks that has room for `max`: the mark at the top, and the distance of
/// two.
fn scale(max: f64) -> (f64, f64) {
    let max = if max > 0.0 { max } else { 1.0 };
    let decade = 10f64.powf(max.log10().floor());
    let steps = [0.2, 0.5, 1.0, 2.0].map(|step| step * decade);
    let step = steps.into_iter().find(|step| max / step <= 6.0);
    let step = step.unwrap_or(decade * 5.0);
    ((max / step).ceil() * step, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{
        outcome::{Bound, Figure},
        pace,
    };

    #[test]
    fn marks_are_round_and_few_and_hold_the_highest_value() {
        for max in [0.0, 0.004, 0.35, 1.0, 3.0, 9.9, 10.0, 71_000.0] {
            let (top, step) = scale(max);
            assert!(top >= max && top > 0.0, "{max}: {top}");
            let marks = top / step;
            assert!((1.0..=6.5).contains(&marks), "{max}: {marks}");
        }
    }

    #[test]
    fn a_plot_has_a_bar_for_each_round_and_a_line_for_each_goal() {
        let ratio = Figure::new("ratio", "a < b", Unit::Ratio);
        let count = Figure::new("count", "only for checks", Unit::Count);
        let mut outcome = Outcome::new("test", "two rounds".to_owned());
        for value in [0.3, 0.4] {
            outcome.add(&ratio, value);
            outcome.add(&count, 10_000.0);
            let mut histogram = pace::histogram();
            histogram.record_n(700, 98).unwrap();
            histogram.record_n(9_000, 2).unwrap();
            outcome.add_latencies("all", "all", histogram);
        }
        outcome.reach(&ratio, Bound::AtLeast(0.35));
        let drawn = draw(&outcome);
        let colours = svg::COLOURS.map(|colour| format!("fill=\"{colour}\""));
        let bars = drawn.matches(&colours[0]).count();
        // One more in the legend of the curves.
        assert_eq!(bars, 3, "{drawn}");
        assert_eq!(drawn.matches("stroke-dasharray").count(), 1, "{drawn}");
        assert_eq!(drawn.matches("<polyline").count(), 1, "{drawn}");
        assert!(drawn.contains("a &lt; b") && !drawn.contains("only for checks"));
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
    }
}
