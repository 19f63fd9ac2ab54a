//! The brokers that routes name, and what is thought of them.

use std::sync::Arc;

use super::Client;
use crate::{model::Address, route::TopicRoute, time::Now};

impl Client {
    /// Gives every broker of a new route a health record.
    pub(super) fn know_brokers(&mut self, route: &TopicRoute) {
        for (name, _) in route.brokers() {
            if !self.health.contains_key(name) {
                self.health.insert(name.clone(), Arc::default());
            }
        }
    }

    /// Forgets the health of brokers that no route names any more.
    pub(super) fn forget_brokers(&mut self) {
        let topics = &self.topics;
        let routes = || topics.values().filter_map(|topic| topic.entry.route.as_ref());
        self.health.retain(|name, _| routes().any(|route| route.master(name).is_some()));
    }

    /// What was wrong with the brokers there may be over.
    pub(super) fn broker_connected(&self, now: Now, address: &Address) {
        let routes = self.topics.values().filter_map(|topic| topic.entry.route.as_ref());
        let mut brokers = routes.flat_map(|route| route.brokers());
        if let Some((name, _)) = brokers.find(|(_, master)| *master == address)
            && let Some(health) = self.health.get(name)
        {
            health.connected(now.instant);
        }
    }
}
