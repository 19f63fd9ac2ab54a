//! Waits whose time is up, and peers that are silent.

use std::time::Duration;

use super::{CallError, Link, LinkEvent};
use crate::{
    mutants::{Mutant::ExpiredCallsStay, is_on},
    time::{Instant, Now},
    waiter::Waiter,
};

/// How long a peer has not been heard when a call that has waited in vain makes that suspicious.
const SILENCE: Duration = Duration::from_millis(500);

impl<T: Waiter> Link<T> {
    /// Ends every wait whose deadline has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        if now.instant < self.soonest {
            return;
        }
        for probe in self.calls.iter_mut() {
            let patience = probe.patience.map(|patience| self.heard + patience);
            probe.deadline = patience.map_or(probe.deadline, |until| until.max(probe.deadline));
        }
        let in_vain = self.note_overdue(now);
        let lent_end = self.lent_end;
        for entry in self.calls.extract(|entry| entry.deadline <= now.instant) {
            let lent = entry.is_lent(lent_end);
            let error = match entry.place {
                Some(place) => {
                    // The caller of what was not lent is told that nothing was sent, and may send
                    // it elsewhere.
                    self.expired.extend((!lent).then_some(place));
                    CallError::Expired { lent }
                }
                None => CallError::Full,
            };
            let outcome = Err(error);
            self.events.push_back(LinkEvent::Done { token: entry.token, outcome });
        }
        if in_vain {
            self.tell_silence(now);
        }
        if !is_on(ExpiredCallsStay) {
            self.retain_held();
        }
        let pause = self.window.handle_timeout(now.instant);
        self.soonest =
            self.calls.soonest().into_iter().chain(pause).min().unwrap_or(Instant::FAR_FUTURE);
        self.admit();
    }

    fn tell_silence(&mut self, now: Now) {
        let silent = now.instant.saturating_since(self.heard) >= SILENCE;
        if silent && self.silent_since.replace(self.heard) != Some(self.heard) {
            self.events.push_back(LinkEvent::Silent);
        }
    }

    /// Tells those whose deadline has passed so, where an answer is still of use to them; true when
    /// anybody has waited for an answer in vain.
    fn note_overdue(&mut self, now: Now) -> bool {
        let lent_end = self.lent_end;
        let mut any = false;
        for entry in self.calls.iter_mut() {
            if entry.deadline > now.instant || !entry.is_lent(lent_end) {
                continue;
            }
            any |= !entry.is_probe();
            if let Some(until) = entry.linger.take()
                && let Some(token) = entry.token.again()
            {
                entry.deadline = until;
                let outcome = Err(CallError::Expired { lent: true });
                self.events.push_back(LinkEvent::Done { token, outcome });
            }
        }
        any
    }

    /// Takes the bytes of expired calls out of the queue.
    pub(super) fn cut_expired(&mut self) {
        if self.expired.is_empty() {
            return;
        }
        let mut expired = std::mem::take(&mut self.expired);
        expired.sort_unstable_by_key(|range| range.start);
        let place = |offset: u64| (offset - self.lent_end) as usize;
        self.queue.cut(expired.into_iter().map(|range| place(range.start)..place(range.end)));
    }
}
