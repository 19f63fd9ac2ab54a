//! Messages that wait for their time: delay levels, and timers on newer brokers.
//!
//! Source: `HookUtils.handleScheduleMessage` of Apache RocketMQ.

use std::{collections::BTreeSet, time::Duration};

use rocketmq_producer_core::time::{Instant, Now, UnixMillis};

use super::{
    Broker, Flavour,
    place::{HALF_TOPIC, SCHEDULE_TOPIC, TIMER_TOPIC, detain, real_place},
    send::MESSAGE_ILLEGAL,
};
use crate::{
    StoredMessage,
    model::{Response, journal::Journal},
};

/// `messageDelayLevel`: levels 1 to 18.
const LEVEL_SECONDS: [u64; 18] =
    [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1_200, 1_800, 3_600, 7_200];
const DELAY: &str = "DELAY";
const TIMER_DELAY_SEC: &str = "TIMER_DELAY_SEC";
const TIMER_DELAY_MS: &str = "TIMER_DELAY_MS";
const TIMER_DELIVER_MS: &str = "TIMER_DELIVER_MS";
/// `timerMaxDelaySec`, in milliseconds.
const TIMER_MAX_MS: i64 = 3 * 24 * 3_600 * 1_000;
/// `timerPrecisionMs`.
const PRECISION_MS: i64 = 1_000;

/// Which messages wait until when: places in the commit log.
#[derive(Debug, Default)]
pub(super) struct Schedule(BTreeSet<(Instant, i64)>);

impl Schedule {
    pub(super) fn add(&mut self, at: Instant, commit_log_offset: i64) {
        self.0.insert((at, commit_log_offset));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// The next message that is due by then.
    fn pop(&mut self, by: Instant) -> Option<i64> {
        self.next_due().filter(|at| *at <= by)?;
        self.0.pop_first().map(|(_, commit_log_offset)| commit_log_offset)
    }
}

/// The delay level that the properties ask for, clamped; zero for none.
pub(super) fn level(message: &StoredMessage) -> usize {
    let level = message.properties.get(DELAY).and_then(|level| level.parse().ok()).unwrap_or(0);
    LEVEL_SECONDS.len().min(level)
}

impl Broker {
    /// Leads a message that is to wait to where it waits, and says how long that is.
    pub(super) fn detour(
        &self,
        wall: UnixMillis,
        message: &mut StoredMessage,
    ) -> Result<Option<Duration>, Response> {
        if let level @ 1.. = level(message) {
            for timer in [TIMER_DELAY_SEC, TIMER_DELAY_MS, TIMER_DELIVER_MS] {
                message.properties.remove(timer);
            }
            detain(message, SCHEDULE_TOPIC, level as i32 - 1);
            return Ok(Some(Duration::from_secs(LEVEL_SECONDS[level - 1])));
        }
        let asked = match self.flavour {
            Flavour::V5 => timer(wall, message)?,
            Flavour::V4 => None,
        };
        let Some(deliver_ms) = asked.filter(|at| *at > wall.0) else { return Ok(None) };
        if deliver_ms - wall.0 > TIMER_MAX_MS {
            return Err(Response::code(MESSAGE_ILLEGAL, "timer message illegal, too far away"));
        }
        // Down to a full second, and an exact one loses one more. The wheel turns one second later,
        // so nothing is delivered before its time.
        let out = (deliver_ms - 1).div_euclid(PRECISION_MS) * PRECISION_MS;
        message.properties.insert("TIMER_OUT_MS".to_owned(), out.to_string());
        detain(message, TIMER_TOPIC, 0);
        let wait = u64::try_from(out + PRECISION_MS - wall.0).unwrap_or(0);
        Ok(Some(Duration::from_millis(wait)))
    }

    /// Publishes what has waited long enough.
    pub(super) fn deliver(&mut self, now: Now, journal: &mut Journal) {
        while let Some(commit_log_offset) = self.schedule.pop(now.instant) {
            let Some(waiting) = self.store.view(commit_log_offset) else { continue };
            let mut message = waiting.clone();
            (message.topic, message.queue_id) = real_place(waiting);
            // A half message that was led astray: its own topic is forgotten, and so is it.
            if message.topic != HALF_TOPIC {
                self.publish(now, message, journal);
            }
        }
    }
}

/// When a timer asks for delivery, ms since the epoch.
fn timer(wall: UnixMillis, message: &StoredMessage) -> Result<Option<i64>, Response> {
    let asked = |name: &str, scale: i64, from: i64| {
        let illegal = |_| Response::code(MESSAGE_ILLEGAL, "timer message illegal, no number");
        let number = message.properties.get(name).map(|text| text.parse::<i64>().map_err(illegal));
        number.map(|number| Ok(number?.saturating_mul(scale).saturating_add(from)))
    };
    asked(TIMER_DELAY_SEC, 1_000, wall.0)
        .or_else(|| asked(TIMER_DELAY_MS, 1, wall.0))
        .or_else(|| asked(TIMER_DELIVER_MS, 1, 0))
        .transpose()
}
