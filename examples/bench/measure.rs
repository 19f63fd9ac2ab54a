//! The measured part of a run: from its first message to its last answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};

use crate::{args::Plan, load::Load, progress::Progress};

/// A measurement that has begun.
#[derive(Debug)]
pub(crate) struct Measurement {
    load: Arc<Load>,
    progress: Progress,
    begun: Instant,
    cpu_before: Duration,
}

/// What has been measured.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Nanoseconds from call to reply, of acknowledged messages.
    pub(crate) latencies: Histogram<u64>,
    pub(crate) failed: u64,
    pub(crate) first_failure: Option<String>,
    pub(crate) elapsed: Duration,
    /// User and system time of this process.
    pub(crate) cpu: Duration,
    /// From just before the producer was made to the first acknowledged message.
    pub(crate) first_send: Duration,
}

impl Measurement {
    /// The warm-up is over.
    pub(crate) fn begin(plan: &Plan) -> Self {
        let load = Load::new(plan, plan.count);
        let progress = Progress::start(plan, load.recorder());
        Self { load, progress, cpu_before: process_cpu(), begun: Instant::now() }
    }

    pub(crate) fn load(&self) -> &Arc<Load> {
        &self.load
    }

    /// The last answer is there.
    pub(crate) fn end(self, first_send: Duration) -> Outcome {
        let elapsed = self.begun.elapsed();
        let cpu = process_cpu().saturating_sub(self.cpu_before);
        self.progress.finish();
        let total = self.load.recorder().total();
        Outcome {
            latencies: total.latencies,
            failed: total.failed,
            first_failure: total.first_failure,
            elapsed,
            cpu,
            first_send,
        }
    }
}

/// User and system time of all threads of this process, those that have ended included.
fn process_cpu() -> Duration {
    // The operating system's answer is never negative.
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

/// Peak resident memory of this process in MiB, where the operating system has a `/proc`.
pub(crate) fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}
