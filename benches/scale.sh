#!/usr/bin/env bash
# What a message costs with more of something: writes benches/SCALE.md and benches/scale.svg.
#
#   benches/scale.sh
#   benches/scale.sh --runtime smol --rounds 1
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --all-features --example bench
bench=target/release/examples/bench

source benches/machine.sh
machine=$(machine)
tables=$("$bench" scale --plot benches/scale.svg "$@")
cat >benches/SCALE.md <<SECTION
# What a message costs with more of something

$(date -u +%F), commit $(commit). Machine: $machine.
Run by \`benches/scale.sh${*:+ $*}\`.

![the same as a picture](scale.svg)

$tables
SECTION
