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

## Why

* **In flight.** A send that is alone pays for its own system calls and wake-ups; sends that are under way together
  share them, until their memory no longer fits the caches. Beyond that point the time in the queue grows with the
  number, as it must (Little's law: in flight divided by messages a second), and memory with it: a send under way keeps its
  body, its state, and its frame while that is queued.
* **Brokers.** The sends in flight are spread over as many connections, and each connection reads and writes for itself: a
  call on the operating system serves fewer of them. With 64 brokers and 256 sends it serves one or two.
* **Topics.** Each keeps its route; what is looked up for a send is seldom in a cache any more.
* **Bodies.** Up to 4 KiB they are copied behind their headers, which costs less than a piece of its own in a write; above
  that nothing of ours copies them. What is left is the kernel's copy, and grows with the bytes. The largest ones are
  under way a few at a time, as connections and permits are bounded by bytes, too.
SECTION
