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

use super::{BadRoute, Broker, BrokerHealth, RouteData};
use crate::{
    command::SendTemplate,
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
    /// Those with a master, by name.
    brokers: Vec<Arc<Broker>>,
    /// Alternates between brokers.
    rotation: Vec<Turn>,
    /// How many brokers the queues are on.
    brokers_with_queues: usize,
    usage: Arc<TopicUse>,
    fallback: bool,
}

/// A queue and its broker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) queue: &'a MessageQueue,
    /// None when it has no master.
    pub(crate) broker: Option<&'a Arc<Broker>>,
}

/// Where a place's queue and broker are in their lists.
#[derive(Clone, Copy, Debug)]
struct Turn {
    queue: u32,
    broker: Option<u32>,
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
        let named = |(name, address): (&str, Address)| Arc::new(Broker::new(name, address));
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
        let brokers: Vec<_> = masters.into_iter().map(named).collect();
        let rotation = alternate(&queues, &brokers);
        let queues: Arc<[_]> = queues.into();
        let keyed = Arc::clone(&queues);
        Ok(Self { queues, keyed, brokers, rotation, brokers_with_queues, usage, fallback: false })
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
        self.brokers.iter_mut().for_each(|broker| Arc::make_mut(broker).translate(translation));
        self
    }

    /// The same route, with what a client knows of its brokers and of its own sends to them.
    #[must_use]
    pub(crate) fn attended(
        mut self,
        mut attend: impl FnMut(&ByteString) -> (Arc<BrokerHealth>, Option<SendTemplate>),
    ) -> Self {
        for broker in &mut self.brokers {
            let broker = Arc::make_mut(broker);
            let (health, template) = attend(&broker.name);
            (broker.health, broker.template) = (health, template.map(Arc::new));
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

    /// The broker of this name, if it has a master.
    pub(crate) fn broker(&self, name: &str) -> Option<&Arc<Broker>> {
        self.brokers.get(broker_index(&self.brokers, name)?)
    }

    /// Where the master of `broker_name` listens.
    pub fn master(&self, broker_name: &str) -> Option<&Address> {
        self.broker(broker_name).map(|broker| &broker.address)
    }

    /// All brokers with a master, and where it listens.
    pub fn brokers(&self) -> impl Iterator<Item = (&ByteString, &Address)> {
        self.brokers.iter().map(|broker| (&broker.name, &broker.address))
    }

    /// What the master of `broker_name` advertises, if it is to be reached elsewhere.
    pub fn advertised(&self, broker_name: &str) -> Option<&Address> {
        self.broker(broker_name)?.advertised.as_ref()
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
        let mut badness = |place: Place<'_>, in_turn| badness(&place.queue.broker_name, in_turn);
        self.best_place(turns, &mut badness).map(|place| place.queue)
    }

    /// The same with what is known of the brokers.
    pub(crate) fn best_place(
        &self,
        turns: &mut dyn FnMut() -> usize,
        badness: &mut dyn FnMut(Place<'_>, bool) -> u32,
    ) -> Option<Place<'_>> {
        let first = self.place(turns())?;
        match badness(first, true) {
            0 => Some(first),
            bad => Some(self.best_beside(first, bad, turns, badness)),
        }
    }

    /// Some other place, or the first if none is better.
    #[cold]
    fn best_beside<'a>(
        &'a self,
        first: Place<'a>,
        bad: u32,
        turns: &mut dyn FnMut() -> usize,
        badness: &mut dyn FnMut(Place<'_>, bool) -> u32,
    ) -> Place<'a> {
        let mut best = (bad, first);
        let mut seen = vec![&first.queue.broker_name];
        let len = self.rotation.len();
        // Where turns are random, they may miss some.
        let others = (1..len).map(|_| turns()).chain(0..len);
        for place in others.filter_map(|turn| self.place(turn)) {
            if !seen.contains(&&place.queue.broker_name) {
                seen.push(&place.queue.broker_name);
                let badness = badness(place, false);
                if badness < best.0 {
                    best = (badness, place);
                }
            }
            if best.0 == 0 || seen.len() == self.brokers_with_queues {
                break;
            }
        }
        best.1
    }

    /// Where a turn falls.
    fn place(&self, turn: usize) -> Option<Place<'_>> {
        let turn = self.rotation.get(turn.checked_rem(self.rotation.len())?)?;
        let broker = turn.broker.and_then(|index| self.brokers.get(index as usize));
        Some(Place { queue: self.queues.get(turn.queue as usize)?, broker })
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
        same_layout && self.brokers == other.brokers && self.fallback == other.fallback
    }
}

fn hashed<'a>(layout: &'a [MessageQueue], key: &str) -> Option<&'a MessageQueue> {
    let len = i32::try_from(layout.len()).ok()?;
    let index = java_string_hash(key).checked_rem(len)?.unsigned_abs();
    layout.get(index as usize)
}

/// Where the masters listen, by their brokers' names, and what is wrong with an address that cannot
/// be used.
fn masters(route: &RouteData) -> (BTreeMap<&str, Address>, Option<BadRoute>) {
    let mut masters = BTreeMap::new();
    let mut unusable = None;
    for broker in &route.broker_datas {
        let Some(address) = broker.broker_addrs.get(MASTER_ID) else { continue };
        match Address::parse_advertised(address) {
            Ok(address) => _ = masters.insert(broker.broker_name.as_str(), address),
            Err(error) => {
                let reason = format!("broker {:?} advertises a {error}", broker.broker_name);
                unusable = Some(BadRoute::new(reason));
            }
        }
    }
    (masters, unusable)
}

fn broker_index(brokers: &[Arc<Broker>], name: &str) -> Option<usize> {
    brokers.binary_search_by(|broker| (*broker.name).cmp(name)).ok()
}

/// Broker names and queue counts of the writable queues whose master is known, sorted.
fn sorted_layout(route: &RouteData, masters: &BTreeMap<&str, Address>) -> Vec<(String, u32)> {
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
fn alternate(queues: &[MessageQueue], brokers: &[Arc<Broker>]) -> Vec<Turn> {
    let mut order: Vec<_> = (0..).zip(queues).collect();
    order.sort_by_key(|(_, queue)| queue.queue_id);
    let broker = |name: &str| broker_index(brokers, name).map(|index| index as u32);
    let turn = |(index, queue): (u32, &MessageQueue)| Turn {
        queue: index,
        broker: broker(&queue.broker_name),
    };
    order.into_iter().map(turn).collect()
}

#[cfg(test)]
mod tests;
