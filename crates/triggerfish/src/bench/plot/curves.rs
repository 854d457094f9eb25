//! Latencies over their percentiles, of all rounds together. The axis of percentiles is
//! stretched towards its end, where it gets interesting; that of times is logarithmic.

use hdrhistogram::Histogram;

use super::{
    LEFT, LINE, RIGHT, WIDTH,
    svg::{Anchor, COLOURS, GRID, Svg},
};
use crate::bench::{
    outcome::{Latencies, millis},
    pace,
};

const HEIGHT: f64 = 260.0;
const QUANTILES: [(&str, f64); 6] = [
    ("0 %", 0.0),
    ("50 %", 0.5),
    ("90 %", 0.9),
    ("99 %", 0.99),
    ("99.9 %", 0.999),
    ("99.99 %", 0.9999),
];
/// The curve is drawn at so many points.
const POINTS: u32 = 120;
/// Nines at the right end.
const NINES: f64 = 4.0;
/// What takes less is drawn as if it took this, in milliseconds: the axis has no zero.
const LEAST: f64 = 0.01;

/// Draws below `top`; gives where the panel ends.
pub(super) fn draw(svg: &mut Svg, top: f64, latencies: &[Latencies]) -> f64 {
    let (top, right) = (top + LINE, WIDTH - RIGHT);
    let bottom = top + HEIGHT;
    let all: Vec<_> = latencies.iter().map(together).collect();
    let low = all.iter().map(|one| millis(one, 0.0).max(LEAST).log10());
    let high = all.iter().map(|one| millis(one, 1.0).max(LEAST).log10());
    let low = low.fold(f64::INFINITY, f64::min).floor();
    let high = high.fold(low + 1.0, f64::max).ceil();
    let x_at = |quantile: f64| LEFT + nines(quantile) / NINES * (right - LEFT);
    let y_at = |millis: f64| {
        let share = (millis.max(LEAST).log10() - low) / (high - low);
        bottom - share * HEIGHT
    };
    for (name, quantile) in QUANTILES {
        let x = x_at(quantile);
        svg.line((x, top), (x, bottom), GRID);
        svg.text((x, bottom + LINE), Anchor::Middle, name);
    }
    let mut decade = low;
    while decade < high + 0.5 {
        let value = 10f64.powf(decade);
        let y = y_at(value);
        svg.line((LEFT, y), (right, y), GRID);
        let digits = if decade < 0.0 { 2 } else { 0 };
        let text = format!("{value:.digits$} ms");
        svg.text((LEFT - 6.0, y + 4.0), Anchor::End, &text);
        decade += 1.0;
    }
    let mut legend = bottom + 2.0 * LINE;
    for ((latencies, one), colour) in latencies.iter().zip(&all).zip(COLOURS.iter().cycle()) {
        let points = (0..=POINTS).map(|point| {
            let quantile = 1.0 - 10f64.powf(-NINES * f64::from(point) / f64::from(POINTS));
            (x_at(quantile), y_at(millis(one, quantile)))
        });
        svg.curve(&points.collect::<Vec<_>>(), colour);
        svg.rect([LEFT, legend - 9.0, 12.0, 9.0], colour);
        svg.text((LEFT + 20.0, legend), Anchor::Start, latencies.name);
        legend += LINE;
    }
    legend + LINE
}

/// How many nines a quantile has.
fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

fn together(latencies: &Latencies) -> Histogram<u64> {
    let mut all = pace::histogram();
    for round in &latencies.rounds {
        all.add(round).expect("all histograms can grow");
    }
    all
}
