//! What a case has found: figures and latencies of each round, and what is to be reached.

use std::borrow::Cow;

use hdrhistogram::Histogram;

/// What a figure counts, and how it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    PerSecond,
    Ratio,
    Millis,
    Seconds,
    Mebibytes,
    Count,
}

impl Unit {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "/s",
            Self::Millis => "ms",
            Self::Seconds => "s",
            Self::Mebibytes => "MiB",
            Self::Ratio | Self::Count => "",
        }
    }

    /// Digits after the point that mean something.
    pub(super) const fn digits(self) -> usize {
        match self {
            Self::PerSecond | Self::Count => 0,
            Self::Mebibytes => 1,
            Self::Millis | Self::Seconds => 2,
            Self::Ratio => 3,
        }
    }

    pub(super) fn show(self, value: f64) -> String {
        let digits = self.digits();
        match self.name() {
            "" => format!("{value:.digits$}"),
            "/s" => format!("{value:.digits$}/s"),
            unit => format!("{value:.digits$} {unit}"),
        }
    }
}

/// Something that each round gives a value of.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// For machines, unique in the case.
    pub(super) key: Cow<'static, str>,
    /// For people.
    pub(super) name: Cow<'static, str>,
    pub(super) unit: Unit,
}

impl Figure {
    pub(super) const fn new(key: &'static str, name: &'static str, unit: Unit) -> Self {
        Self {
            key: Cow::Borrowed(key),
            name: Cow::Borrowed(name),
            unit,
        }
    }
}

/// What a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    pub(super) const fn value(self) -> f64 {
        match self {
            Self::AtLeast(value) | Self::AtMost(value) => value,
        }
    }

    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

/// Which value has to keep the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The median of the rounds: how fast something is.
    Median,
    /// The worst of the rounds: what must never be otherwise.
    Every,
}

/// What is to be reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    pub(super) bound: Bound,
    pub(super) which: Which,
}

/// The values of a figure, one for each round.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) figure: Figure,
    pub(super) rounds: Vec<f64>,
    pub(super) goal: Option<Goal>,
}

impl Values {
    pub(super) fn median(&self) -> f64 {
        median(&self.rounds)
    }

    pub(super) fn low(&self) -> f64 {
        self.rounds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(super) fn high(&self) -> f64 {
        let least = f64::NEG_INFINITY;
        self.rounds.iter().copied().fold(least, f64::max)
    }

    /// The value that the goal is about.
    pub(super) fn judged(&self, goal: Goal) -> f64 {
        match (goal.which, goal.bound) {
            (Which::Median, _) => self.median(),
            (Which::Every, Bound::AtLeast(_)) => self.low(),
            (Which::Every, Bound::AtMost(_)) => self.high(),
        }
    }

    pub(super) fn is_reached(&self, goal: Goal) -> bool {
        goal.bound.is_met(self.judged(goal))
    }
}

/// How long something took in each round, in microseconds.
#[derive(Debug)]
pub(super) struct Latencies {
    /// For machines, unique in the case.
    pub(super) key: &'static str,
    /// For people.
    pub(super) name: &'static str,
    pub(super) rounds: Vec<Histogram<u64>>,
}

impl Latencies {
    /// The median of what the rounds have at this quantile, in milliseconds.
    pub(super) fn millis(&self, quantile: f64) -> f64 {
        let rounds = self.rounds.iter();
        let rounds: Vec<f64> = rounds.map(|round| millis(round, quantile)).collect();
        median(&rounds)
    }
}

/// Everything that a case has found.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) case: &'static str,
    pub(super) about: String,
    pub(super) figures: Vec<Values>,
    pub(super) latencies: Vec<Latencies>,
}

impl Outcome {
    pub(super) fn new(case: &'static str, about: String) -> Self {
        Self {
            case,
            about,
            figures: Vec::new(),
            latencies: Vec::new(),
        }
    }

    /// A round has given this value. Figures are shown in the order of their first values.
    pub(super) fn add(&mut self, figure: &Figure, value: f64) {
        self.values(figure).rounds.push(value);
    }

    /// A round has given these latencies, in microseconds.
    pub(super) fn add_latencies(
        &mut self,
        key: &'static str,
        name: &'static str,
        round: Histogram<u64>,
    ) {
        if let Some(known) = self.latencies.iter_mut().find(|known| known.key == key) {
            known.rounds.push(round);
        } else {
            let rounds = vec![round];
            self.latencies.push(Latencies { key, name, rounds });
        }
    }

    /// The median of the rounds is to be so.
    pub(super) fn reach(&mut self, figure: &Figure, bound: Bound) {
        let which = Which::Median;
        self.values(figure).goal = Some(Goal { bound, which });
    }

    /// Every round has to be so.
    pub(super) fn hold(&mut self, figure: &Figure, bound: Bound) {
        let which = Which::Every;
        self.values(figure).goal = Some(Goal { bound, which });
    }

    fn values(&mut self, figure: &Figure) -> &mut Values {
        let known = self.figures.iter();
        let mut known = known.map(|known| &known.figure.key);
        let index = known.position(|key| *key == figure.key);
        let index = index.unwrap_or_else(|| {
            self.figures.push(Values {
                figure: figure.clone(),
                rounds: Vec::new(),
                goal: None,
            });
            self.figures.len() - 1
        });
        &mut self.figures[index]
    }
}

/// A count as the value of a figure.
#[expect(clippy::cast_precision_loss, reason = "counts of a bench are small")]
pub(super) const fn count(number: u64) -> f64 {
    number as f64
}

/// A value of a histogram of microseconds, in milliseconds.
pub(super) fn millis(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "latencies are small numbers")]
    let micros = histogram.value_at_quantile(quantile) as f64;
    micros / 1000.0
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

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURE: Figure = Figure::new("ratio", "ratio", Unit::Ratio);

    fn outcome(rounds: &[f64]) -> Outcome {
        let mut outcome = Outcome::new("test", String::new());
        for round in rounds {
            outcome.add(&FIGURE, *round);
        }
        outcome
    }

    fn is_reached(outcome: &Outcome) -> bool {
        let values = &outcome.figures[0];
        values.is_reached(values.goal.unwrap())
    }

    #[test]
    fn a_pace_is_judged_by_the_median_and_a_promise_by_the_worst() {
        let mut outcome = outcome(&[0.2, 0.4, 0.9]);
        assert_eq!(outcome.figures.len(), 1);
        for (bound, median, every) in [
            (Bound::AtLeast(0.3), true, false),
            (Bound::AtMost(0.5), true, false),
            (Bound::AtLeast(0.41), false, false),
            (Bound::AtMost(0.9), true, true),
        ] {
            outcome.reach(&FIGURE, bound);
            assert_eq!(is_reached(&outcome), median, "{bound:?}");
            outcome.hold(&FIGURE, bound);
            assert_eq!(is_reached(&outcome), every, "{bound:?}");
        }
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        let values = &outcome(&[4.0, 1.0, 2.0, 3.0]).figures[0];
        assert!((values.median() - 2.5).abs() < 1e-9);
        assert!((values.low() - 1.0).abs() < 1e-9 && (values.high() - 4.0).abs() < 1e-9);
    }
}
