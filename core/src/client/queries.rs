//! Asking name servers for routes: one round at a time for each topic, one server after the other.

use std::{sync::Arc, time::Duration};

use bytestring::ByteString;

use super::{
    Client,
    connections::State,
    shutdown::Life,
    topic::{Query, Stage, Subject, Topic},
};
use crate::{
    codec::Frame,
    command::{ClientCommand, DEFAULT_TOPIC, ResponseCode, SendTemplate},
    error::WithCauses,
    ids::LinkId,
    link::{CallError, LinkError},
    model::{Address, SharedTranslation},
    route::{RouteData, RouteError, TopicRoute, TopicUse},
    time::{Instant, Now},
};

/// What a name server gets, however little time there is.
const SERVER_SHARE_MIN: Duration = Duration::from_millis(500);

/// What one name server had to say.
enum Reply {
    Route(TopicRoute),
    Missing,
    Bad(RouteError),
    Silent(String),
}

impl Client {
    /// Moves one topic's question as far as it goes.
    pub(super) fn advance(&mut self, now: Now, name: &ByteString) {
        while let Some(query) = self.topics.get(name).and_then(|topic| topic.query.as_ref()) {
            match query.stage.clone() {
                Stage::Waiting | Stage::Asked { .. } => return,
                Stage::Choosing => match self.next_server(query) {
                    Some(server) => self.turn_to(now, name, server),
                    None => self.conclude(now, name),
                },
                Stage::Connecting { server, failures, until } => {
                    if let Some(link) = self.connections.up(&server) {
                        self.send_query(name, server, link, until);
                        return;
                    }
                    let connection = self.connections.get(&server);
                    let failed = connection.filter(|c| c.failures > failures);
                    let cause = match failed.and_then(|connection| connection.error.as_ref()) {
                        Some(error) => WithCauses(error).to_string(),
                        None if until <= now.instant => LinkError::DialTimeout.to_string(),
                        None => return,
                    };
                    self.note(now, name, &server, Reply::Silent(cause));
                }
            }
        }
    }

    /// The next server not asked yet in this round, beginning with the one that answered last;
    /// those that cannot be reached at the moment come last.
    fn next_server(&self, query: &Query) -> Option<Address> {
        let (before, from) = self.name_servers.split_at_checked(self.current_server)?;
        let mut open = from.iter().chain(before).filter(|server| !query.was_asked(server));
        let resting = |server: &Address| {
            let connection = self.connections.get(server);
            connection.is_some_and(|c| matches!(c.state, State::Resting { .. }))
        };
        let first = open.clone().next();
        open.find(|server| !resting(server)).or(first).cloned()
    }

    fn turn_to(&mut self, now: Now, name: &ByteString, server: Address) {
        let until = now.instant + self.server_share(now, name);
        let idle = self.connections.want(now, &server, until, false);
        if idle {
            self.dial(now, &server);
        }
        let connection = self.connections.get(&server);
        let failures = connection.map_or(0, |connection| connection.failures);
        // The last failure is fresh enough to stand for this round's.
        let rested = match connection {
            Some(c) if matches!(c.state, State::Resting { .. }) => c.error.clone(),
            _ => None,
        };
        match rested {
            Some(error) => {
                self.note(now, name, &server, Reply::Silent(WithCauses(&error).to_string()))
            }
            None => self.set_stage(name, Stage::Connecting { server, failures, until }),
        }
    }

    fn send_query(&mut self, name: &ByteString, server: Address, link: LinkId, until: Instant) {
        let subject = self.topics.get(name).and_then(|t| t.query.as_ref()).map(|q| q.subject);
        let topic = match subject {
            Some(Subject::Default) => DEFAULT_TOPIC.into(),
            _ => name.clone(),
        };
        let command = ClientCommand::RouteQuery { topic };
        let chore = self.call(link, command, until);
        self.queries.insert(chore, name.clone());
        self.set_stage(name, Stage::Asked { server });
    }

    /// A name server has answered, or not.
    pub(super) fn handle_route_answer(
        &mut self,
        now: Now,
        name: ByteString,
        outcome: Result<Frame, CallError>,
    ) {
        let Some(topic) = self.topics.get(&name) else { return };
        let Some(Query { stage: Stage::Asked { server }, subject, .. }) = &topic.query else {
            return;
        };
        let (server, subject) = (server.clone(), *subject);
        if matches!(outcome, Err(CallError::Expired { .. })) {
            // It takes bytes and does not answer: a new connection may lead to a better one.
            if let Some(link) = self.connections.up(&server) {
                self.close(now, link, LinkError::Unresponsive);
            }
        }
        let reply = self.read_reply(&name, &server, subject, outcome);
        self.note(now, &name, &server, reply);
        self.advance(now, &name);
        self.begin_rounds(now);
    }

    fn read_reply(
        &self,
        name: &ByteString,
        server: &Address,
        subject: Subject,
        outcome: Result<Frame, CallError>,
    ) -> Reply {
        let frame = match outcome {
            Ok(frame) => frame,
            Err(error) => return Reply::Silent(told(&error)),
        };
        match ResponseCode(frame.header.code) {
            ResponseCode::SUCCESS => {}
            ResponseCode::TOPIC_NOT_EXIST => return Reply::Missing,
            ResponseCode(code) => {
                let remark = frame.header.remark.unwrap_or_default().to_string();
                let name_server = server.clone();
                return Reply::Bad(RouteError::Refused { name_server, code, remark });
            }
        }
        let known = self.topics.get(name).and_then(|topic| topic.entry.route.as_ref());
        let usage = match known {
            Some(route) => route.usage(),
            None => Arc::new(TopicUse::starting_at(self.jitter_cursor(name))),
        };
        let route = RouteData::decode(&frame.body).and_then(|data| match subject {
            Subject::Own => TopicRoute::build(name, &data, usage),
            Subject::Default => {
                let queues = self.config.default_topic_queue_nums;
                TopicRoute::build_from_default(name, data, queues, usage)
            }
        });
        let translation = self.config.address_translation.as_ref();
        let route = route.map(|route| match translation {
            Some(SharedTranslation(translation)) => route.translated(&**translation),
            None => route,
        });
        match route {
            Ok(route) if route.queues().is_empty() => {
                Reply::Bad(RouteError::NoWritableQueue { topic: name.clone() })
            }
            Ok(route) => Reply::Route(route),
            Err(error) => Reply::Bad(RouteError::BadRoute {
                name_server: server.clone(),
                reason: error.reason,
            }),
        }
    }

    /// Writes down what a server had to say; the round goes on unless it was the route.
    fn note(&mut self, now: Now, name: &ByteString, server: &Address, reply: Reply) {
        if !matches!(reply, Reply::Silent(_)) {
            self.tell_name_server_answers(now, server);
        }
        if let Reply::Route(route) = reply {
            return self.route_found(now, name, server, route);
        }
        self.change_query(name, |query| {
            query.stage = Stage::Choosing;
            match reply {
                Reply::Missing => query.missing.push(server.clone()),
                Reply::Silent(cause) => query.causes.push((server.clone(), cause)),
                Reply::Bad(error) => {
                    query.causes.push((server.clone(), error.to_string()));
                    query.bad = Some(error);
                }
                Reply::Route(_) => {}
            }
        });
    }

    fn route_found(
        &mut self,
        now: Now,
        name: &ByteString,
        server: &Address,
        mut route: TopicRoute,
    ) {
        let index = self.name_servers.iter().position(|known| known == server);
        self.current_server = index.unwrap_or(self.current_server);
        let interval = self.config.update_topic_route_info_interval;
        let first = self.topics.get(name).is_none_or(|topic| topic.entry.route.is_none());
        if self.config.strict_order && !route.is_fallback() {
            let layout = route.key_layout();
            let pin = |topic: &mut Topic| {
                topic.pinned.take_if(|_| std::mem::take(&mut topic.repin));
                Arc::clone(topic.pinned.get_or_insert(layout))
            };
            if let Some(pinned) = self.topics.change(name, pin) {
                route.pin_keys(&pinned);
            }
        }
        let leaving = matches!(self.life, Life::Leaving { .. });
        let listening: Vec<_> = match self.answers_checks && !leaving {
            true => route.brokers().map(|(_, address)| address.clone()).collect(),
            false => Vec::new(),
        };
        self.tell_route(name, server, &route);
        let (group, queue_nums) = (&self.group, self.config.default_topic_queue_nums);
        let route = route.attended(|broker| {
            let template = SendTemplate::new(group, name, queue_nums, broker);
            (self.topics.brokers.attend(broker), Some(template))
        });
        let jitter = &mut self.jitter;
        let news = self.topics.change(name, |topic| topic.found(now, route, interval, jitter));
        for address in listening {
            // Brokers ask those who are connected.
            self.want_broker(now, address, now.instant);
        }
        if news == Some(true) {
            self.topics_changed = true;
            if !first {
                self.drop_unrouted_brokers(now);
            }
        }
    }

    /// All servers have been asked and none had the route.
    fn conclude(&mut self, now: Now, name: &ByteString) {
        let create = self.config.auto_create_topic && name != DEFAULT_TOPIC;
        let retry = self.config.poll_name_server_interval_short;
        let had_route = self.topics.get(name).is_some_and(|topic| topic.entry.route.is_some());
        let jitter = &mut self.jitter;
        let news = self.topics.change(name, |topic| {
            let route = topic.entry.route.as_ref();
            let unknown_yet = route.is_none_or(|route| route.is_fallback());
            let Some(query) = topic.query.as_mut() else { return false };
            let missing = query.bad.is_none() && !query.missing.is_empty();
            if missing && create && unknown_yet && query.subject == Subject::Own {
                *query = Query { stage: Stage::Choosing, ..Query::new(Subject::Default) };
                return false;
            }
            let error = query.error(name);
            topic.failed(now, error, retry, jitter)
        });
        self.topics_changed |= news == Some(true);
        self.tell_failure(now, name, had_route);
    }

    fn set_stage(&mut self, name: &ByteString, stage: Stage) {
        self.change_query(name, |query| query.stage = stage);
    }

    fn change_query(&mut self, name: &ByteString, change: impl FnOnce(&mut Query)) {
        self.topics.change(name, |topic| topic.query.as_mut().map(change));
    }

    /// One server's part of the time that a round may take, and of the time that those have who
    /// wait for it.
    fn server_share(&self, now: Now, name: &ByteString) -> Duration {
        let servers = u32::try_from(self.name_servers.len()).unwrap_or(u32::MAX).max(1);
        let share = self.config.name_server_timeout / servers;
        let wanted_until = self.topics.get(name).map_or(now.instant, |topic| topic.wanted_until);
        match wanted_until.saturating_since(now.instant) {
            Duration::ZERO => share,
            left => share.min((left / servers).max(SERVER_SHARE_MIN)),
        }
    }
}

/// Why a question has no answer. Whether it was sent does not matter: it changes nothing.
fn told(error: &CallError) -> String {
    match error {
        CallError::Unsent(why) | CallError::Lost(why) => WithCauses(why).to_string(),
        CallError::Expired { .. } => "no answer in time".to_owned(),
        other => WithCauses(other).to_string(),
    }
}
