//! Which queue a message goes to.

use std::{fmt, sync::Arc, time::Duration};

use super::{Broker, BrokerState, Place, Reach, RouteError, Routes, TopicRoute};
use crate::{
    model::{Address, Message, MessageQueue, RoutingStrategy},
    time::Instant,
};

/// Chooses queues as its user likes. Closures are selectors:
///
/// ```
/// use rocketmq_producer_core::{model::{Message, MessageQueue}, route::QueueSelector};
///
/// let by_size = |message: &Message, queues: &[MessageQueue]| {
///     Some(if message.body().len() > 1_000 { 0 } else { queues.len() - 1 })
/// };
/// # fn is_selector(_: impl QueueSelector) {}
/// # is_selector(by_size);
/// ```
pub trait QueueSelector: Send + Sync {
    /// The index of one of `queues`, which are never empty; none refuses the message.
    ///
    /// Runs on the sender's task or thread. The message stays on that queue through all retries.
    fn select(&self, message: &Message, queues: &[MessageQueue]) -> Option<usize>;
}

impl<F> QueueSelector for F
where
    F: Fn(&Message, &[MessageQueue]) -> Option<usize> + Send + Sync,
{
    fn select(&self, message: &Message, queues: &[MessageQueue]) -> Option<usize> {
        self(message, queues)
    }
}

/// What decides about a message's queue.
#[derive(Clone)]
#[non_exhaustive]
pub enum Choice {
    /// This queue and no other.
    Queue(MessageQueue),
    /// Whichever this says, and no other.
    Selector(Arc<dyn QueueSelector>),
    /// See there. A message with a sharding key goes by that, and to no other queue.
    Strategy(RoutingStrategy),
}

impl Default for Choice {
    fn default() -> Self {
        Self::Strategy(RoutingStrategy::default())
    }
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(queue) => f.debug_tuple("Queue").field(queue).finish(),
            Self::Selector(_) => f.write_str("Selector(..)"),
            Self::Strategy(strategy) => f.debug_tuple("Strategy").field(strategy).finish(),
        }
    }
}

/// Where a message is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoutingResult {
    /// The queue.
    pub message_queue: MessageQueue,
    /// Where its broker's master listens; none when the route does not know.
    pub broker_address: Option<Address>,
    /// What has decided.
    pub decided_by: Decider,
}

impl RoutingResult {
    /// True when the message may go to no other queue, come what may.
    pub const fn is_fixed(&self) -> bool {
        !matches!(self.decided_by, Decider::Strategy(_))
    }
}

/// What has decided about a message's queue, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decider {
    /// The queue was given.
    Queue,
    /// A selector.
    Selector,
    /// The message's sharding key.
    ShardingKey,
    /// The strategy, free to avoid what is ill.
    Strategy(RoutingStrategy),
}

impl Decider {
    /// Their names, in the order of their [places](Self::place).
    pub const NAMES: [&'static str; 6] =
        ["round_robin", "random", "message_hash", "sharding_key", "selector", "queue"];

    /// A number for each, from zero.
    pub const fn place(self) -> usize {
        match self {
            Self::Strategy(RoutingStrategy::RoundRobin) => 0,
            Self::Strategy(RoutingStrategy::Random) => 1,
            Self::Strategy(RoutingStrategy::MessageHash) => 2,
            Self::ShardingKey => 3,
            Self::Selector => 4,
            Self::Queue => 5,
        }
    }

    /// Its name in statistics.
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self.place()).copied().unwrap_or_default()
    }

    /// What decides about this message where this is chosen.
    pub(crate) fn of(message: &Message, choice: &Choice) -> Self {
        match choice {
            Choice::Queue(_) => Self::Queue,
            Choice::Selector(_) => Self::Selector,
            Choice::Strategy(_) if message.sharding_key().is_some() => Self::ShardingKey,
            Choice::Strategy(strategy) => Self::Strategy(*strategy),
        }
    }
}

/// A selector that did not choose one of the queues it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the selector chose {}of {queues} queues", Chosen(*.chosen))]
#[non_exhaustive]
pub struct BadSelection {
    /// What it chose.
    pub chosen: Option<usize>,
    /// How many there were.
    pub queues: usize,
}

struct Chosen(Option<usize>);

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(index) => write!(f, "number {index} "),
            None => f.write_str("none "),
        }
    }
}

/// Why a message could not be routed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoutingError {
    /// There is no route: not yet, or for this reason.
    #[error("no route{}", if .0.is_some() { "" } else { " yet" })]
    NoRoute(#[source] Option<RouteError>),
    /// See there.
    #[error(transparent)]
    BadSelection(#[from] BadSelection),
}

/// What a choice takes into account besides the message.
pub(crate) struct Circumstances<'a> {
    pub(crate) now: Instant,
    /// How much speaks against choosing a broker again.
    pub(crate) tried: &'a dyn Fn(Place<'_>) -> u32,
    /// An ill broker that is given a try is given no other for so long; none gives no tries.
    pub(crate) patience: Option<Duration>,
}

impl Routes {
    /// Chooses a queue for a message to `topic` as a send would: by `choice`, unless the message
    /// has a sharding key, and, where it is free to, avoiding brokers that are ill or cannot be
    /// reached. Takes the turn that it uses, as sends do; `random` drives random choices.
    ///
    /// # Errors
    ///
    /// [`RoutingError`] when there is no queue, or a selector does not choose one.
    pub fn route_message(
        &self,
        now: Instant,
        topic: &str,
        message: &Message,
        choice: &Choice,
        random: &mut fastrand::Rng,
    ) -> Result<RoutingResult, RoutingError> {
        let entry = self.topic(topic);
        let Some(route) = entry.and_then(|entry| entry.route.as_deref()) else {
            let failure = entry.and_then(|entry| entry.failure.as_deref());
            return Err(RoutingError::NoRoute(failure.cloned()));
        };
        let around = Circumstances { now, tried: &|_| 0, patience: None };
        let free = || Some(self.free_place(route, message, choice, &around, random)?.queue.clone());
        let queue = route.fixed_queue(message, choice)?.or_else(free);
        let message_queue = queue.ok_or(RoutingError::NoRoute(None))?;
        let broker_address = route.master(&message_queue.broker_name).cloned();
        let decided_by = Decider::of(message, choice);
        Ok(RoutingResult { message_queue, broker_address, decided_by })
    }

    /// A place for a message that may go to any.
    pub(crate) fn free_place<'a>(
        &self,
        route: &'a TopicRoute,
        message: &Message,
        choice: &Choice,
        around: &Circumstances<'_>,
        random: &mut fastrand::Rng,
    ) -> Option<Place<'a>> {
        let mut badness = |place: Place<'_>, in_turn| self.badness(place, in_turn, around);
        match choice {
            Choice::Strategy(RoutingStrategy::Random) => {
                route.best_place(&mut || random.usize(..), &mut badness)
            }
            Choice::Strategy(RoutingStrategy::MessageHash) => {
                let hashed = message.keys().next().and_then(|key| route.current_queue_for_key(key));
                let hashed = hashed
                    .map(|queue| Place { queue, broker: route.broker(&queue.broker_name) })
                    .filter(|place| badness(*place, true) == 0);
                hashed.or_else(|| route.best_place(&mut || random.usize(..), &mut badness))
            }
            _ => route.best_place(&mut || route.take_turn(), &mut badness),
        }
    }

    /// How much a place's broker should be avoided; zero is not at all. Whoever has tried it goes
    /// elsewhere, but not to one that is suspended.
    fn badness(&self, place: Place<'_>, in_turn: bool, around: &Circumstances<'_>) -> u32 {
        let down = place.broker.is_none_or(|broker| self.is_down(broker));
        let tried = (around.tried)(place);
        let known = place.broker.map(|broker| &*broker.health);
        let Some(health) = known.or_else(|| Some(self.health(&place.queue.broker_name)?)) else {
            return 10 * u32::from(down) + 100 * tried;
        };
        let suspended = health.state() == BrokerState::Suspended;
        let ill = match around.patience {
            Some(patience) if in_turn && !down && tried == 0 => {
                health.badness_in_turn(around.now, patience)
            }
            _ => health.badness(around.now),
        };
        u32::from(ill) + 10 * u32::from(down) + 100 * tried + 1_000_000 * u32::from(suspended)
    }

    /// True when a broker can neither be reached nor, as far as is known, be reached soon.
    pub(crate) fn is_down(&self, broker: &Broker) -> bool {
        matches!(self.brokers.get(&broker.address), Some(Reach::Down { resting: true, .. }))
    }
}

impl TopicRoute {
    /// The only queue that a message may go to, if there is only one.
    pub(crate) fn fixed_queue(
        &self,
        message: &Message,
        choice: &Choice,
    ) -> Result<Option<MessageQueue>, BadSelection> {
        match (choice, message.sharding_key()) {
            (Choice::Queue(queue), _) => Ok(Some(queue.clone())),
            (Choice::Selector(selector), _) => {
                let queues = self.queues();
                let chosen = selector.select(message, queues);
                let queue = chosen.and_then(|index| queues.get(index)).cloned();
                queue.map(Some).ok_or(BadSelection { chosen, queues: queues.len() })
            }
            (Choice::Strategy(_), Some(key)) => Ok(self.queue_for_key(key).cloned()),
            (Choice::Strategy(_), None) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
