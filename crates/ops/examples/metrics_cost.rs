//! What counting costs: ten counts an invocation, as on the hot path.
//!
//! `cargo run -p triggerfish-ops --example metrics_cost`

use std::time::{Duration, Instant};

use triggerfish_core::{Mode, Origin, TriggerType};
use triggerfish_ops::metrics::{self, FilterVerdict};

const INVOCATIONS: u32 = 300_000;
const INVOCATIONS_A_SECOND: f64 = 30_000.0;

#[expect(
    clippy::print_stdout,
    reason = "the figure is what this program is for"
)]
fn main() -> Result<(), metrics::InstallError> {
    let exporter = metrics::install()?;
    let mut spent = Duration::ZERO;
    for _ in 0..10 {
        let began = Instant::now();
        for number in 0..INVOCATIONS / 10 {
            invocation(Duration::from_micros(u64::from(number % 5000)));
        }
        // As the upkeep does in a process.
        let _ = exporter.render();
        spent += began.elapsed();
    }
    let each = spent.as_secs_f64() / f64::from(INVOCATIONS);
    println!(
        "{:.0} ns an invocation, with rendering; at {INVOCATIONS_A_SECOND:.0} invocations/s {:.2} % of a core",
        each * 1e9,
        each * INVOCATIONS_A_SECOND * 100.0
    );
    Ok(())
}

fn invocation(took: Duration) {
    metrics::filter_evaluated(FilterVerdict::Matched);
    metrics::invocation_requested(TriggerType::RequestResponse, Origin::RealTime);
    metrics::log_append_took(took);
    metrics::observation_applied("requested");
    metrics::attempt("answered", took);
    metrics::observation_applied("attempt_reported");
    metrics::completion_emitted("COMPLETED", Mode::Sync, took);
    metrics::calls(3, 4, 0);
}
