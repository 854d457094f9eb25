#!/usr/bin/env bash
# Lets libFuzzer look for what breaks a target, guided by what the workspace's code does with
# an input:
#
#     fuzz/guided.sh filter -max_total_time=600
#
# Needs a C++ compiler, and no other toolchain than the workspace's. What is found on the way
# is kept in target/fuzz/TARGET, what breaks it in target/fuzz/TARGET-crash-….
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:?"name a target: $(ls fuzz/corpus | tr '\n' ' ')"}
shift
RUSTC_WORKSPACE_WRAPPER="${PWD}/fuzz/rustc-guided.sh" CARGO_PROFILE_DEV_OPT_LEVEL=1 \
    cargo build --package triggerfish-fuzz --features guided --bin guided
mkdir -p "target/fuzz/${target}"
FUZZ_TARGET=${target} target/debug/guided \
    -artifact_prefix="target/fuzz/${target}-" -timeout=20 -max_len=16384 "$@" \
    "target/fuzz/${target}" "fuzz/corpus/${target}"
