//! What has been told of connections and brokers: changes of state once, and not each of their steps.

use bytestring::ByteString;

use super::{
    Client,
    connections::{Connection, Connections, SETTLED_AFTER, State},
};
use crate::{
    event::{Budget, Event, Peer},
    ids::LinkId,
    link::LinkError,
    model::Address,
    route::{BrokerHealth, BrokerState, RouteError, TopicRoute},
    time::{Instant, Now},
};

/// What has been told of one address.
///
/// A connection that ends as soon as it is up makes the next ones *shaky*: they are told to be up
/// when they have lasted, and nothing is told of those that have not.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// As what it was told to be up, if it was.
    up: Option<Peer>,
    failed: bool,
    shaky: bool,
    refused: bool,
    /// Failures since it was last told to be up.
    failures: u32,
}

impl Told {
    /// It is up since then: the failures before that, if this is to be told now.
    pub(super) fn opened(&mut self, now: Now, since: Instant, peer: Peer) -> Option<u32> {
        if self.up.is_some() || self.settles_at(since).is_some_and(|at| now.instant < at) {
            return None;
        }
        (self.up, self.failed, self.shaky) = (Some(peer), false, false);
        Some(std::mem::take(&mut self.failures))
    }

    /// When a connection that is up since then is to be told, if it is not told yet.
    pub(super) fn settles_at(&self, since: Instant) -> Option<Instant> {
        (self.shaky && self.up.is_none()).then_some(since + SETTLED_AFTER)
    }

    /// A dial has failed; true when this is to be told.
    pub(super) fn dial_failed(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        !std::mem::replace(&mut self.failed, true)
    }

    /// A connection has ended, perhaps as soon as it was up; whose, when this is to be told.
    pub(super) fn ended(&mut self, soon: bool) -> Option<Peer> {
        self.shaky |= soon;
        self.failures = self.failures.saturating_add(soon.into());
        self.up.take()
    }

    /// A heartbeat was refused, or was not; true when this is to be told.
    pub(super) fn heartbeat(&mut self, well: bool) -> bool {
        std::mem::replace(&mut self.refused, !well) == well
    }

    /// Nobody will ask for it any more.
    pub(super) fn forget_failures(&mut self) {
        (self.failed, self.shaky, self.refused) = (false, false, false);
    }

    /// Something was told that is not to be told again before it is over.
    pub(super) fn is_bad(&self) -> bool {
        self.failed || self.shaky || self.refused
    }
}

/// What has been told of one broker's health.
#[derive(Debug, Default)]
pub(super) struct ToldState {
    state: BrokerState,
    changes: u32,
    budget: Budget,
    due: Option<Instant>,
}

impl ToldState {
    /// What is to be told by now. Changes are counted by those who make them, so none is told twice
    /// and none is left out, in whichever order their words come here: what has come and gone
    /// meanwhile is part of the next event's count.
    pub(super) fn news(
        &mut self,
        now: Now,
        broker: &ByteString,
        health: &BrokerHealth,
    ) -> Option<Event> {
        let (made, to) = (health.changes(), health.state());
        self.due = None;
        if to == self.state {
            return None;
        }
        if !self.budget.take(now) {
            self.due = Some(self.budget.next());
            return None;
        }
        let from = std::mem::replace(&mut self.state, to);
        let changes = made.wrapping_sub(self.changes).max(1);
        self.changes = self.changes.wrapping_add(changes);
        Some(Event::BrokerStateChanged { broker: broker.clone(), from, to, changes })
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn is_due(&self, now: Now) -> bool {
        self.due.is_some_and(|due| due <= now.instant)
    }
}

impl Connections {
    /// Tells of those that were not trusted to last, and have.
    pub(super) fn tell_settled(&mut self, now: Now) {
        let up = self.table.iter_mut();
        self.news.extend(up.filter_map(|(address, connection)| connection.tell_up(now, address)));
    }

    /// A heartbeat on a connection that is up was answered: with what, if it was refused.
    pub(super) fn tell_heartbeat(&mut self, link: LinkId, refused: Option<(i32, &str)>) {
        let Some(address) = self.address_of(link).cloned() else { return };
        let news = self.by_link(link).and_then(|c| c.tell_heartbeat(&address, refused));
        self.news.extend(news);
    }
}

impl Connection {
    fn peer(&self) -> Peer {
        if self.broker { Peer::Broker } else { Peer::NameServer }
    }

    pub(super) fn tell_up(&mut self, now: Now, address: &Address) -> Option<Event> {
        let State::Up { since, .. } = self.state else { return None };
        let failures = self.told.opened(now, since, self.peer())?;
        Some(Event::Connected { peer: self.peer(), address: address.clone(), failures })
    }

    pub(super) fn tell_dial_failed(
        &mut self,
        address: &Address,
        cause: &LinkError,
    ) -> Option<Event> {
        let (peer, address, cause) = (self.peer(), address.clone(), cause.clone());
        // One that nobody needs any more has not failed.
        let tell = cause != LinkError::Retired && self.told.dial_failed();
        tell.then_some(Event::DialFailed { peer, address, cause })
    }

    pub(super) fn tell_ended(
        &mut self,
        address: &Address,
        cause: &LinkError,
        soon: bool,
    ) -> Option<Event> {
        let (peer, address) = (self.told.ended(soon)?, address.clone());
        Some(match cause.clone() {
            LinkError::GoAway => Event::GoAway { peer, address },
            cause => Event::Disconnected { peer, address, cause },
        })
    }

    fn tell_heartbeat(&mut self, address: &Address, refused: Option<(i32, &str)>) -> Option<Event> {
        let address = address.clone();
        self.told.heartbeat(refused.is_none()).then_some(match refused {
            Some((code, remark)) => {
                Event::HeartbeatRefused { address, code, remark: remark.into() }
            }
            None => Event::HeartbeatAccepted { address },
        })
    }
}

impl Client {
    /// Tells of a route that is about to be taken over.
    pub(super) fn tell_route(&mut self, name: &ByteString, server: &Address, route: &TopicRoute) {
        let Some(topic) = self.topics.get(name) else { return };
        let (topic_name, name_server) = (name.clone(), server.clone());
        let (queues, brokers) = (route.queues().len(), route.brokers_with_queues());
        let event = match topic.entry.route.as_deref() {
            Some(known) if known != route && !topic.failure_told => Event::RouteChanged {
                topic: topic_name,
                name_server,
                queues,
                queues_before: known.queues().len(),
                brokers,
                brokers_before: known.brokers_with_queues(),
            },
            Some(_) if !topic.failure_told => return,
            _ => Event::RouteFound {
                topic: topic_name,
                name_server,
                queues,
                brokers,
                fallback: route.is_fallback(),
                recovered: topic.failure_told,
            },
        };
        if topic.failure_told {
            self.topics.change(name, |topic| topic.failure_told = false);
        }
        self.notify(event);
    }

    /// Tells of a round that was in vain, if there is something new in that.
    pub(super) fn tell_failure(&mut self, now: Now, name: &ByteString, had_route: bool) {
        let Some(topic) = self.topics.get(name) else { return };
        let Some(error) = topic.entry.failure.clone().filter(|_| topic.query.is_none()) else {
            return;
        };
        if let RouteError::NameServersUnreachable { causes } = &*error {
            if !self.name_servers_lost && self.name_servers_told.take(now) {
                self.name_servers_lost = true;
                self.notify(Event::NameServersUnreachable { causes: causes.clone() });
            }
            return;
        }
        let lost = had_route && topic.entry.route.is_none();
        if topic.failure_told && !lost {
            return;
        }
        self.topics.change(name, |topic| topic.failure_told = true);
        let topic = name.clone();
        self.notify(match lost {
            true => Event::RouteLost { topic, error },
            false => Event::RouteFailed { topic, error },
        });
    }

    /// A name server has answered, if only to say that it does not know.
    pub(super) fn tell_name_server_answers(&mut self, now: Now, server: &Address) {
        if self.name_servers_lost && self.name_servers_told.take(now) {
            self.name_servers_lost = false;
            self.notify(Event::NameServersReachable { name_server: server.clone() });
        }
    }
}
