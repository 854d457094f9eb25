#!/usr/bin/env bash
# What cargo calls in place of rustc for the workspace's own crates, so that they tell
# libFuzzer where an input leads. What runs while building does without.
set -euo pipefail
if [[ " $* " == *" build_script_build "* ]]; then
    exec "$@"
fi
exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1
