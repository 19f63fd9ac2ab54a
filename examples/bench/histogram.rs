//! Latencies, drawn with characters.

use std::{collections::BTreeMap, fmt::Write as _};

use hdrhistogram::Histogram;

/// Characters of the longest bar.
const WIDTH: f64 = 50.0;
/// Upper ends of the rows within a power of ten: ten equal steps of a logarithm, rounded.
const STEPS: [u64; 10] = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];

/// One row for each step, from the fastest message to the slowest; empty for no messages.
pub(crate) fn draw(latencies: &Histogram<u64>) -> String {
    let mut rows: BTreeMap<u64, u64> = ends()
        .skip_while(|end| *end < latencies.min())
        .take_while(|end| *end < latencies.max())
        .map(|end| (end, 0))
        .collect();
    for step in latencies.iter_recorded() {
        let value = step.value_iterated_to();
        let end = ends().find(|end| *end >= value).unwrap_or(u64::MAX);
        *rows.entry(end).or_default() += step.count_since_last_iteration();
    }
    let most = rows.values().max().map_or(1.0, |most| *most as f64);
    let mut out = String::new();
    for (end, count) in rows {
        let percent = count as f64 / latencies.len() as f64 * 100.0;
        let bar = "█".repeat((count as f64 / most * WIDTH).ceil() as usize);
        // Writing to a `String` does not fail.
        let _ = writeln!(out, "  ≤ {:>8} {percent:>6.2}% {bar}", shown(end));
    }
    out
}

/// 1 µs, 1.25 µs, 1.6 µs, …, in nanoseconds.
fn ends() -> impl Iterator<Item = u64> {
    let powers = std::iter::successors(Some(10_u64), |power| power.checked_mul(10));
    powers.flat_map(|power| STEPS.map(|step| power.saturating_mul(step)))
}

fn shown(nanos: u64) -> String {
    match nanos {
        0..1_000_000 => format!("{} µs", nanos as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{} ms", nanos as f64 / 1e6),
        _ => format!("{} s", nanos as f64 / 1e9),
    }
}
