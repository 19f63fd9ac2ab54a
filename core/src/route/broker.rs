//! The brokers of one route.

use std::sync::Arc;

use bytestring::ByteString;

use super::BrokerHealth;
use crate::{
    command::SendTemplate,
    model::{Address, AddressTranslation},
};

/// A broker with a master, as a topic's route names it. What every attempt needs to know of it is
/// here, so that it is looked up once for each route instead of by every send.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    pub(crate) name: ByteString,
    /// Where its master listens.
    pub(crate) address: Address,
    /// What its master advertises, if it is reached elsewhere.
    pub(crate) advertised: Option<Address>,
    /// How it serves: shared with all routes that name it, once the client has taken this one over.
    pub(crate) health: Arc<BrokerHealth>,
    /// What all sends of the topic to it have in common.
    pub(crate) template: Option<Arc<SendTemplate>>,
}

impl Broker {
    pub(super) fn new(name: &str, address: Address) -> Self {
        let (advertised, health, template) = (None, Arc::default(), None);
        Self { name: name.into(), address, advertised, health, template }
    }

    /// From now on it is reached where it really is.
    pub(super) fn translate(&mut self, translation: &dyn AddressTranslation) {
        let reached_at = translation.translate(&self.name, &self.address);
        if reached_at != self.address {
            self.advertised = Some(std::mem::replace(&mut self.address, reached_at));
        }
    }
}

/// Two are the same when they are reached alike; how they serve is no part of that.
impl PartialEq for Broker {
    fn eq(&self, other: &Self) -> bool {
        let same_place = self.address == other.address && self.advertised == other.advertised;
        same_place && self.name == other.name
    }
}
