//! What a broker does by itself when its time has come.

use rocketmq_producer_core::time::{Instant, Now};

use super::Broker;
use crate::model::{Output, journal::Journal};

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// Messages that have waited long enough.
    Deliver,
    /// Marks of transactions that have ended.
    WriteMarks,
    /// Checks of transactions that have not.
    Check,
}

impl Broker {
    pub(in crate::model) fn deadline(&self) -> Option<Instant> {
        self.next_due().map(|(at, _)| at)
    }

    /// Does what is due, in the order in which it became due: much of it may be late.
    pub(in crate::model) fn handle_timeout(
        &mut self,
        now: Now,
        journal: &mut Journal,
    ) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some((_, due)) = self.next_due().filter(|(at, _)| *at <= now.instant) {
            match due {
                Due::Deliver => self.deliver(now, journal),
                Due::WriteMarks => self.transactions.write_marks(),
                Due::Check => outputs.extend(self.check_transactions(now, journal)),
            }
        }
        outputs
    }

    fn next_due(&self) -> Option<(Instant, Due)> {
        let deliver = self.schedule.next_due().map(|at| (at, Due::Deliver));
        let write = self.transactions.marks_due().map(|at| (at, Due::WriteMarks));
        let check = self.transactions.check_due().map(|at| (at, Due::Check));
        [deliver, write, check].into_iter().flatten().min()
    }
}
