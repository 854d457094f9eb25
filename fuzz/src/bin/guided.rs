//! One target under libFuzzer; `guided.sh` builds and starts it. `FUZZ_TARGET` names it.
//! What breaks it is a panic, which libFuzzer keeps.

#![no_main]

use std::sync::LazyLock;

use triggerfish_fuzz::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let target = TARGETS.into_iter().find(|target| target.name == name);
    target.unwrap_or_else(|| panic!("FUZZ_TARGET: there is no target {name:?}"))
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    (TARGET.check)(input);
});
