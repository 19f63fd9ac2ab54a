//! The bar that is shown while it runs.

use std::{
    io::{IsTerminal, stderr},
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{args::Plan, recorder::Recorder};

const INTERVAL: Duration = Duration::from_millis(250);
const TEMPLATE: &str = "{bar:32} {percent:>3}%  {msg}  {eta} left";

/// Redraws a bar on a thread of its own, on a terminal; elsewhere it does nothing.
#[derive(Debug)]
pub(crate) struct Progress(Option<(Sender<()>, JoinHandle<()>)>);

impl Progress {
    pub(crate) fn start(plan: &Plan, recorder: &Arc<Recorder>) -> Self {
        if plan.json || !stderr().is_terminal() {
            return Self(None);
        }
        let (recorder, count) = (Arc::clone(recorder), plan.count);
        let (stop, stopped) = channel();
        let thread = thread::spawn(move || {
            let bar = ProgressBar::new(count);
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            let mut view = View::new(&recorder);
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                view.show(&bar);
            }
            bar.finish_and_clear();
        });
        Self(Some((stop, thread)))
    }

    /// Removes the bar.
    pub(crate) fn finish(self) {
        if let Some((stop, thread)) = self.0 {
            drop(stop);
            // A bar that has panicked has said so itself, and changes no figure.
            let _ = thread.join();
        }
    }
}

/// What has come since the last look.
struct View<'a> {
    recorder: &'a Recorder,
    before: hdrhistogram::Histogram<u64>,
    at: Instant,
}

impl<'a> View<'a> {
    fn new(recorder: &'a Recorder) -> Self {
        Self { recorder, before: recorder.total().latencies, at: Instant::now() }
    }

    fn show(&mut self, bar: &ProgressBar) {
        let total = self.recorder.total();
        let mut recent = total.latencies.clone();
        // It contains the one before, so nothing can be missing from it.
        let _ = recent.subtract(&self.before);
        let rate = recent.len() as f64 / self.at.elapsed().as_secs_f64();
        let p99 = recent.value_at_quantile(0.99) as f64 / 1e3;
        bar.set_message(format!("{rate:.0}/s  {} failed  p99 {p99:.0} µs", total.failed));
        bar.set_position(total.latencies.len() + total.failed);
        (self.before, self.at) = (total.latencies, Instant::now());
    }
}
