//! Runs worlds, each on a thread and a runtime of its own, whose time stands still but for
//! what is slept.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tempfile::TempDir;
use triggerfish_runtime::faults::{Fault, broken};
use triggerfish_simulator::{Plan, Report, prepare, run, shrink};

/// Names the seed to run alone.
pub(crate) const SEED: &str = "SIM_SEED";
/// How many seeds to run.
pub(crate) const SEEDS: &str = "SIM_SEEDS";
/// Names the fault that is put in.
pub(crate) const FAULT: &str = "SIM_FAULT";
/// Lines of its history that are shown of a world that fails.
const SHOWN: usize = 60;

/// Runs the world of `plan`, with a rule broken.
pub(crate) fn world(plan: &Plan, fault: Option<Fault>) -> Report {
    prepare();
    let _broken = broken(fault);
    let folder = folder();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be made");
    runtime.block_on(run(plan, folder.path()))
}

/// In memory where that is possible: what is on these disks is not needed afterwards.
fn folder() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.expect("a folder can be made")
}

/// Runs seeds on two threads, until one fails or `more` says that it is enough; the lowest
/// that fails, and how many were run.
pub(crate) fn first_that_fails(
    seeds: std::ops::Range<u64>,
    fault: Option<Fault>,
) -> (Option<(u64, Report)>, u64) {
    let next = AtomicU64::new(seeds.start);
    let found: Mutex<Option<(u64, Report)>> = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || found.lock().expect("no panic").is_some() {
                        return;
                    }
                    let report = world(&Plan::of(seed), fault);
                    let mut found = found.lock().expect("no panic");
                    if report.broken.is_some()
                        && found.as_ref().is_none_or(|(known, _)| seed < *known)
                    {
                        *found = Some((seed, report));
                    }
                }
            });
        }
    });
    let run = next.load(Ordering::Relaxed).min(seeds.end) - seeds.start;
    (found.into_inner().expect("no panic"), run)
}

/// What a person needs to know of a seed that fails: how to see it again, and the shortest
/// story that fails alike.
pub(crate) fn story(seed: u64, fault: Option<Fault>) -> String {
    let plan = Plan::of(seed);
    let invariant = world(&plan, fault).broken.map(|broken| broken.invariant);
    let fails = |plan: &Plan| {
        let broken = world(plan, fault).broken;
        broken.is_some() && broken.map(|broken| broken.invariant) == invariant
    };
    let smallest = shrink(&plan, fails);
    let report = world(&smallest, fault);
    let lines = report.history.len().saturating_sub(SHOWN);
    let history = report.history[lines..].join("\n");
    let put_in = fault.map(|fault| format!("{FAULT}={} ", fault.name()));
    format!(
        "{broken}\n\nSee it again: {put_in}{SEED}={seed} cargo test -p triggerfish-simulator --test it seeds\n\nThe shortest story that was found:\n{smallest}\nHow it ends:\n{history}\n",
        broken = report.broken.map_or_else(
            || "it does not fail again".to_owned(),
            |broken| broken.to_string()
        ),
        put_in = put_in.unwrap_or_default(),
    )
}
