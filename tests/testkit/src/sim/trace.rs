//! What has happened in a run: a hash that tells two runs apart, and a timeline for humans.

use std::fmt::Write as _;

use rocketmq_producer_core::time::Instant;

/// FNV-1a, so that the hash is the same in every build and on every machine.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// See the module.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    events: u64,
    /// None unless somebody wants to read it: text costs more than the run itself.
    timeline: Option<String>,
}

impl Trace {
    pub(super) fn new(timeline: bool) -> Self {
        Self { hash: FNV_OFFSET, events: 0, timeline: timeline.then(String::new) }
    }

    /// Something has happened: `what` and `numbers` identify it, `text` tells of it.
    pub(super) fn note(
        &mut self,
        now: Instant,
        what: &'static str,
        numbers: &[u64],
        text: impl FnOnce() -> String,
    ) {
        self.events += 1;
        self.mix(&now.as_nanos().to_le_bytes());
        self.mix(what.as_bytes());
        for number in numbers {
            self.mix(&number.to_le_bytes());
        }
        if let Some(timeline) = &mut self.timeline {
            let seconds = now.as_nanos() as f64 / 1e9;
            let _ = writeln!(timeline, "{seconds:>12.6}  {what:<10} {}", text());
        }
    }

    fn mix(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    pub(super) fn timeline(&self) -> &str {
        self.timeline.as_deref().unwrap_or("")
    }
}
