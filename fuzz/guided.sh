#!/usr/bin/env bash
# Lets libFuzzer look for what breaks a target, guided by what the code does with an input:
#
#     fuzz/guided.sh filter -max_total_time=600
#
# Needs a C++ compiler, and no other toolchain than the workspace's. What is found on the way
# is kept in target/fuzz/TARGET, what breaks it in target/fuzz/TARGET-crash-….
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:?"name a target: $(ls fuzz/corpus | tr '\n' ' ')"}
shift
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
# The workspace's own crates are compiled without optimisation otherwise.
export CARGO_PROFILE_DEV_OPT_LEVEL=1
# With --target the flags are not for what runs while building.
cargo build --package triggerfish-fuzz --features guided --bin guided \
    --target "${host}" --target-dir target/guided
mkdir -p "target/fuzz/${target}"
FUZZ_TARGET=${target} "target/guided/${host}/debug/guided" \
    -artifact_prefix="target/fuzz/${target}-" -timeout=20 -max_len=16384 "$@" \
    "target/fuzz/${target}" "fuzz/corpus/${target}"
