//! How many calls a peer is given at a time: as many as it likes, until it says that it is busy.

use std::time::Duration;

use crate::{
    mutants::{Mutant::WindowNeverShrinks, is_on},
    time::Instant,
};

/// The first pause of a peer that is busy with a single call; doubles with each further busy
/// answer.
const PAUSE: Duration = Duration::from_millis(10);
/// The longest such pause: what a peer that has recovered may lose.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// The number of calls that may be in flight: halved by a busy answer, grown by one for every
/// window's worth of good ones, as TCP does with its segments (additive increase, multiplicative
/// decrease; Chiu and Jain, 1989).
///
/// Brokers shed load by refusing what has waited in their own queue for too long. Without a window
/// a burst becomes a storm: what was refused comes again at once, and is refused again.
#[derive(Debug)]
pub(super) struct Window {
    max: f64,
    size: f64,
    /// Busy answers to calls of an earlier round than this are the echo of what has shrunk it.
    round: u32,
    pause: Duration,
    holds_until: Option<Instant>,
    jitter: fastrand::Rng,
}

impl Window {
    pub(super) fn new(max: usize, seed: u64) -> Self {
        let max = max as f64;
        Self {
            max,
            size: max,
            round: 0,
            pause: Duration::ZERO,
            holds_until: None,
            jitter: fastrand::Rng::with_seed(seed),
        }
    }

    /// True when one more call may join those in flight.
    pub(super) fn admits(&self, in_flight: usize) -> bool {
        self.holds_until.is_none() && (in_flight as f64) < self.size.max(1.0).floor()
    }

    /// The round that a call which is queued now belongs to.
    pub(super) fn round(&self) -> u32 {
        self.round
    }

    /// How many calls may be in flight.
    pub(super) fn size(&self) -> usize {
        self.size as usize
    }

    /// A call of this round was answered well, with so many in flight.
    pub(super) fn succeeded(&mut self, in_flight: usize) {
        if self.size >= self.max {
            return;
        }
        self.pause = Duration::ZERO;
        // A window that is not made use of proves nothing.
        if in_flight as f64 >= self.size / 2.0 {
            self.size = (self.size + 1.0 / self.size).min(self.max);
        }
    }

    /// A call of `round` was refused because the peer is busy, with so many in flight.
    pub(super) fn was_busy(&mut self, now: Instant, round: u32, in_flight: usize) {
        if round != self.round || is_on(WindowNeverShrinks) {
            return;
        }
        self.round = self.round.wrapping_add(1);
        let carried = self.size.min(in_flight as f64);
        self.size = (carried / 2.0).max(1.0);
        if carried <= 1.0 {
            self.pause = (self.pause * 2).clamp(PAUSE, PAUSE_MAX);
            self.holds_until = Some(now + self.pause * self.jitter.u32(50..=100) / 100);
        }
    }

    /// The pause may be over; says when it will be if it is not.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Instant> {
        self.holds_until = self.holds_until.filter(|until| *until > now);
        self.holds_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::default() + Duration::from_millis(ms)
    }

    #[test]
    fn a_window_that_never_meets_a_busy_answer_is_no_limit() {
        let mut window = Window::new(100, 7);
        (0..1_000).for_each(|_| window.succeeded(100));
        assert!(window.admits(99) && !window.admits(100));
    }

    #[test]
    fn row_25_one_shedding_halves_the_window_once_however_many_answers_tell_of_it() {
        let mut window = Window::new(10_000, 7);
        for _ in 0..1_000 {
            window.was_busy(at(0), 0, 2_000);
        }
        assert_eq!(window.size(), 1_000);
        window.was_busy(at(0), window.round(), 1_000);
        assert_eq!(window.size(), 500);
    }

    #[test]
    fn row_25_a_peer_that_is_busy_with_a_single_call_gets_pauses_that_double() {
        let mut window = Window::new(10_000, 7);
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            window.was_busy(at(now), window.round(), 1);
            let until = window.handle_timeout(at(now)).expect("it holds");
            assert!(!window.admits(0));
            pauses.push(until.saturating_since(at(now)));
            now += 1_000;
            assert_eq!(window.handle_timeout(at(now)), None);
            assert!(window.admits(0) && !window.admits(1));
        }
        assert!(pauses[0] >= PAUSE / 2 && pauses[0] <= PAUSE, "{pauses:?}");
        assert!(pauses[9] >= PAUSE_MAX / 2 && pauses[9] <= PAUSE_MAX, "{pauses:?}");
    }

    #[test]
    fn success_grows_it_slowly_and_only_when_it_is_made_use_of() {
        let mut window = Window::new(10_000, 7);
        window.was_busy(at(0), 0, 20);
        assert_eq!(window.size(), 10);
        (0..1_000).for_each(|_| window.succeeded(1));
        assert_eq!(window.size(), 10);
        (0..11).for_each(|_| window.succeeded(10));
        assert_eq!(window.size(), 11, "by one for every window's worth");
        (0..200_000_000 / 2_000).for_each(|_| window.succeeded(10_000));
        assert!(window.size() > 400);
    }
}
