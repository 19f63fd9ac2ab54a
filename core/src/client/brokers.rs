//! The brokers that routes lead to, and what is thought of them.

use std::{collections::BTreeMap, sync::Arc};

use bytestring::ByteString;

use super::{Client, telling::ToldState};
use crate::{
    event::Event,
    link::LinkError,
    model::Address,
    route::{BrokerHealth, BrokerState, TopicRoute},
    time::{Deadline, Now},
};

/// Counted by the routes that lead to them, so that nobody has to look through all routes.
#[derive(Debug, Default)]
pub(super) struct Brokers {
    by_name: BTreeMap<ByteString, Broker>,
    by_address: BTreeMap<Address, Door>,
}

#[derive(Debug, Default)]
struct Broker {
    routes: usize,
    health: Arc<BrokerHealth>,
    told: ToldState,
}

/// Where a broker listens.
#[derive(Debug)]
struct Door {
    routes: usize,
    broker: ByteString,
}

impl Brokers {
    /// One route has taken the place of another, or of none.
    pub(super) fn follow(&mut self, before: Option<&TopicRoute>, after: Option<&TopicRoute>) {
        for (name, address) in after.into_iter().flat_map(TopicRoute::brokers) {
            self.by_name.entry(name.clone()).or_default().routes += 1;
            let new = || Door { routes: 0, broker: name.clone() };
            self.by_address.entry(address.clone()).or_insert_with(new).routes += 1;
        }
        for (name, address) in before.into_iter().flat_map(TopicRoute::brokers) {
            if let Some(broker) = self.by_name.get_mut(name) {
                broker.routes = broker.routes.saturating_sub(1);
            }
            if let Some(door) = self.by_address.get_mut(address) {
                door.routes = door.routes.saturating_sub(1);
            }
        }
    }

    /// Some route leads to this address.
    fn is_routed(&self, address: &Address) -> bool {
        self.by_address.get(address).is_some_and(|door| door.routes > 0)
    }

    /// Forgets what no route leads to; a suspension is for whoever has ordered it to end.
    fn forget_unrouted(&mut self) {
        let is_suspended = |broker: &Broker| broker.health.state() == BrokerState::Suspended;
        self.by_name.retain(|_, broker| broker.routes > 0 || is_suspended(broker));
        self.by_address.retain(|_, door| door.routes > 0);
    }

    /// The health of the broker of this name, which a route is about to lead to.
    pub(super) fn attend(&mut self, name: &ByteString) -> Arc<BrokerHealth> {
        Arc::clone(&self.by_name.entry(name.clone()).or_default().health)
    }

    /// The health of the broker that listens there.
    fn health_at(&self, address: &Address) -> Option<&BrokerHealth> {
        let door = self.by_address.get(address)?;
        self.by_name.get(&door.broker).map(|broker| &*broker.health)
    }

    /// What is to be told by now of the state of this broker, or of all.
    fn news(&mut self, now: Now, name: Option<&ByteString>) -> Vec<Event> {
        let all = self.by_name.iter_mut();
        let wanted = all.filter(|(known, broker)| match name {
            Some(name) => *known == name,
            None => broker.told.is_due(now),
        });
        wanted.filter_map(|(name, broker)| broker.told.news(now, name, &broker.health)).collect()
    }

    /// When there is more to tell of a broker's state.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        let due = self.by_name.values().filter_map(|broker| broker.told.due()).min();
        due.map(|at| Deadline { at, why: "a broker's state is to be told" })
    }

    /// The health of all, by name.
    pub(super) fn health(&self) -> BTreeMap<ByteString, Arc<BrokerHealth>> {
        let known = self.by_name.iter();
        known.map(|(name, broker)| (name.clone(), Arc::clone(&broker.health))).collect()
    }
}

impl Client {
    /// What was wrong with the broker there may be over.
    pub(super) fn broker_connected(&self, now: Now, address: &Address) {
        if let Some(health) = self.topics.brokers.health_at(address) {
            health.connected(now.instant);
        }
    }

    /// Somebody says that a broker's state has changed.
    pub(super) fn notice(&mut self, now: Now, broker: &ByteString) {
        for event in self.topics.brokers.news(now, Some(broker)) {
            self.notify(event);
        }
    }

    /// Tells of changes that came too often to be told at once.
    pub(super) fn tell_of_brokers(&mut self, now: Now) {
        for event in self.topics.brokers.news(now, None) {
            self.notify(event);
        }
    }

    /// Forgets the brokers that no route leads to any more, and retires their connections.
    pub(super) fn drop_unrouted_brokers(&mut self, now: Now) {
        let brokers = &mut self.topics.brokers;
        brokers.forget_unrouted();
        let unneeded = self.connections.keep_brokers(now, |address| brokers.is_routed(address));
        for link in unneeded {
            if !self.retire(now, link, LinkError::Retired) {
                self.close(now, link, LinkError::Retired);
            }
        }
    }
}
