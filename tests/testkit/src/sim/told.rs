//! What producers tell of themselves: changes of state, each of them once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytestring::ByteString;
use rocketmq_producer_core::{
    event::{Event, Peer},
    model::Address,
    route::BrokerState,
};

use super::{Producer, World};

/// All that was told in a world.
#[derive(Debug, Default)]
pub(super) struct Told {
    events: Vec<(Duration, usize, Event)>,
    books: BTreeMap<usize, Book>,
}

/// How things are with one producer, by what it has told.
#[derive(Debug, Default)]
struct Book {
    running: bool,
    up: BTreeSet<Address>,
    /// Name servers that could not be reached.
    failed: BTreeSet<Address>,
    states: BTreeMap<ByteString, BrokerState>,
    /// No name server answers.
    lost: bool,
}

impl Book {
    /// Takes an event in; false when it is no news, or cannot be.
    fn is_news(&mut self, event: &Event) -> bool {
        match event {
            Event::Started { .. } => {
                let running = std::mem::replace(self, Self { running: true, ..Self::default() });
                !running.running
            }
            _ if !self.running => false,
            Event::ShutdownEnded { .. } | Event::DriverGone { .. } => {
                self.running = false;
                true
            }
            Event::Connected { address, .. } => {
                self.failed.remove(address);
                self.up.insert(address.clone())
            }
            Event::Disconnected { address, .. } | Event::GoAway { address, .. } => {
                self.up.remove(address)
            }
            // A broker that no route has named for a while may be news again.
            Event::DialFailed { peer: Peer::NameServer, address, .. } => {
                self.failed.insert(address.clone())
            }
            Event::BrokerStateChanged { broker, from, to, .. } => {
                let before = self.states.insert(broker.clone(), *to).unwrap_or_default();
                from != to && (*from == before || *from == BrokerState::Healthy)
            }
            Event::NameServersUnreachable { .. } => !std::mem::replace(&mut self.lost, true),
            Event::NameServersReachable { .. } => std::mem::replace(&mut self.lost, false),
            _ => true,
        }
    }
}

impl World {
    /// What a producer has told of so far, in order.
    #[must_use]
    pub fn told(&self, producer: Producer) -> Vec<&Event> {
        let own = self.told.events.iter().filter(|(_, index, _)| *index == producer.0);
        own.map(|(_, _, event)| event).collect()
    }

    /// A producer tells of something.
    pub(super) fn take_down(&mut self, index: usize, event: Event) {
        if !self.told.books.entry(index).or_default().is_news(&event) {
            let story = format!("producer {index} tells as news: {event:?}");
            self.oracle.violate("a change is told once", story);
        }
        self.trace
            .note(self.now, "tells", &[index as u64], || format!("producer {index}: {event}"));
        self.told.events.push((self.elapsed(), index, event));
    }
}

#[cfg(test)]
mod tests {
    use rocketmq_producer_core::link::LinkError;

    use super::*;

    #[test]
    fn what_is_told_twice_is_no_news() {
        let address = Address { host: "a".into(), port: 10911 };
        let peer = Peer::NameServer;
        let started =
            Event::Started { client_id: "c".into(), group: "g".into(), name_servers: vec![] };
        let connected = Event::Connected { peer, address: address.clone(), failures: 0 };
        let cause = LinkError::DialTimeout;
        let failed = Event::DialFailed { peer, address: address.clone(), cause: cause.clone() };
        let ended = Event::Disconnected { peer, address, cause };
        let unreachable = Event::NameServersUnreachable { causes: vec![] };
        let over = Event::ShutdownEnded { unfinished: 0 };

        let mut book = Book::default();
        assert!(!book.is_news(&connected), "it has not started");
        for event in [&started, &failed, &connected, &ended, &failed, &unreachable] {
            assert!(book.is_news(event) && !book.is_news(event), "{event}");
            // A start that is told twice starts anew.
            book.running = true;
        }
        assert!(book.is_news(&over) && !book.is_news(&over));
    }
}
