//! Delivery at another time than now.

use std::time::Duration;

use super::properties::names;
use crate::time::UnixMillis;

/// The highest delay level. Brokers take higher ones for this one, without a word.
pub(crate) const DELAY_LEVEL_MAX: u8 = 18;

/// When a message is to be delivered.
///
/// Source: `HookUtils.handleScheduleMessage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Schedule {
    /// After the time of a delay level, 1 to 18.
    Level(u8),
    /// At a time, ms since 1970 by the broker's clock; brokers from 5.0 on.
    At(UnixMillis),
    /// So long after the broker has got it, to the millisecond; brokers from 5.0 on.
    After(Duration),
}

impl Schedule {
    /// True when a broker that knows no timers would deliver it at once.
    pub const fn needs_timers(self) -> bool {
        matches!(self, Self::At(_) | Self::After(_))
    }

    /// How it is told on the wire.
    pub(super) fn property(self) -> (&'static str, String) {
        match self {
            Self::Level(level) => (names::DELAY, level.to_string()),
            Self::At(at) => (names::TIMER_DELIVER_MS, at.0.to_string()),
            Self::After(delay) => (names::TIMER_DELAY_MS, delay.as_millis().to_string()),
        }
    }
}
