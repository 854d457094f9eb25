//! Every seed keeps the invariants.

use std::env;
use std::time::Instant;

use triggerfish_runtime::faults::Fault;
use triggerfish_simulator::Plan;

use crate::runner::{FAULT, SEED, SEEDS, first_that_fails, story, world};

/// Run by every build.
const COUNT: u64 = 2_000;

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

#[test]
fn seeds_keep_the_invariants() {
    let fault = env::var(FAULT).ok().map(|name| {
        Fault::named(&name).unwrap_or_else(|| panic!("{FAULT}: there is no fault {name}"))
    });
    let seeds = match number(SEED) {
        Some(seed) => seed..seed + 1,
        None => 0..number(SEEDS).unwrap_or(COUNT),
    };
    let began = Instant::now();
    let (found, run) = first_that_fails(seeds, fault);
    println!("{run} seeds in {:.1} s", began.elapsed().as_secs_f64());
    if let Some(seed) = number(SEED) {
        let report = world(&Plan::of(seed), fault);
        println!(
            "digest {:016x} after {} s of its time\n{}",
            report.digest,
            report.lasted,
            report.history.join("\n")
        );
    }
    if let Some((seed, _)) = found {
        panic!("seed {seed}: {}", story(seed, fault));
    }
}
