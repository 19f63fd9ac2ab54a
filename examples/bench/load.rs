//! When to send what, and what became of it: shared by all senders of one phase.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rocketmq_producer::{Message, SendError, SendReceipt};
use smol::channel::{Receiver, unbounded};

use crate::{args::Plan, recorder::Recorder};

/// One phase of a run: so many messages, sent by as many senders as the plan has.
#[derive(Debug)]
pub(crate) struct Load {
    plan: Plan,
    schedule: Schedule,
    recorder: Arc<Recorder>,
}

impl Load {
    pub(crate) fn new(plan: &Plan, count: u64) -> Arc<Self> {
        let schedule = match plan.rate {
            Some(rate) => Schedule::paced(count, rate),
            None => Schedule::Free { next: AtomicU64::new(0), count },
        };
        Arc::new(Self { plan: plan.clone(), schedule, recorder: Arc::default() })
    }

    pub(crate) fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// The numbers of the senders.
    pub(crate) fn senders(&self) -> std::ops::Range<usize> {
        0..self.plan.senders()
    }

    /// One sender of many that await their answers.
    pub(crate) async fn work<F>(&self, sender: usize, send: impl Fn(Message) -> F)
    where
        F: Future<Output = Result<SendReceipt, SendError>>,
    {
        let message = self.plan.message();
        while let Some(due) = self.schedule.next().await {
            let result = send(message.clone()).await;
            self.recorder.record(sender, due.elapsed(), &result);
        }
    }

    /// One sender of many that block.
    pub(crate) fn work_blocking<E: std::fmt::Display>(
        &self,
        sender: usize,
        mut send: impl FnMut(Message) -> Result<SendReceipt, E>,
    ) {
        let message = self.plan.message();
        while let Some(due) = self.next_blocking() {
            let result = send(message.clone());
            self.recorder.record(sender, due.elapsed(), &result);
        }
    }

    /// When the next message is due; none when all have been sent.
    pub(crate) fn next_blocking(&self) -> Option<Instant> {
        match &self.schedule {
            Schedule::Free { .. } => self.schedule.take(),
            Schedule::Paced(due) => due.recv_blocking().ok(),
        }
    }
}

/// When messages are due.
#[derive(Debug)]
enum Schedule {
    /// As soon as a sender is free.
    Free { next: AtomicU64, count: u64 },
    /// At fixed instants, whether or not a sender is free: a message that had to wait for one is
    /// measured from the instant it was due, so a slow cluster cannot hide behind its slowness.
    Paced(Receiver<Instant>),
}

impl Schedule {
    /// A thread hands out the instants when they come; runtimes' own timers are too coarse.
    fn paced(count: u64, rate: u32) -> Self {
        let (hand_out, due) = unbounded();
        thread::spawn(move || {
            let start = Instant::now();
            for number in 0..count {
                let at = start + Duration::from_secs_f64(number as f64 / f64::from(rate));
                thread::sleep(at.saturating_duration_since(Instant::now()));
                if hand_out.send_blocking(at).is_err() {
                    return;
                }
            }
        });
        Self::Paced(due)
    }

    async fn next(&self) -> Option<Instant> {
        match self {
            Self::Free { .. } => self.take(),
            Self::Paced(due) => due.recv().await.ok(),
        }
    }

    fn take(&self) -> Option<Instant> {
        let Self::Free { next, count } = self else { return None };
        (next.fetch_add(1, Ordering::Relaxed) < *count).then(Instant::now)
    }
}

/// Fixed bytes that look random (xorshift), shared by all messages without counting references.
pub(crate) fn body(size: usize) -> Bytes {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    Bytes::from_static(std::iter::repeat_with(byte).take(size).collect::<Vec<_>>().leak())
}
