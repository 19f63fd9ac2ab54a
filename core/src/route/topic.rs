//! The queues that a topic can be sent to, prebuilt from its route.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytestring::ByteString;

use super::{BadRoute, RouteData};
use crate::{
    model::{Address, AddressTranslation, MessageQueue, java_string_hash},
    time::Instant,
};

/// More queues than any topic has; a route that claims more is refused before memory is taken.
pub const QUEUES_MAX: usize = 65_536;

const PERM_WRITE: i32 = 2;
const MASTER_ID: &str = "0";

/// A topic's writable queues and where their masters listen.
///
/// Immutable and shared between all senders, but for its [`TopicUse`], which the route's successors
/// inherit.
#[derive(Debug)]
pub struct TopicRoute {
    queues: Arc<[MessageQueue]>,
    /// The layout that order keys are hashed over: the queues, or those of an earlier route.
    keyed: Arc<[MessageQueue]>,
    masters: BTreeMap<ByteString, Address>,
    /// What those of them advertise that are reached elsewhere.
    advertised: BTreeMap<ByteString, Address>,
    /// Indexes into `queues`, alternating between brokers.
    rotation: Vec<u32>,
    /// How many brokers the queues are on.
    brokers_with_queues: usize,
    usage: Arc<TopicUse>,
    fallback: bool,
}

/// What a topic's routes have in common: how far the rotation is, that sends have been there, and
/// when a name server has last said that it is so.
#[derive(Debug, Default)]
pub struct TopicUse {
    cursor: AtomicU32,
    used: AtomicBool,
    /// In nanoseconds of the driver's clock.
    confirmed_at: AtomicU64,
    /// A send has found the route to be stale and said so.
    stale: AtomicBool,
}

impl TopicUse {
    /// Not used yet; the rotation will start at `cursor`.
    pub fn starting_at(cursor: u32) -> Self {
        Self { cursor: cursor.into(), ..Self::default() }
    }

    /// A name server has said that the route is as it is.
    pub fn confirm(&self, now: Instant) {
        self.confirmed_at.store(now.as_nanos(), Ordering::Relaxed);
        self.stale.store(false, Ordering::Relaxed);
    }

    /// True when a send has been there since this was last asked.
    pub fn take(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }
}

impl TopicRoute {
    /// Builds the queues of `topic`: `MQClientInstance.topicRouteData2TopicPublishInfo`.
    ///
    /// Queues are sorted by broker name and number, so that name servers that list them in another
    /// order change nothing; an order configuration keeps the order it gives, and is trusted about
    /// permissions. A broker whose address does not parse is left out, as one that has no master.
    ///
    /// # Errors
    ///
    /// [`BadRoute`] when the queues are too many to be true, or when there are none and a broker's
    /// address is to blame.
    pub fn build(
        topic: &ByteString,
        route: &RouteData,
        usage: Arc<TopicUse>,
    ) -> Result<Self, BadRoute> {
        let (masters, unusable) = masters(route);
        let layout = match route.order_topic_conf.as_deref() {
            Some(order) if !order.is_empty() => ordered_layout(order)?,
            _ => sorted_layout(route, &masters),
        };
        let total: u64 = layout.iter().map(|(_, count)| u64::from(*count)).sum();
        if total > QUEUES_MAX as u64 {
            return Err(BadRoute::new(format!("{total} queues, more than {QUEUES_MAX}")));
        }
        let mut queues = Vec::with_capacity(total as usize);
        for (broker_name, count) in layout {
            let broker_name = ByteString::from(broker_name);
            queues.extend((0..count as i32).map(|queue_id| MessageQueue {
                topic: topic.clone(),
                broker_name: broker_name.clone(),
                queue_id,
            }));
        }
        if let (true, Some(reason)) = (queues.is_empty(), unusable) {
            return Err(reason);
        }
        let names: BTreeSet<_> = queues.iter().map(|queue| &queue.broker_name).collect();
        let brokers_with_queues = names.len();
        let rotation = alternate(&queues);
        let queues: Arc<[_]> = queues.into();
        let (keyed, advertised) = (Arc::clone(&queues), BTreeMap::new());
        Ok(Self {
            queues,
            keyed,
            masters,
            advertised,
            rotation,
            brokers_with_queues,
            usage,
            fallback: false,
        })
    }

    /// Builds what stands in for the route of a topic that does not exist yet, from the default
    /// topic's: `MQClientInstance.updateTopicRouteInfoFromNameServer`.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_from_default(
        topic: &ByteString,
        mut default: RouteData,
        queue_nums: u32,
        usage: Arc<TopicUse>,
    ) -> Result<Self, BadRoute> {
        let queue_nums = i32::try_from(queue_nums).unwrap_or(i32::MAX);
        for queues in &mut default.queue_datas {
            queues.read_queue_nums = queues.read_queue_nums.min(queue_nums);
            queues.write_queue_nums = queues.read_queue_nums;
        }
        let route = Self::build(topic, &default, usage)?;
        Ok(Self { fallback: true, ..route })
    }

    /// The same route, to where the brokers really are. This calls the user's code.
    #[must_use]
    pub fn translated(mut self, translation: &dyn AddressTranslation) -> Self {
        for (name, address) in &mut self.masters {
            let reached_at = translation.translate(name, address);
            if reached_at != *address {
                let advertised = std::mem::replace(address, reached_at);
                self.advertised.insert(name.clone(), advertised);
            }
        }
        self
    }

    /// How many brokers the queues are on.
    pub(crate) fn brokers_with_queues(&self) -> usize {
        self.brokers_with_queues
    }

    /// All queues that can be sent to, in their order.
    pub fn queues(&self) -> &[MessageQueue] {
        &self.queues
    }

    /// True when the topic did not exist and the default topic's route stands in.
    pub fn is_fallback(&self) -> bool {
        self.fallback
    }

    /// The use of the topic, which the successor of this route takes over.
    pub fn usage(&self) -> Arc<TopicUse> {
        Arc::clone(&self.usage)
    }

    /// A send is about to use the route.
    pub fn mark_used(&self) {
        // Mostly it is marked already, and a load leaves the cache line shared.
        if !self.usage.used.load(Ordering::Relaxed) {
            self.usage.used.store(true, Ordering::Relaxed);
        }
    }

    /// True when a send has used the route since the client last looked.
    pub fn is_used(&self) -> bool {
        self.usage.used.load(Ordering::Relaxed)
    }

    /// How long ago a name server has last confirmed the route.
    pub fn age(&self, now: Instant) -> Duration {
        let confirmed_at = self.usage.confirmed_at.load(Ordering::Relaxed);
        now.saturating_since(Instant::from_nanos(confirmed_at))
    }

    /// True for the first who finds the route older than `timeout`: one question serves all.
    pub(crate) fn is_first_found_stale(&self, now: Instant, timeout: Duration) -> bool {
        self.age(now) > timeout && !self.usage.stale.swap(true, Ordering::Relaxed)
    }

    /// Where the master of `broker_name` listens.
    pub fn master(&self, broker_name: &str) -> Option<&Address> {
        self.masters.get(broker_name)
    }

    /// All brokers with a master, and where it listens.
    pub fn brokers(&self) -> impl Iterator<Item = (&ByteString, &Address)> {
        self.masters.iter()
    }

    /// What the master of `broker_name` advertises, if it is to be reached elsewhere.
    pub fn advertised(&self, broker_name: &str) -> Option<&Address> {
        self.advertised.get(broker_name)
    }

    /// Where the next walk through the rotation begins.
    pub fn take_turn(&self) -> usize {
        self.usage.cursor.fetch_add(1, Ordering::Relaxed) as usize
    }

    /// The first queue that a turn falls on whose broker is not bad at all; else one of the least
    /// bad broker: avoiding is a wish, not a reason to fail. Every step takes a turn of its own, so
    /// that the share of a broker that is left out falls on all others alike. `badness` is told
    /// whether the first turn has fallen on the broker it is asked about.
    pub fn best_of(
        &self,
        turns: &mut dyn FnMut() -> usize,
        badness: &mut dyn FnMut(&str, bool) -> u32,
    ) -> Option<&MessageQueue> {
        let len = self.rotation.len();
        let at = |turn: usize| {
            let index = turn.checked_rem(len)?;
            self.queues.get(*self.rotation.get(index)? as usize)
        };
        let first = at(turns())?;
        let mut best = (badness(&first.broker_name, true), first);
        if best.0 == 0 {
            return Some(first);
        }
        let mut seen = vec![&first.broker_name];
        // Where turns are random, they may miss some.
        let others = (1..len).map(|_| turns()).chain(0..len);
        for queue in others.filter_map(at) {
            if !seen.contains(&&queue.broker_name) {
                seen.push(&queue.broker_name);
                let badness = badness(&queue.broker_name, false);
                if badness < best.0 {
                    best = (badness, queue);
                }
            }
            if best.0 == 0 || seen.len() == self.brokers_with_queues {
                break;
            }
        }
        Some(best.1)
    }

    /// The queue of a key, the same for the same layout in every process, Java's included:
    /// `SelectMessageQueueByHash`.
    pub fn queue_for_key(&self, key: &str) -> Option<&MessageQueue> {
        hashed(&self.keyed, key)
    }

    /// The same among the queues that there are now, whatever `strict_order` keeps for order keys.
    pub(crate) fn current_queue_for_key(&self, key: &str) -> Option<&MessageQueue> {
        hashed(&self.queues, key)
    }

    /// The layout that order keys are hashed over.
    pub(crate) fn key_layout(&self) -> Arc<[MessageQueue]> {
        Arc::clone(&self.keyed)
    }

    /// Keys stay where `layout` has them, whatever has become of its brokers: what `strict_order`
    /// asks for.
    pub(crate) fn pin_keys(&mut self, layout: &Arc<[MessageQueue]>) {
        self.keyed = Arc::clone(layout);
    }
}

/// Two routes are the same when they lead to the same places; their use is no part of that.
impl PartialEq for TopicRoute {
    fn eq(&self, other: &Self) -> bool {
        let same_layout = self.queues == other.queues && self.keyed == other.keyed;
        let same_places = self.masters == other.masters && self.advertised == other.advertised;
        same_layout && same_places && self.fallback == other.fallback
    }
}

fn hashed<'a>(layout: &'a [MessageQueue], key: &str) -> Option<&'a MessageQueue> {
    let len = i32::try_from(layout.len()).ok()?;
    let index = java_string_hash(key).checked_rem(len)?.unsigned_abs();
    layout.get(index as usize)
}

/// Where the masters listen, and what is wrong with an address that cannot be used.
fn masters(route: &RouteData) -> (BTreeMap<ByteString, Address>, Option<BadRoute>) {
    let mut masters = BTreeMap::new();
    let mut unusable = None;
    for broker in &route.broker_datas {
        let Some(address) = broker.broker_addrs.get(MASTER_ID) else { continue };
        match Address::parse_advertised(address) {
            Ok(address) => {
                masters.insert(broker.broker_name.as_str().into(), address);
            }
            Err(error) => {
                let reason = format!("broker {:?} advertises a {error}", broker.broker_name);
                unusable = Some(BadRoute::new(reason));
            }
        }
    }
    (masters, unusable)
}

/// Broker names and queue counts of the writable queues whose master is known, sorted.
fn sorted_layout(route: &RouteData, masters: &BTreeMap<ByteString, Address>) -> Vec<(String, u32)> {
    let mut layout = BTreeMap::new();
    for queues in &route.queue_datas {
        let count = u32::try_from(queues.write_queue_nums).unwrap_or(0);
        let writable = queues.perm & PERM_WRITE != 0;
        if writable && masters.contains_key(queues.broker_name.as_str()) {
            layout.insert(queues.broker_name.clone(), count);
        }
    }
    layout.into_iter().collect()
}

/// `broker:queues;broker:queues`, in the order given.
fn ordered_layout(order: &str) -> Result<Vec<(String, u32)>, BadRoute> {
    let pieces = order.split(';').filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| {
            let (name, count) = piece.rsplit_once(':')?;
            Some((name.to_owned(), count.trim().parse().ok()?))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| BadRoute::new(format!("order configuration {order:?} is malformed")))
}

/// An order that spreads consecutive sends over brokers instead of walking one broker's queues:
/// first every broker's first queue, then every broker's second, and so on.
fn alternate(queues: &[MessageQueue]) -> Vec<u32> {
    let mut rotation: Vec<u32> = (0..queues.len() as u32).collect();
    rotation.sort_by_key(|index| queues.get(*index as usize).map(|queue| queue.queue_id));
    rotation
}

#[cfg(test)]
mod tests;
