//! How each kind of trouble begins, and how it ends.

use std::{net::SocketAddr, time::Duration};

use super::{
    kind::Kind,
    peers::{BROKERS, NAME_SERVERS, Peer, TOPIC},
    server::USUAL_SERVICE,
    world::World,
};
use crate::model::{FLOW_CONTROL_REMARKS, Fault, RESPONSE_CODES, STORED_CODES};

/// One trouble, from its beginning to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What kind.
    pub kind: Kind,
    /// Who has it; the first name server where all have it.
    pub peer: Peer,
}

impl World {
    /// Lets a trouble begin.
    pub fn begin(&mut self, trouble: Trouble) {
        let Trouble { kind, peer } = trouble;
        self.trace.note(self.now, "trouble", &[kind as u64, peer.0 as u64], || {
            format!("{kind} at {:?}", self.servers[peer.0].node)
        });
        let seen = (0..self.producers.len())
            .flat_map(|index| self.doing(super::peers::Producer(index)))
            .collect::<Vec<_>>();
        self.coverage.met(kind, &seen);
        match kind {
            Kind::Latency => {
                let most = self.rng.u64(5..1_500);
                self.set_way(peer, |way| {
                    way.latency = Duration::from_millis(most / 2);
                    way.jitter = Duration::from_millis(most / 2);
                });
            }
            Kind::Narrow => {
                let bytes_per_second = self.rng.u64(2_000..200_000);
                self.set_way(peer, |way| way.bytes_per_second = bytes_per_second);
            }
            Kind::Partition => self.partition(peer),
            Kind::NoWayThere => self.hold(peer, true, false),
            Kind::NoWayBack => self.hold(peer, false, true),
            Kind::Lost => self.lose_connections(peer),
            Kind::Reset => self.cut_connections(peer, true),
            Kind::Ended => self.cut_connections(peer, false),
            Kind::HalfClose => self.half_close(peer),
            Kind::DialsRefused => {
                self.refuse(peer);
                self.cut_connections(peer, true);
            }
            Kind::DialsSwallowed => {
                self.swallow(peer);
                self.cut_connections(peer, true);
            }
            Kind::Crash | Kind::Forgetful | Kind::Moved => self.crash(peer),
            Kind::PowerCut => self.cut_power(peer),
            Kind::Frozen => self.freeze(peer),
            Kind::Slow => {
                let most = self.rng.u64(50..4_000);
                self.servers[peer.0].service =
                    (Duration::from_millis(most / 10), Duration::from_millis(most));
            }
            Kind::Unresolved => self.set_name(peer, |name| name.fails = true),
            Kind::Renamed => {
                let elsewhere = [10, 9, 9, self.rng.u8(1..)];
                let elsewhere = self.network.borrow().family.ip(elsewhere);
                self.set_name(peer, |name| name.address.set_ip(elsewhere));
            }
            Kind::ClockBack => self.set_wall_offset(self.wall_offset - 3_600_000),
            Kind::ClockOn => self.set_wall_offset(self.wall_offset + 86_400_000),
            Kind::ClockMonth => self.set_wall_offset(self.wall_offset + 8 * 86_400_000),
            Kind::Stale => self.cluster.name_server(peer.0).set_frozen(true),
            Kind::MasterLost | Kind::Wiped | Kind::Ordered | Kind::BadRoute => {
                self.spoil_routes(kind, peer);
            }
            Kind::QueuesChanged | Kind::NoPermission | Kind::ReadOnly => {
                self.change_topic(kind, peer);
            }
            _ => {
                let fault = self.fault(kind);
                self.misbehave(peer, fault);
            }
        }
    }

    /// Ends a trouble, as far as it does not end by itself.
    pub fn lift(&mut self, trouble: Trouble) {
        let Trouble { kind, peer } = trouble;
        self.trace.note(self.now, "lifted", &[kind as u64, peer.0 as u64], || {
            format!("{kind} at {:?}", self.servers[peer.0].node)
        });
        match kind {
            Kind::Latency | Kind::Narrow => self.usual_way(peer),
            Kind::Partition | Kind::NoWayThere | Kind::NoWayBack => self.reconnect(peer),
            Kind::DialsRefused | Kind::DialsSwallowed => {
                if self.servers[peer.0].running {
                    self.admit(peer);
                }
            }
            Kind::Crash | Kind::Forgetful | Kind::PowerCut => self.restart(peer),
            Kind::Moved => {
                self.move_broker(peer);
                self.restart(peer);
            }
            Kind::GoAway => {
                self.behave(peer);
                self.crash(peer);
                self.restart(peer);
            }
            Kind::Frozen => self.thaw(peer),
            Kind::Slow => self.servers[peer.0].service = USUAL_SERVICE,
            Kind::Unresolved | Kind::Renamed => self.usual_name(peer),
            Kind::Stale => self.cluster.name_server(peer.0).set_frozen(false),
            Kind::MasterLost => self.tell_all(peer),
            Kind::Wiped => self.allow_writing(peer),
            Kind::BadRoute => self.cluster.name_server(peer.0).set_route_body(TOPIC, None),
            Kind::Ordered => self.cluster.name_server(peer.0).set_order_conf(TOPIC, None),
            Kind::QueuesChanged => {
                self.cluster.broker(peer.name()).set_queue_count(TOPIC, 4);
                self.spread_news();
            }
            Kind::NoPermission => {
                self.cluster.broker(peer.name()).set_perm(TOPIC, 6);
                self.spread_news();
            }
            Kind::ReadOnly => self.cluster.broker(peer.name()).set_read_only(false),
            Kind::Lost | Kind::Reset | Kind::Ended | Kind::HalfClose => {}
            Kind::ClockBack | Kind::ClockOn | Kind::ClockMonth => {}
            _ => self.behave(peer),
        }
    }

    fn fault(&mut self, kind: Kind) -> Fault {
        let times = self.rng.u32(1..20);
        let refusals = RESPONSE_CODES.iter().filter(|code| !STORED_CODES.contains(code));
        // And one that nobody knows.
        let codes: Vec<i32> = refusals.copied().chain([7777]).collect();
        match kind {
            Kind::AnswersLost => Fault::SwallowSends(times),
            Kind::ClosedInstead => Fault::CloseInsteadOfReply(times.min(5)),
            Kind::Busy => {
                let remark = FLOW_CONTROL_REMARKS[self.rng.usize(..FLOW_CONTROL_REMARKS.len())];
                Fault::Answer { code: 2, remark: remark.to_owned(), times: times * 5 }
            }
            Kind::Refusing => {
                let code = codes[self.rng.usize(..codes.len())];
                Fault::Answer { code, remark: "no".to_owned(), times }
            }
            Kind::Lying => {
                // Codes that a broker may give although it has stored the message.
                let code = [1, 7777, -1006][self.rng.usize(..3)];
                Fault::AnswerAfterActing { code, remark: "something broke".to_owned(), times }
            }
            Kind::InDoubt => Fault::ReplyCode([10, 11, 12][self.rng.usize(..3)]),
            Kind::Garbage => {
                let length = self.rng.usize(1..64);
                let bytes: Vec<u8> = (0..length).map(|_| self.rng.u8(..)).collect();
                Fault::Speak(bytes.into())
            }
            Kind::Asking => Fault::AskBack(question(self.rng.bool()).into()),
            Kind::Repeating => Fault::RepeatReplies,
            Kind::GoAway => Fault::GoAway,
            _ => Fault::Hang,
        }
    }

    fn spoil_routes(&mut self, kind: Kind, peer: Peer) {
        for name_server in NAME_SERVERS {
            let number = name_server.0;
            match kind {
                Kind::MasterLost => {
                    let slave = self.network.borrow().family.ip([10, 3, 0, peer.0 as u8]);
                    let slave = SocketAddr::new(slave, 10911);
                    self.cluster.set_slave_address(peer.name(), slave);
                    self.cluster.register_broker(peer.name(), number);
                    self.cluster.name_server(number).unregister(peer.name());
                }
                Kind::Wiped => self.cluster.name_server(number).wipe_write_perm(peer.name()),
                _ => {}
            }
        }
        if kind == Kind::Ordered {
            let conf = format!("broker-c:2;broker-a:{}", self.rng.u32(1..4));
            self.cluster.name_server(peer.0).set_order_conf(TOPIC, conf);
        }
        if kind == Kind::BadRoute {
            let bad = ["", "{", "null", "[]", r#"{"queueDatas":3}"#, r#"{"brokerDatas":[{}]}"#];
            let body = bad[self.rng.usize(..bad.len())].to_owned();
            self.cluster.name_server(peer.0).set_route_body(TOPIC, body);
        }
    }

    fn change_topic(&mut self, kind: Kind, peer: Peer) {
        let count = self.rng.u32(0..12);
        let broker = self.cluster.broker(peer.name());
        match kind {
            Kind::QueuesChanged => broker.set_queue_count(TOPIC, count),
            Kind::NoPermission => broker.set_perm(TOPIC, 4),
            _ => broker.set_read_only(true),
        }
        self.spread_news();
    }

    /// Name servers hear the truth about a broker again.
    fn tell_all(&mut self, broker: Peer) {
        if broker.is_broker() && self.servers[broker.0].running {
            for name_server in 0..NAME_SERVERS.len() {
                self.cluster.register_broker(broker.name(), name_server);
            }
        }
    }

    fn allow_writing(&mut self, broker: Peer) {
        for name_server in NAME_SERVERS {
            self.cluster.name_server(name_server.0).add_write_perm(broker.name());
        }
    }

    fn set_way(&mut self, peer: Peer, change: impl Fn(&mut super::pipe::Way)) {
        for producer in 0..self.producers.len() {
            change(&mut self.network.borrow_mut().path(producer, peer.0).way);
        }
    }

    pub(super) fn usual_way(&mut self, peer: Peer) {
        self.set_way(peer, |way| *way = super::network::Path::default().way);
    }

    fn set_name(&mut self, peer: Peer, change: impl Fn(&mut super::dialing::Name)) {
        let mut network = self.network.borrow_mut();
        if let Some(name) = network.names.get_mut(&format!("ns{}", peer.0 + 1)) {
            change(name);
        }
    }

    pub(super) fn usual_name(&mut self, peer: Peer) {
        let address = self.servers[peer.0].address;
        self.set_name(peer, |name| (name.address, name.fails) = (address, false));
    }

    /// Undoes what no other ending undoes.
    pub(super) fn put_everything_right(&mut self) {
        for peer in NAME_SERVERS.into_iter().chain(BROKERS) {
            self.usual_way(peer);
            self.servers[peer.0].service = USUAL_SERVICE;
        }
        for name_server in NAME_SERVERS {
            self.usual_name(name_server);
            let model = self.cluster.name_server(name_server.0);
            model.set_frozen(false);
            model.set_route_body(TOPIC, None);
            model.set_order_conf(TOPIC, None);
        }
        for broker in BROKERS {
            let model = self.cluster.broker(broker.name());
            model.set_read_only(false);
            model.set_perm(TOPIC, 6);
            model.set_queue_count(TOPIC, 4);
            self.allow_writing(broker);
            self.tell_all(broker);
        }
    }
}

/// A request as brokers make them: CHECK_TRANSACTION_STATE, one-way, or a code that nobody knows.
fn question(known: bool) -> Vec<u8> {
    let header = match known {
        true => r#"{"code":39,"flag":2,"language":"JAVA","opaque":0,"version":513,"extFields":{}}"#,
        false => r#"{"code":9999,"flag":0,"language":"JAVA","opaque":1,"version":513}"#,
    };
    let length = header.len() as u32;
    let mut frame = (length + 4).to_be_bytes().to_vec();
    frame.extend(length.to_be_bytes());
    frame.extend(header.bytes());
    frame
}
