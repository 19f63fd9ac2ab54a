//! The client alone, on a virtual clock, among hosts that do as the test says.

mod checks;
mod connections;
mod events;
mod heartbeats;
mod many_topics;
mod names;
mod order;
mod routes;
mod shutdown;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use bytestring::ByteString;

use super::{Client, Input, Output};
use crate::{
    codec::{ExtFields, Frame, Header, Language, SerializeType},
    command::ClientCommand,
    delivery::Ask,
    event::Event,
    ids::{ChoreId, LinkId},
    link::{CallError, LinkError},
    model::{Address, Identity, ProducerConfig},
    route::{Phase, Reach, RouteError, Routes, TopicRoute},
    time::{Instant, Now},
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
/// The answer of a name server that does not know a topic.
const NOT_FOUND: i32 = 17;

/// The answer of a host that wants to have nothing to do with us.
const DENIED: i32 = 16;

/// How a host treats those who connect.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Host {
    Serves,
    Refuses,
    /// Lets nobody in and does not say so.
    Swallows,
    /// Lets everybody in and never answers.
    Ignores,
    /// Lets everybody in and answers everything with an error.
    Denies,
}

/// A connection as its driver sees it.
#[derive(Debug)]
struct Socket {
    address: Address,
    up: bool,
    /// When the peer was last heard.
    heard: Instant,
}

/// A call that has not been answered yet.
#[derive(Debug)]
struct Pending {
    chore: ChoreId,
    link: LinkId,
    deadline: Instant,
}

/// Everything around one client.
struct World {
    client: Client,
    now: Now,
    hosts: BTreeMap<Address, Host>,
    /// What each name server has to say of a topic; code 17 where nothing is listed.
    answers: BTreeMap<(Address, String), (i32, String)>,
    /// Those whose names lead elsewhere than their connections do.
    moved: BTreeSet<Address>,
    sockets: BTreeMap<LinkId, Socket>,
    pending: Vec<Pending>,
    inputs: VecDeque<Input>,

    routes: Arc<Routes>,
    dials: Vec<(Duration, Address)>,
    calls: Vec<(Duration, Address, ClientCommand)>,
    oneways: Vec<(Duration, Address, ClientCommand)>,
    closed: Vec<(Duration, LinkId, LinkError)>,
    lookups: Vec<(Duration, Address)>,
    responses: Vec<(LinkId, Header)>,
    /// Brokers' questions that were passed on.
    check_backs: Vec<(LinkId, Frame)>,
    events: Vec<(Duration, Event)>,
    cut_off: u32,
    stopped: u32,
}

impl World {
    /// Name servers `ns1` and `ns2`, both serving, asked in this order.
    fn new() -> Self {
        Self::with(config())
    }

    fn with(config: ProducerConfig) -> Self {
        Self::seeded(config, 0)
    }

    fn seeded(config: ProducerConfig, nonce: u64) -> Self {
        let identity = Identity { nonce, ..Identity::default() };
        let mut client = Client::new(Arc::new(config), &identity).unwrap();
        client.name_servers.sort();
        let hosts = client.name_servers.iter().map(|server| (server.clone(), Host::Serves));
        Self {
            hosts: hosts.collect(),
            client,
            now: Now::default(),
            answers: BTreeMap::new(),
            moved: BTreeSet::new(),
            sockets: BTreeMap::new(),
            pending: Vec::new(),
            inputs: VecDeque::new(),
            routes: Arc::default(),
            dials: Vec::new(),
            calls: Vec::new(),
            oneways: Vec::new(),
            closed: Vec::new(),
            lookups: Vec::new(),
            responses: Vec::new(),
            check_backs: Vec::new(),
            events: Vec::new(),
            cut_off: 0,
            stopped: 0,
        }
    }

    fn host(&mut self, name: &str, host: Host) {
        self.hosts.insert(address(name), host);
    }

    /// Every name server knows the topic, with two queues on each of these brokers, which serve.
    fn topic(&mut self, topic: &str, brokers: &[&str]) {
        for server in self.client.name_servers.clone() {
            self.tell(&server.host, topic, 0, &route_json(brokers));
        }
        for broker in brokers {
            self.hosts.entry(address(broker)).or_insert(Host::Serves);
        }
    }

    /// What one name server says of a topic from now on.
    fn tell(&mut self, server: &str, topic: &str, code: i32, body: &str) {
        let key = (address(server), topic.to_owned());
        self.answers.insert(key, (code, body.to_owned()));
    }

    /// A send waits three seconds for the route.
    fn ask_route(&mut self, topic: &str) {
        let until = self.now.instant + 3 * SECOND;
        self.handle(Input::Ask { ask: Ask::Route(topic.to_owned().into()), until });
    }

    /// A broker has told a send that the topic's route is out of date.
    fn ask_refresh(&mut self, topic: &str) {
        let until = self.now.instant + 3 * SECOND;
        self.handle(Input::Ask { ask: Ask::Refresh(topic.to_owned().into()), until });
    }

    /// A send waits three seconds for the connection.
    fn ask_broker(&mut self, broker: &str) {
        let until = self.now.instant + 3 * SECOND;
        self.handle(Input::Ask { ask: Ask::Connection(address(broker)), until });
    }

    /// Connected to this broker, as a topic's route names it.
    fn connected(brokers: &[&str]) -> Self {
        let mut world = Self::new();
        world.topic("T", brokers);
        world.ask_route("T");
        for broker in brokers {
            world.ask_broker(broker);
        }
        world.run(Duration::ZERO);
        world
    }

    /// The peer, or the network, ends the connection.
    fn cut(&mut self, broker: &str) {
        let link = self.link(broker);
        self.sockets.remove(&link);
        self.lose(link, &LinkError::ClosedByPeer);
        self.handle(Input::Closed { link, cause: LinkError::ClosedByPeer });
    }

    fn handle(&mut self, input: Input) {
        self.client.handle(self.now, input);
    }

    /// Lets time pass, with everything that is due in between.
    fn run(&mut self, time: Duration) {
        let end = self.now.instant + time;
        loop {
            self.settle();
            let due = self.client.deadline().map(|deadline| deadline.at);
            let calls = self.pending.iter().map(|call| call.deadline);
            let Some(next) = due.into_iter().chain(calls).min().filter(|next| *next <= end) else {
                break;
            };
            self.now.instant = self.now.instant.max(next);
            self.expire_calls();
            self.client.handle_timeout(self.now);
            let left = self.client.deadline();
            assert!(left.is_none_or(|left| left.at > self.now.instant), "still due: {left:?}");
        }
        self.now.instant = end;
    }

    /// The same while sends use the topic.
    fn run_in_use(&mut self, topic: &str, mut time: Duration) {
        while !time.is_zero() {
            if let Some(route) = self.route(topic) {
                route.mark_used();
            }
            let step = time.min(20 * SECOND);
            self.run(step);
            time -= step;
        }
    }

    /// Carries out outputs and takes their consequences back in until there are none.
    fn settle(&mut self) {
        loop {
            while let Some(output) = self.client.poll() {
                self.carry_out(output);
            }
            if self.inputs.is_empty() {
                return;
            }
            for input in std::mem::take(&mut self.inputs) {
                self.handle(input);
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        assert_eq!(self.stopped, 0, "after the last word: {output:?}");
        match output {
            Output::Open { link, address, .. } => self.open(link, address),
            Output::Close { link, cause } => {
                assert!(self.sockets.remove(&link).is_some(), "{link} is closed twice");
                self.closed.push((self.elapsed(), link, cause.clone()));
                self.lose(link, &cause);
            }
            Output::Call { link, chore, command, deadline } => {
                self.call(link, chore, command, deadline);
            }
            Output::Oneway { link, chore, command } => {
                let address = self.sockets[&link].address.clone();
                self.oneways.push((self.elapsed(), address, command));
                self.inputs.push_back(Input::Queued { chore, outcome: Ok(()) });
            }
            Output::Listen(link) => {
                let at = self.sockets[&link].heard;
                self.inputs.push_back(Input::Heard { link, at });
            }
            Output::Resolve { link, address } => {
                let moved = self.moved.contains(&address);
                self.lookups.push((self.elapsed(), address));
                self.inputs.push_back(Input::Resolved { link, moved });
            }
            Output::CheckBack { link, frame } => self.check_backs.push((link, frame)),
            Output::Respond { link, header } => self.responses.push((link, header)),
            Output::Publish(routes) => {
                assert!(routes.version > self.routes.version);
                self.routes = routes;
            }
            Output::Notify(event) => self.events.push((self.elapsed(), event)),
            Output::CutOff => self.cut_off += 1,
            Output::Stopped => self.stopped += 1,
        }
    }

    fn open(&mut self, link: LinkId, address: Address) {
        let dialing = |socket: &Socket| !socket.up && socket.address == address;
        assert!(!self.sockets.values().any(dialing), "{address} is being dialed already");
        self.dials.push((self.elapsed(), address.clone()));
        let heard = Instant::default();
        match self.hosts.get(&address).unwrap_or(&Host::Refuses) {
            Host::Refuses => {
                let cause = LinkError::Dial { reason: "connection refused".into() };
                self.inputs.push_back(Input::Closed { link, cause });
            }
            Host::Swallows => {
                self.sockets.insert(link, Socket { address, up: false, heard });
            }
            Host::Serves | Host::Ignores | Host::Denies => {
                self.sockets.insert(link, Socket { address, up: true, heard });
                self.inputs.push_back(Input::Opened(link));
            }
        }
    }

    fn call(&mut self, link: LinkId, chore: ChoreId, command: ClientCommand, deadline: Instant) {
        let Some(socket) = self.sockets.get(&link).filter(|socket| socket.up) else {
            panic!("{command:?} on {link}, which is not up");
        };
        let address = socket.address.clone();
        self.calls.push((self.elapsed(), address.clone(), command.clone()));
        let host = self.hosts.get(&address).copied();
        if !matches!(host, Some(Host::Serves | Host::Denies)) {
            return self.pending.push(Pending { chore, link, deadline });
        }
        let heard = self.now.instant;
        self.sockets.entry(link).and_modify(|socket| socket.heard = heard);
        let (code, body) = match command {
            _ if host == Some(Host::Denies) => (DENIED, String::new()),
            ClientCommand::RouteQuery { topic } => {
                let known = self.answers.get(&(address, topic.to_string()));
                known.cloned().unwrap_or((NOT_FOUND, String::new()))
            }
            _ => (0, String::new()),
        };
        self.inputs.push_back(Input::Answer { chore, outcome: Ok(frame(code, 1, body)) });
    }

    /// What is in flight on a connection that has ended is answered.
    fn lose(&mut self, link: LinkId, cause: &LinkError) {
        for Pending { chore, .. } in self.pending.extract_if(.., |call| call.link == link) {
            let outcome = Err(CallError::Lost(cause.clone()));
            self.inputs.push_back(Input::Answer { chore, outcome });
        }
    }

    /// A broker that was silent answers what it was asked last: it is of this version.
    fn answer_late(&mut self, broker: &str, version: i32) {
        let link = self.link(broker);
        let call = self.pending.iter().rposition(|call| call.link == link);
        let Pending { chore, .. } = self.pending.remove(call.expect("it was asked something"));
        let mut answer = frame(0, 1, "");
        answer.header.version = version;
        self.handle(Input::Answer { chore, outcome: Ok(answer) });
    }

    fn expire_calls(&mut self) {
        let now = self.now.instant;
        let expired: Vec<_> = self.pending.extract_if(.., |call| call.deadline <= now).collect();
        for Pending { chore, .. } in expired {
            let outcome = Err(CallError::Expired { lent: true });
            self.handle(Input::Answer { chore, outcome });
        }
    }

    fn elapsed(&self) -> Duration {
        self.now.instant.saturating_since(Instant::default())
    }

    fn route(&self, topic: &str) -> Option<&TopicRoute> {
        self.routes.topic(topic)?.route.as_deref()
    }

    fn failure(&self, topic: &str) -> Option<&RouteError> {
        self.routes.topic(topic)?.failure.as_deref()
    }

    /// The connection that senders to this broker use.
    fn link(&self, broker: &str) -> LinkId {
        match self.routes.reach(&address(broker)) {
            Reach::Up(link) => link,
            down => panic!("{broker} is not connected: {down:?}"),
        }
    }

    fn is_up(&self, broker: &str) -> bool {
        matches!(self.routes.reach(&address(broker)), Reach::Up(_))
    }

    /// When this host was dialed.
    fn dials_of(&self, host: &str) -> Vec<Duration> {
        let dials = self.dials.iter().filter(|(_, dialed)| *dialed == address(host));
        dials.map(|(at, _)| *at).collect()
    }

    /// When this broker was sent heartbeats that it need not answer.
    fn oneways_to(&self, broker: &str) -> Vec<Duration> {
        let oneways = self.oneways.iter().filter(|(_, to, _)| *to == address(broker));
        oneways.map(|(at, ..)| *at).collect()
    }

    /// A send on this broker's connection is answered.
    fn hear(&mut self, broker: &str) {
        let link = self.link(broker);
        self.sockets.get_mut(&link).unwrap().heard = self.now.instant;
    }

    /// When this broker was sent heartbeats that it is to answer.
    fn heartbeats_of(&self, broker: &str) -> Vec<Duration> {
        let heartbeat =
            |command: &ClientCommand| matches!(command, ClientCommand::Heartbeat { .. });
        let calls =
            self.calls.iter().filter(|(_, to, what)| *to == address(broker) && heartbeat(what));
        calls.map(|(at, ..)| *at).collect()
    }

    /// Who was asked for which topic.
    fn queries(&self) -> Vec<(&str, &str)> {
        self.calls
            .iter()
            .filter_map(|(_, server, command)| match command {
                ClientCommand::RouteQuery { topic } => Some((&*server.host, &**topic)),
                _ => None,
            })
            .collect()
    }
}

fn config() -> ProducerConfig {
    ProducerConfig::new("PG_TEST", "ns1:9876;ns2:9876")
}

/// Name servers, which have a name or an address, listen on 9876, brokers on 10911.
fn address(host: &str) -> Address {
    let port = if host.starts_with("ns") || host.contains(['.', ':']) { 9876 } else { 10911 };
    Address { host: ByteString::from(host), port }
}

/// Two queues on each of these brokers.
fn route_json(brokers: &[&str]) -> String {
    let list = |one: fn(&&str) -> String| brokers.iter().map(one).collect::<Vec<_>>().join(",");
    let queues = list(|name| {
        format!(r#"{{"brokerName":"{name}","perm":6,"readQueueNums":2,"writeQueueNums":2}}"#)
    });
    let brokers =
        list(|name| format!(r#"{{"brokerName":"{name}","brokerAddrs":{{"0":"{name}:10911"}}}}"#));
    format!(r#"{{"queueDatas":[{queues}],"brokerDatas":[{brokers}]}}"#)
}

fn frame(code: i32, flag: i32, body: impl Into<Bytes>) -> Frame {
    let header = Header {
        code,
        language: Language::JAVA,
        version: 479,
        opaque: 5,
        flag,
        remark: None,
        ext: ExtFields::default(),
    };
    Frame { form: SerializeType::Json, header, body: body.into() }
}
