//! A short run of every target, the same each time.
//!
//! `FUZZ_SECONDS` makes it longer, `FUZZ_SEED` another one.

use std::fs;
use std::time::Duration;

use triggerfish_fuzz::{TARGETS, Target, corpus, folder, run::Plan};

/// All targets together stay well below a minute.
const SECONDS: u64 = 2;
const INPUTS: usize = 20_000;
const CORPUS_BYTES_MAX: u64 = 500_000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} must be a number, not {text:?}")),
    )
}

#[expect(clippy::print_stdout, reason = "how much was tried")]
fn run(name: &str) {
    let seconds = number("FUZZ_SECONDS");
    let plan = Plan {
        seed: number("FUZZ_SEED").unwrap_or(1),
        inputs: if seconds.is_some() {
            usize::MAX
        } else {
            INPUTS
        },
        time: Duration::from_secs(seconds.unwrap_or(SECONDS)),
    };
    let ran = target(name).run(plan);
    println!("{name}: {} inputs, {} of them taken", ran.inputs, ran.taken);
    assert!(ran.inputs > 0);
}

fn target(name: &str) -> Target {
    let target = TARGETS.into_iter().find(|target| target.name == name);
    target.unwrap_or_else(|| panic!("there is no target {name}"))
}

macro_rules! runs {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            run($name);
        })*

        #[test]
        fn every_target_has_its_run() {
            let run = [$($name),*];
            let all = TARGETS.map(|target| target.name);
            assert_eq!(run, all);
        }
    };
}

runs! {
    observation: "observation",
    state: "state",
    action: "action",
    trigger_event: "trigger-event",
    peer_message: "peer-message",
    announcement: "announcement",
    cloud_event: "cloud-event",
    cloud_event_binary: "cloud-event-binary",
    upstream_record: "upstream-record",
    log_batch: "log-batch",
    log_key: "log-key",
    log_journal: "log-journal",
    view: "view",
    view_block: "view-block",
    rebuild_start: "rebuild-start",
    registry_record: "registry-record",
    registry_file: "registry-file",
    patch: "patch",
    config: "config",
    filter: "filter",
    credential: "credential",
    retry_after: "retry-after",
}

#[test]
fn the_corpus_is_small_and_does_what_its_names_say() {
    let mut bytes = 0;
    let mut wrong = Vec::new();
    for target in TARGETS {
        let entries = corpus(&target).expect("a folder in the corpus");
        let mut good = 0;
        for entry in entries {
            bytes += entry.bytes.len() as u64;
            let taken = (target.check)(&entry.bytes);
            good += u32::from(taken);
            let expected = !entry.name.starts_with("no-");
            if taken != expected && !entry.name.starts_with("bug-") {
                wrong.push(format!("{}/{}: taken: {taken}", target.name, entry.name));
            }
        }
        if good == 0 {
            wrong.push(format!("{} has nothing that is taken", target.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(bytes < CORPUS_BYTES_MAX, "the corpus has {bytes} bytes");
}

/// Bytes that an earlier version wrote stay in the corpus, and stay readable.
#[test]
fn what_the_code_writes_is_taken() {
    for target in TARGETS {
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            assert!((target.check)(&seed), "{} {number}", target.name);
            if number < 6 && std::env::var_os("UPDATE_CORPUS").is_some() {
                let file = folder(&target).join(format!("written-{number}.bin"));
                fs::create_dir_all(folder(&target)).expect("a folder");
                fs::write(file, seed).expect("a file");
            }
        }
    }
}
