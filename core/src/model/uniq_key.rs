//! Message ids: `MessageClientIDSetter` of Apache RocketMQ, made collision-proof.
//!
//! ```text
//!   address (4 | 16) │ pid (2) │ nonce (4) │ ms since month start (4) │ counter (2)     upper-case hex
//! ```
//!
//! Java's scheme relies on the process id and on fewer than 65,536 ids a millisecond, and repeats
//! itself when a clock steps back or a month begins. Ours does not:
//!
//! * **Within one generator** the triple (nonce, milliseconds, counter) never repeats. Milliseconds
//!   and counter together are one 48-bit number that only grows; a counter that wraps moves the
//!   milliseconds on. Whenever the clock is found behind that number (a step back) or in another
//!   month, the nonce moves to the next one. The nonces walk through all 2³² values before one
//!   returns, since their stride is odd.
//! * **Between processes** that share address and pid, as containers do, the 32-bit nonce and the
//!   16-bit start of the counter are drawn from entropy. Two generators collide only if both are
//!   drawn alike *and* both make ids in the same millisecond: for 1,000 processes that each make
//!   1,000 ids in one and the same millisecond, below 1 in 100,000; when they do not share the very
//!   millisecond, impossible.
//!
//! The month begins in UTC here (core knows no time zone), in the local zone in Java: tools that
//! read a time out of an id see it off by the zone's offset at most.

use std::{net::IpAddr, ops::Range};

use bytes::{BufMut, BytesMut};
use bytestring::ByteString;

use super::{Identity, Message};
use crate::time::UnixMillis;

/// Odd, so that its multiples visit every `u32` before repeating.
const NONCE_STRIDE: u32 = 0x9E37_79B1;
const MILLIS_PER_DAY: i64 = 86_400_000;
/// So much memory a single id keeps at most, however long it is kept itself.
const PAGE_SIZE: usize = 1_024;
/// A counter may run ahead of the clock this far before a lagging clock counts as stepped back.
const AHEAD_MS_MAX: u64 = 1_000;

/// Makes message ids for one producer. There is no copying it: the copy would repeat them.
///
/// ```compile_fail
/// # use rocketmq_producer_core::model::{Identity, UniqKeys};
/// let _ = UniqKeys::new(&Identity::default()).clone();
/// ```
#[derive(Debug)]
pub struct UniqKeys {
    /// Address, pid and nonce in hex.
    prefix: Vec<u8>,
    /// Where ids are written: many in one allocation, which the last of them frees.
    page: BytesMut,
    nonce: u32,
    /// The month that the last id was made in: its first millisecond, and that of the next.
    month: Range<i64>,
    /// Milliseconds since the month's start, then 16 bits of counter: the next id's number.
    next: u64,
    counter_start: u16,
}

impl UniqKeys {
    /// A generator for this identity: the nonce's upper half becomes the id's nonce, its lowest 16
    /// bits start the counter.
    pub fn new(identity: &Identity) -> Self {
        Self::from_parts(identity, (identity.nonce >> 32) as u32, identity.nonce as u16)
    }

    fn from_parts(identity: &Identity, nonce: u32, counter_start: u16) -> Self {
        let mut prefix = Vec::with_capacity(56);
        match identity.host {
            IpAddr::V4(host) => push_hex(&mut prefix, host.octets()),
            IpAddr::V6(host) => push_hex(&mut prefix, host.octets()),
        }
        push_hex(&mut prefix, (identity.pid as u16).to_be_bytes());
        push_hex(&mut prefix, nonce.to_be_bytes());
        let page = BytesMut::with_capacity(PAGE_SIZE);
        Self { prefix, page, nonce, month: i64::MIN..i64::MIN, next: 0, counter_start }
    }

    fn move_nonce(&mut self) {
        self.nonce = self.nonce.wrapping_add(NONCE_STRIDE);
        self.prefix.truncate(self.prefix.len() - 2 * size_of::<u32>());
        push_hex(&mut self.prefix, self.nonce.to_be_bytes());
    }

    /// The next id: 32 characters, or 56 where the host's address is IPv6.
    pub fn next(&mut self, now: UnixMillis) -> ByteString {
        let new_month = !self.month.contains(&now.0);
        let month_start = if new_month { month_start(now.0) } else { self.month.start };
        let millis = now.0.saturating_sub(month_start) as u64;
        if new_month || millis + AHEAD_MS_MAX < self.next >> 16 {
            self.begin_anew(month_start, millis);
        }
        // The clock moved on: follow it, and let the counter run on.
        if millis > self.next >> 16 {
            self.next = millis << 16 | (self.next & 0xFFFF);
        }
        let number = self.next;
        self.next += 1;
        self.page.reserve(self.prefix.len() + 12);
        self.page.put_slice(&self.prefix);
        self.page.put_slice(&hex((number >> 16) as u32));
        let [_, _, _, _, counter @ ..] = hex(u32::from(number as u16));
        self.page.put_slice(&counter);
        // Nothing but digits and letters.
        ByteString::try_from(self.page.split().freeze()).unwrap_or_default()
    }

    /// Gives an id to each of these messages that has none.
    pub fn give(&mut self, now: UnixMillis, messages: &mut [Message]) {
        messages.iter_mut().for_each(|message| message.ensure_uniq_key(|| self.next(now)));
    }

    /// A month begins, or the clock has stepped back: no number that comes may be taken for an
    /// earlier one.
    #[cold]
    fn begin_anew(&mut self, month_start: i64, millis: u64) {
        if self.month.start != i64::MIN {
            self.move_nonce();
        }
        // No month is longer, and none so short that it would be passed over.
        let next_month = month_start.saturating_add(31 * MILLIS_PER_DAY);
        self.month = month_start..self::month_start(next_month);
        self.next = millis << 16 | u64::from(self.counter_start);
    }
}

fn push_hex<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    let digits = |byte: u8| {
        let [.., high, low] = hex(u32::from(byte));
        [high, low]
    };
    out.extend(bytes.into_iter().flat_map(digits));
}

/// Eight digits, upper case, computed all at once: a byte of a `u64` each.
const fn hex(number: u32) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut halves = number as u64;
    halves = (halves << 16 | halves) & 0x0000_FFFF_0000_FFFF;
    halves = (halves << 8 | halves) & 0x00FF_00FF_00FF_00FF;
    halves = (halves << 4 | halves) & 0x0F0F_0F0F_0F0F_0F0F;
    let letters = (halves + 6 * ONES) >> 4 & ONES;
    (halves + b'0' as u64 * ONES + letters * (b'A' - b'0' - 10) as u64).to_be_bytes()
}

/// The first millisecond, UTC, of the month that `millis` falls in.
fn month_start(millis: i64) -> i64 {
    let days = millis.div_euclid(MILLIS_PER_DAY);
    (days - day_of_month(days)) * MILLIS_PER_DAY
}

/// Zero-based day of the month, from days since 1970-01-01. The calendar is counted in years that
/// begin in March, so that leap days come last (H. Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms").
fn day_of_month(days: i64) -> i64 {
    let day_of_era = (days + 719_468).rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    day_of_year - (153 * month + 2) / 5
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv4Addr};

    use super::*;

    const SEPTEMBER: i64 = 1_756_684_800_000;
    const NOW: i64 = 1_758_273_940_123;

    fn identity(pid: u32, nonce: u64) -> Identity {
        Identity { host: IpAddr::V4(Ipv4Addr::LOCALHOST), pid, nonce }
    }

    #[test]
    fn ids_are_laid_out_as_javas() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors.json")).unwrap();
        let vector = &vectors["uniq_key"];
        assert_eq!(month_start(NOW), vector["month_start_ms"].as_i64().unwrap());
        let mut keys = UniqKeys::from_parts(&identity(4660, 0), 0x014A_E5A5, 0);
        assert_eq!(*keys.next(UnixMillis(NOW)), *vector["id"].as_str().unwrap());
        assert_eq!(*keys.next(UnixMillis(NOW)), *vector["id_counter_1"].as_str().unwrap());
    }

    #[test]
    fn an_ipv6_host_makes_56_characters() {
        let host = IpAddr::V6("fd00::1".parse().unwrap());
        let mut keys = UniqKeys::new(&Identity { host, pid: 1, nonce: 7 });
        assert_eq!(keys.next(UnixMillis(NOW)).len(), 56);
    }

    #[test]
    fn a_wrapped_counter_moves_the_time_on_instead_of_repeating() {
        let mut keys = UniqKeys::new(&identity(1, 0xFFF0));
        let ids: BTreeSet<_> = (0..200_000).map(|_| keys.next(UnixMillis(NOW))).collect();
        assert_eq!(ids.len(), 200_000);
    }

    #[test]
    fn row_21_stepped_clocks_and_new_months_never_repeat_an_id() {
        let mut keys = UniqKeys::new(&identity(1, 42));
        let mut ids = BTreeSet::new();
        let mut made = 0;
        let steps = [0, -3_600_000, 86_400_000, 0, 15 * 86_400_000, 0, SEPTEMBER - NOW - 1, 0];
        for step in steps {
            for tick in 0..100 {
                for _ in 0..50 {
                    ids.insert(keys.next(UnixMillis(NOW + step + tick)));
                    made += 1;
                }
            }
        }
        assert_eq!(ids.len(), made);
    }

    #[test]
    fn row_21_a_thousand_containers_in_one_millisecond_never_share_an_id() {
        let mut random = fastrand::Rng::with_seed(21);
        let mut ids = BTreeSet::new();
        for _ in 0..1_000 {
            let mut keys = UniqKeys::new(&identity(1, random.u64(..)));
            ids.extend((0..1_000).map(|_| keys.next(UnixMillis(NOW))));
        }
        assert_eq!(ids.len(), 1_000_000);
    }

    #[test]
    fn messages_are_given_ids_as_if_one_by_one_and_keep_those_that_they_have() {
        let [mut at_once, mut one_by_one] = [(); 2].map(|()| UniqKeys::new(&identity(1, 42)));
        let mut messages = vec![Message::new("T", "x"); 100];
        messages[40] = Message::new("T", "x").with_uniq_key("its own");
        at_once.give(UnixMillis(NOW), &mut messages);
        for (index, message) in messages.iter().enumerate() {
            let expected = match index {
                40 => "its own".into(),
                _ => one_by_one.next(UnixMillis(NOW)),
            };
            assert_eq!(message.uniq_key(), Some(&*expected), "{index}");
        }
        assert_eq!(at_once.next(UnixMillis(NOW)), one_by_one.next(UnixMillis(NOW)));
    }

    #[test]
    fn months_start_where_the_calendar_says() {
        for (inside, start) in [
            (0, 0),
            (-1, -31 * MILLIS_PER_DAY),
            (951_782_400_000, 949_363_200_000),     // 2000-02-29
            (1_709_251_199_999, 1_706_745_600_000), // 2024-02-29T23:59:59.999
            (1_709_251_200_000, 1_709_251_200_000), // 2024-03-01
        ] {
            assert_eq!(month_start(inside), start, "{inside}");
        }
    }
}
