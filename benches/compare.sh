#!/usr/bin/env bash
# Compares every runtime with the floor, and prints a section for RESULTS.md:
#
#   benches/compare.sh                          # everything, five rounds
#   benches/compare.sh --mode sync --rounds 9
#   benches/compare.sh --append                 # also adds the section to benches/RESULTS.md
set -euo pipefail
cd "$(dirname "$0")/.."

results=/dev/null
if [ "${1:-}" = --append ]; then
    results=benches/RESULTS.md
    shift
fi

cargo build --release --all-features --example bench
bench=target/release/examples/bench

source benches/machine.sh
# Before the runs, which make a load of their own.
machine=$(machine)
tables=$("$bench" compare "$@")
cat <<SECTION | tee -a "$results"

# $(date -u +%F), commit $(commit)

Machine: $machine.
Run by \`benches/compare.sh${*:+ $*}\`. Median [least – most]; each ratio is to the run of the floor
just before. 1 KiB bodies, unless told otherwise. ✓ meets its target: peak memory at most 12 MiB and the
first acknowledged message within 5 ms everywhere.

$tables
SECTION
