//! Medians and how they are printed.

use serde_json::json;

use crate::commands::print;

/// Throughput of the reference and of Triggerfish, one pair a round.
pub(super) struct Rounds {
    pub(super) reference: Vec<f64>,
    pub(super) measured: Vec<f64>,
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

fn range(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    (low, high)
}

impl Rounds {
    /// Ratio of each round, so that both of a pair saw the same machine.
    fn ratios(&self) -> Vec<f64> {
        self.measured
            .iter()
            .zip(&self.reference)
            .map(|(m, r)| m / r)
            .collect()
    }

    pub(super) fn print(&self, case: &str, reach: f64, as_json: bool) {
        let ratios = self.ratios();
        let rows = [
            ("bare loop", &self.reference),
            ("triggerfish", &self.measured),
            ("ratio", &ratios),
        ];
        if as_json {
            let stats = |values: &[f64]| {
                let (low, high) = range(values);
                json!({ "median": median(values), "low": low, "high": high })
            };
            let [reference, measured, ratio] = rows.map(|(_, values)| stats(values));
            print(json!({
                "case": case,
                "unit": "invocations/s",
                "reference": reference,
                "measured": measured,
                "ratio": ratio,
                "reach": reach,
            }));
            return;
        }
        print(format_args!(
            "{case}, {} rounds, median (lowest to highest)",
            ratios.len()
        ));
        for (name, values) in rows {
            let (low, high) = range(values);
            let digits = if name == "ratio" { 3 } else { 0 };
            let unit = if name == "ratio" { "" } else { "/s" };
            print(format_args!(
                "  {name:<12} {:>10.digits$}{unit}  ({low:.digits$} to {high:.digits$})",
                median(values)
            ));
        }
        print(format_args!("  to reach     {reach:>10.3}"));
    }
}
