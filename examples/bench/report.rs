//! The figures of one run, as a table and as a line of JSON.

use std::{fmt, process::Output};

use serde::{Deserialize, Serialize};

use crate::{
    args::{Mode, Plan},
    measure::{Outcome, peak_memory_mib},
};

/// One run. Other clients' load generators print the same members.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    client: String,
    version: String,
    pub(crate) runtime: String,
    mode: String,
    size: usize,
    threads: usize,
    window: usize,
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    secs: f64,
    pub(crate) msgs_per_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    max_us: f64,
    pub(crate) cpu_us_per_msg: f64,
    /// None where the operating system does not tell.
    pub(crate) rss_mb: Option<f64>,
    pub(crate) first_send_ms: f64,
    /// What was under way at one time, for the table.
    #[serde(skip)]
    under_way: String,
}

impl Report {
    pub(crate) fn new(plan: &Plan, outcome: &Outcome) -> Self {
        let latency = |quantile| {
            let nanos = outcome.latencies.value_at_quantile(quantile);
            round(nanos as f64 / 1e3, 1)
        };
        let ok = outcome.latencies.len();
        let secs = outcome.elapsed.as_secs_f64();
        Self {
            client: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            runtime: plan.runtime.to_string(),
            mode: plan.mode.to_string(),
            size: plan.body.len(),
            threads: plan.threads,
            window: plan.window,
            ok,
            failed: outcome.failed,
            secs: round(secs, 3),
            msgs_per_s: round(ok as f64 / secs, 0),
            p50_us: latency(0.5),
            p99_us: latency(0.99),
            p999_us: latency(0.999),
            max_us: latency(1.0),
            cpu_us_per_msg: round(outcome.cpu.as_secs_f64() * 1e6 / ok.max(1) as f64, 3),
            rss_mb: peak_memory_mib().map(|memory| round(memory, 1)),
            first_send_ms: round(outcome.first_send.as_secs_f64() * 1e3, 2),
            under_way: under_way(plan),
        }
    }

    /// What another process of this program has printed with `--json`; why not, if it has not, or
    /// not all messages were acknowledged.
    pub(crate) fn of_process(output: &Output) -> Result<Self, String> {
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let report: Self =
            serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        match report.failed {
            0 => Ok(report),
            count => Err(format!("{count} messages were not acknowledged")),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers always serialise")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {}, {}, {} bytes", self.runtime, self.mode, self.under_way, self.size)?;
        let memory = self.rss_mb.map_or("unknown".to_owned(), |memory| format!("{memory:.1} MiB"));
        for (name, value) in [
            ("acknowledged", self.ok.to_string()),
            ("failed", self.failed.to_string()),
            ("time", format!("{:.3} s", self.secs)),
            ("throughput", format!("{} messages/s", grouped(self.msgs_per_s))),
            ("latency p50", format!("{:.1} µs", self.p50_us)),
            ("latency p99", format!("{:.1} µs", self.p99_us)),
            ("latency p99.9", format!("{:.1} µs", self.p999_us)),
            ("latency max", format!("{:.1} µs", self.max_us)),
            ("CPU", format!("{:.3} µs/message", self.cpu_us_per_msg)),
            ("memory, peak", memory),
            ("first send", format!("{:.2} ms", self.first_send_ms)),
        ] {
            writeln!(f, "  {name:<15}{value}")?;
        }
        Ok(())
    }
}

fn under_way(plan: &Plan) -> String {
    let requests = match plan.has_window() {
        true => format!("a window of {}", plan.window),
        false => format!("{} senders", plan.threads),
    };
    match plan.mode {
        Mode::Batch => format!("{requests}, batches of {}", plan.batch),
        Mode::Sync | Mode::Async | Mode::Oneway => requests,
    }
}

/// The number without its fraction, in groups of three digits.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn round(number: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (number * scale).round() / scale
}
