//! Troubles drawn from the seed.

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use rocketmq_producer_core::{
    command::{ResponseCode, Verdict},
    delivery::{AttemptFailure, Delivered, Outcome, SendError, SendErrorKind},
    model::SendReceipt,
    time::Instant,
};

use super::{
    kind::Kind,
    oracle::SendId,
    peers::{BROKERS, Peer, Producer, TOPIC},
    trouble::Trouble,
    world::{Happening, World},
};

/// Until this long after its last trouble a broker's connections may still be bad without anybody
/// knowing, or the broker thought ill of: a sign of life and its time-out, a redial, and the longest
/// pause between tries.
const SETTLED_AFTER: Duration = Duration::from_secs(25);

/// Which troubles there are, and which there were.
#[derive(Debug)]
pub(super) struct Chaos {
    rng: Rng,
    /// More troubles come.
    raging: bool,
    current: Vec<Trouble>,
    /// When each peer's last trouble ended.
    ended: BTreeMap<Peer, Instant>,
    /// Troubles that have begun, ever.
    pub(super) begun: u64,
}

impl Chaos {
    pub(super) fn new(rng: Rng) -> Self {
        Self { rng, raging: false, current: Vec::new(), ended: BTreeMap::new(), begun: 0 }
    }

    /// A trouble's time is up; false when it was ended before.
    fn end(&mut self, now: Instant, trouble: &Trouble) -> bool {
        let place = self.current.iter().position(|known| known == trouble);
        if let Some(place) = place {
            self.current.remove(place);
            self.ended.insert(trouble.peer, now);
        }
        place.is_some()
    }

    /// True when the peer has had no trouble since well before `since`.
    fn is_untroubled(&self, peer: Peer, since: Instant) -> bool {
        let ended = self.ended.get(&peer);
        self.current.iter().all(|trouble| trouble.peer != peer)
            && ended.is_none_or(|ended| *ended + SETTLED_AFTER <= since)
    }

    fn draw(&mut self) -> Option<(Trouble, Duration)> {
        let total: u32 = Kind::WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut left = self.rng.u32(..total);
        let (kind, _) = Kind::WEIGHTS.into_iter().find(|(_, weight)| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        })?;
        let peers = kind.targets();
        let peer = peers[self.rng.usize(..peers.len())];
        let millis = match self.rng.u8(..4) {
            0 => self.rng.u64(1..1_000),
            1 | 2 => self.rng.u64(1_000..20_000),
            _ => self.rng.u64(20_000..90_000),
        };
        // A graceful stop takes four seconds.
        let millis = if kind == Kind::GoAway { millis.min(4_000) } else { millis };
        Some((Trouble { kind, peer }, Duration::from_millis(millis)))
    }
}

impl World {
    /// From now on troubles begin and end at random.
    pub fn let_chaos_reign(&mut self) {
        self.chaos.raging = true;
        self.agenda.add(self.now, Happening::Chaos);
    }

    /// Moments that are short are met by chance too seldom: a trouble begins in this one.
    pub(super) fn strike_soon(&mut self) {
        if self.chaos.rng.bool() {
            let soon = Duration::from_micros(self.chaos.rng.u64(..8_000));
            self.agenda.add(self.now + soon, Happening::Strike);
        }
    }

    /// A trouble begins, if there is to be any.
    pub(super) fn strike(&mut self) {
        if self.chaos.raging
            && let Some((trouble, time)) = self.chaos.draw()
        {
            self.let_it_befall(trouble, time);
        }
    }

    /// A trouble befalls a peer for so long, unless the peer is in trouble already (what the end of
    /// one would mean for the other is nobody's question) or is not of the sort that it befalls.
    pub fn let_it_befall(&mut self, trouble: Trouble, time: Duration) {
        let in_trouble = self.chaos.current.iter().any(|other| other.peer == trouble.peer);
        if in_trouble || !trouble.kind.targets().contains(&trouble.peer) {
            return;
        }
        self.chaos.current.push(trouble);
        self.chaos.begun += 1;
        self.begin(trouble);
        self.agenda.add(self.now + time, Happening::Lift(trouble));
    }

    pub(super) fn go_on_with_chaos(&mut self) {
        if !self.chaos.raging {
            return;
        }
        self.strike();
        let pause = match self.chaos.rng.u8(..8) {
            0 => self.chaos.rng.u64(..50),
            _ => self.chaos.rng.u64(..30_000),
        };
        self.agenda.add(self.now + Duration::from_millis(pause), Happening::Chaos);
    }

    /// Ends a trouble, unless it was ended already.
    pub(super) fn end_trouble(&mut self, trouble: &Trouble) {
        if self.chaos.end(self.now, trouble) {
            self.lift(*trouble);
        }
    }

    /// No more troubles begin, and those that there are end.
    pub(super) fn end_chaos(&mut self) {
        self.chaos.raging = false;
        for trouble in self.chaos.current.clone() {
            self.end_trouble(&trouble);
        }
        self.put_everything_right();
    }

    /// A send may not fail while there was a broker that was well all the time, that the producer
    /// knew of from beginning to end, and that it has never tried.
    pub(super) fn judge_choice(&mut self, id: SendId, result: &Result<Delivered, SendError>) {
        let error = match result {
            Ok(Delivered::Stored(receipt)) => return self.note_choice(id, receipt),
            Ok(Delivered::HandedOver) => return,
            Err(error) => error,
        };
        if self.chaos.begun == 0 {
            // What a test does to the world by hand is for the test to judge.
            return;
        }
        let Some((began, message)) = self.oracle.begun(id) else { return };
        let Some(producer) = self.oracle.producer_of(id) else { return };
        let config = &self.producers[producer].config;
        let bound = message.sharding_key().is_some() || message.topic() != TOPIC;
        let tries = config.retry_times.min(2) + 1;
        let too_short = config.send_msg_timeout < config.attempt_timeout_min * tries;
        // What can be said of it all with few permits and little room is said by other rules.
        let crowded = config.connection_in_flight_max < 100
            || config.async_send_semaphore < 100
            || config.in_flight_bytes_max < 10_000_000
            || config.connection_queue_bytes_max < 1024 * 1024;
        let attempts = error.attempts();
        let once = !config.retry_unknown && error.outcome() == Outcome::Unknown;
        if bound || too_short || crowded || once || attempts.is_empty() || is_final(error) {
            return;
        }
        let tried =
            |peer: &Peer| attempts.iter().any(|attempt| attempt.queue.broker_name == peer.name());
        // A broker that is well refuses those whom a name server has told what is no longer true.
        let refused = |peer: &Peer| {
            attempts.iter().any(|attempt| {
                let refused = matches!(attempt.failure, AttemptFailure::Refused { .. });
                refused && attempt.queue.broker_name == peer.name()
            })
        };
        let known = self.known_to(producer);
        let known_at_first = self.known_brokers.get(&id).cloned().unwrap_or_default();
        let well: Vec<Peer> = BROKERS
            .into_iter()
            .filter(|peer| self.chaos.is_untroubled(*peer, began))
            .filter(|peer| known.contains(peer) && known_at_first.contains(peer))
            .filter(|peer| !refused(peer))
            .collect();
        // Each broker that is not well may cost an attempt.
        if well.is_empty() || (tries as usize) <= BROKERS.len() - well.len() {
            return;
        }
        if let Some(peer) = well.into_iter().find(|peer| !tried(peer)) {
            let story = format!("send {id} never tried {}, which was well: {error}", peer.name());
            self.oracle.violate("a healthy broker is found", story);
        }
    }

    /// Counts the sends that the rule is about: they began badly, and found a broker that was well.
    fn note_choice(&mut self, id: SendId, receipt: &SendReceipt) {
        let Some((began, _)) = self.oracle.begun(id) else { return };
        let there = |peer: &Peer| receipt.message_queue.broker_name == peer.name();
        let found = BROKERS.into_iter().find(there);
        let well = found.is_some_and(|peer| self.chaos.is_untroubled(peer, began));
        self.oracle.counts.saved += u64::from(well && receipt.attempts > 1);
    }

    /// The brokers that a producer can send to, as far as it knows.
    pub(super) fn known_to(&self, producer: usize) -> Vec<Peer> {
        let queues = self.publish_queues(Producer(producer), TOPIC);
        let names = |peer: &Peer| queues.iter().any(|queue| queue.broker_name == peer.name());
        BROKERS.into_iter().filter(names).collect()
    }
}

/// No other broker would have done better.
fn is_final(error: &SendError) -> bool {
    match error.kind() {
        SendErrorKind::BrokerNotAvailable { .. } | SendErrorKind::TimedOut { .. } => false,
        SendErrorKind::Rejected { code, .. } => ResponseCode(*code).verdict() == Verdict::Fatal,
        _ => true,
    }
}
