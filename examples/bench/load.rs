//! When to send what, and what became of it: shared by all senders of one phase.

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use bytestring::ByteString;
use rocketmq_producer::{Message, MessageQueue, OnewayStats, SendError, SendOptions};
use smol::channel::{Receiver, unbounded};

use crate::{
    args::{Mode, Plan},
    error::Error,
    recorder::Recorder,
};

/// One phase of a run: so many messages, sent by as many senders as the plan has.
#[derive(Debug)]
pub(crate) struct Load {
    plan: Plan,
    schedule: Schedule,
    recorder: Arc<Recorder>,
}

impl Load {
    pub(crate) fn new(plan: &Plan, count: u64) -> Arc<Self> {
        let batch = plan.batch as u64;
        let schedule = match plan.rate {
            Some(rate) => Schedule::paced(count, batch, rate),
            None => Schedule::Free { next: AtomicU64::new(0), count, batch },
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

    /// What is done to them.
    pub(crate) fn mode(&self) -> Mode {
        self.plan.mode
    }

    /// One sender of many that await the end of each send.
    pub(crate) async fn work<T, F>(&self, sender: usize, send: impl Fn(Message) -> F)
    where
        F: Future<Output = Result<T, SendError>>,
    {
        let mut now = Instant::now();
        while let Some(turn) = self.schedule.next(now).await {
            let result = send(self.plan.message(turn.first)).await;
            now = Instant::now();
            self.recorder.record(sender, now - turn.due, &[result]);
        }
    }

    /// The same with batches.
    pub(crate) async fn work_in_batches<T, F>(
        &self,
        sender: usize,
        send: impl Fn(Vec<Message>) -> F,
    ) where
        F: Future<Output = Vec<Result<T, SendError>>>,
    {
        let mut now = Instant::now();
        while let Some(turn) = self.schedule.next(now).await {
            let results = send(self.messages(turn)).await;
            now = Instant::now();
            self.recorder.record(sender, now - turn.due, &results);
        }
    }

    /// One sender of many that block.
    pub(crate) fn work_blocking<T, E: Display>(
        &self,
        sender: usize,
        mut send: impl FnMut(Message) -> Result<T, E>,
    ) {
        let mut now = Instant::now();
        while let Some(turn) = self.next_blocking(now) {
            let result = send(self.plan.message(turn.first));
            now = Instant::now();
            self.recorder.record(sender, now - turn.due, &[result]);
        }
    }

    /// The same with batches.
    pub(crate) fn work_blocking_in_batches<T, E: Display>(
        &self,
        sender: usize,
        mut send: impl FnMut(Vec<Message>) -> Vec<Result<T, E>>,
    ) {
        let mut now = Instant::now();
        while let Some(turn) = self.next_blocking(now) {
            let results = send(self.messages(turn));
            now = Instant::now();
            self.recorder.record(sender, now - turn.due, &results);
        }
    }

    /// The next message or batch; none when all have been sent. What has no fixed instant is due now.
    pub(crate) fn next_blocking(&self, now: Instant) -> Option<Turn> {
        match &self.schedule {
            Schedule::Free { .. } => self.schedule.take(now),
            Schedule::Paced(due) => due.recv_blocking().ok(),
        }
    }

    /// Those of one batch, which are of one topic.
    fn messages(&self, turn: Turn) -> Vec<Message> {
        let batch = turn.first / self.plan.batch as u64;
        (0..turn.count).map(|_| self.plan.message(batch)).collect()
    }

    /// What is to be sent when all one-way messages are, one to each broker: when they have answered
    /// it they have read everything before it. Nothing in other modes.
    pub(crate) fn last_words(
        &self,
        queues: impl Fn(&str) -> Vec<MessageQueue>,
    ) -> Vec<(Message, SendOptions)> {
        if self.plan.mode != Mode::Oneway {
            return Vec::new();
        }
        let mut queues: Vec<_> = self.plan.topics.iter().flat_map(|topic| queues(topic)).collect();
        queues.sort_by(|one, other| one.broker_name.cmp(&other.broker_name));
        queues.dedup_by(|one, other| one.broker_name == other.broker_name);
        let to = |queue: MessageQueue| {
            let message = Message::new(queue.topic.clone(), self.plan.body.clone());
            (message, SendOptions::new().with_queue(queue))
        };
        queues.into_iter().map(to).collect()
    }
}

/// One-way messages are worth counting if none of them can have been lost.
pub(crate) fn nothing_in_doubt(stats: OnewayStats) -> Result<(), Error> {
    match stats.requests_in_doubt {
        0 => Ok(()),
        count => Err(Error::InDoubt(count)),
    }
}

/// What one sender does at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// When.
    pub(crate) due: Instant,
    /// The number of the first message.
    first: u64,
    /// How many messages.
    count: usize,
}

/// When messages are due.
#[derive(Debug)]
enum Schedule {
    /// As soon as a sender is free.
    Free { next: AtomicU64, count: u64, batch: u64 },
    /// At fixed instants, whether or not a sender is free: a message that had to wait for one is
    /// measured from the instant it was due, so a slow cluster cannot hide behind its slowness.
    Paced(Receiver<Turn>),
}

impl Schedule {
    /// A thread hands out the turns when they come; runtimes' own timers are too coarse.
    fn paced(count: u64, batch: u64, rate: u32) -> Self {
        let (hand_out, turns) = unbounded();
        thread::spawn(move || {
            let start = Instant::now();
            for first in (0..count).step_by(batch as usize) {
                let due = start + Duration::from_secs_f64(first as f64 / f64::from(rate));
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let count = batch.min(count - first) as usize;
                if hand_out.send_blocking(Turn { due, first, count }).is_err() {
                    return;
                }
            }
        });
        Self::Paced(turns)
    }

    async fn next(&self, now: Instant) -> Option<Turn> {
        match self {
            Self::Free { .. } => self.take(now),
            Self::Paced(turns) => turns.recv().await.ok(),
        }
    }

    fn take(&self, now: Instant) -> Option<Turn> {
        let Self::Free { next, count, batch } = self else { return None };
        let first = next.fetch_add(*batch, Ordering::Relaxed);
        let left = count.checked_sub(first).filter(|left| *left > 0)?;
        Some(Turn { due: now, first, count: left.min(*batch) as usize })
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

/// The names of so many topics, shared in the same way.
pub(crate) fn topics(first: &str, count: usize) -> &'static [ByteString] {
    let name = |number| if number == 0 { first.to_owned() } else { format!("{first}-{number}") };
    let shared = |name: String| ByteString::from_static(name.leak());
    (0..count).map(|number| shared(name(number))).collect::<Vec<_>>().leak()
}
