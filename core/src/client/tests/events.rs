//! What is told of what happens, and that it is told once.

use super::*;
use crate::{
    delivery::Ask,
    event::{Event::*, Peer, Severity},
    route::BrokerState,
};

impl World {
    /// What was told since the last look, but for what is for those who look for causes.
    fn told(&mut self) -> Vec<Event> {
        self.settle();
        let told = std::mem::take(&mut self.events).into_iter().map(|(_, event)| event);
        told.filter(|event| event.severity() > Severity::Debug).collect()
    }

    /// The same in words.
    fn story(&mut self) -> Vec<String> {
        self.told().iter().map(Event::to_string).collect()
    }

    /// A send says that the broker's state has changed.
    fn notice(&mut self, broker: &str) {
        let (ask, until) = (Ask::Notice(broker.to_owned().into()), self.now.instant);
        self.handle(Input::Ask { ask, until });
    }
}

fn refusal() -> LinkError {
    LinkError::Dial { reason: "connection refused".into() }
}

#[test]
fn a_life_is_told_from_its_beginning_to_its_end() {
    let mut world = World::connected(&["a"]);
    let group = config().producer_group.into();
    let (client_id, name_servers) = (world.client.client_id().into(), vec![]);
    let [Started { name_servers: asked, .. }, Connected { .. }] = &world.told()[..] else {
        panic!("it begins otherwise");
    };
    assert_eq!(asked.len(), 2);
    let started = Started { client_id, group, name_servers };
    assert_eq!(started.severity(), Severity::Info);

    world.handle(Input::Shutdown);
    world.handle(Input::Shutdown);
    world.handle(Input::Drained);
    assert_eq!(world.told(), [ShutdownBegun { timeout: 3 * SECOND }], "once");
    world.run(5 * SECOND);
    assert_eq!((world.told(), world.stopped), (vec![], 1), "its connections end with it");
}

#[test]
fn row_55_a_day_of_refusals_is_told_once_and_so_is_its_end() {
    let mut world = World::new();
    world.ask_broker("a");
    world.run(24 * 3_600 * SECOND);
    let (peer, at) = (Peer::Broker, address("a"));
    let failed = DialFailed { peer, address: at.clone(), cause: refusal() };
    assert_eq!(world.told()[1..], [failed]);
    let dials = world.dials_of("a").len() as u32;

    world.host("a", Host::Serves);
    world.run(20 * SECOND);
    assert_eq!(world.told(), [Connected { peer, address: at, failures: dials }]);
}

#[test]
fn row_55_a_connection_that_never_lasts_is_told_once_until_it_lasts() {
    let mut world = World::connected(&["a"]);
    world.told();
    let mut cut = 0;
    while world.elapsed() < 600 * SECOND {
        if world.is_up("a") {
            world.cut("a");
            cut += 1;
        }
        world.run_in_use("T", 100 * MS);
    }
    assert!(cut > 50, "{cut}");
    let (peer, at) = (Peer::Broker, address("a"));
    let cause = LinkError::ClosedByPeer;
    let lost = |at| Disconnected { peer, address: at, cause: cause.clone() };
    assert_eq!(world.told(), [lost(at.clone())]);
    world.run_in_use("T", 30 * SECOND);
    assert_eq!(world.told(), [Connected { peer, address: at.clone(), failures: cut }]);
    world.cut("a");
    assert_eq!(world.told()[0], lost(at));
}

#[test]
fn a_broker_that_asks_to_be_left_is_told_of_and_not_called_lost() {
    let mut world = World::connected(&["a"]);
    world.told();
    let link = world.link("a");
    world.handle(Input::GoAway(link));
    world.handle(Input::GoAway(link));
    world.run_in_use("T", 10 * SECOND);
    let story = world.story();
    assert_eq!(story, ["broker a:10911 is shutting down", "connected to broker a:10911"]);
}

#[test]
fn row_55_refused_heartbeats_are_told_once_and_so_is_their_end() {
    let mut world = World::connected(&["a"]);
    world.told();
    world.host("a", Host::Denies);
    world.run_in_use("T", 60 * SECOND);
    let (at, remark) = (address("a"), ByteString::new());
    let refused = HeartbeatRefused { address: at.clone(), code: DENIED, remark };
    assert_eq!(world.told(), [refused]);
    world.host("a", Host::Serves);
    world.run_in_use("T", 10 * SECOND);
    assert_eq!(world.told(), [HeartbeatAccepted { address: at }]);
}

#[test]
fn row_55_name_servers_that_are_gone_are_told_once_for_all_topics() {
    let mut world = World::new();
    for server in ["ns1", "ns2"] {
        world.host(server, Host::Refuses);
    }
    for topic in 0..100 {
        world.topic(&format!("T{topic}"), &["a"]);
    }
    for _ in 0..200 {
        for topic in 0..100 {
            world.ask_route(&format!("T{topic}"));
        }
        world.run(3 * SECOND);
    }
    let told = world.told();
    let unreachable = |event: &&Event| matches!(event, NameServersUnreachable { .. });
    assert_eq!(told.iter().filter(unreachable).count(), 1);
    let dials = |event: &&Event| matches!(event, DialFailed { .. });
    assert_eq!(told.iter().filter(dials).count(), 2, "one for each: {told:?}");
    assert_eq!(told.len(), 4, "{told:?}");

    for server in ["ns1", "ns2"] {
        world.host(server, Host::Serves);
    }
    world.ask_route("T0");
    world.run(20 * SECOND);
    let story = world.story();
    let again = |line: &&String| line.ends_with("has answered again");
    assert_eq!(story.iter().filter(again).count(), 1, "{story:?}");
}

#[test]
fn a_topics_route_is_told_when_it_is_found_changed_and_lost() {
    let mut world = World::connected(&["a", "b"]);
    let found = world.events.iter().map(|(_, event)| event.to_string());
    assert!(found.into_iter().any(|line| line == "topic \"T\" has 4 queues on 2 brokers"));
    world.told();

    world.topic("T", &["a"]);
    world.run_in_use("T", 60 * SECOND);
    assert_eq!(world.story(), ["topic \"T\" has 2 queues on 1 brokers, was 4 on 2"]);

    for server in ["ns1", "ns2"] {
        world.tell(server, "T", 0, r#"{"queueDatas":[],"brokerDatas":[]}"#);
    }
    world.run(60 * SECOND);
    let told = world.told();
    assert!(matches!(&told[..], [RouteLost { topic, .. }] if topic == "T"), "{told:?}");
}

#[test]
fn row_55_a_route_that_is_garbage_is_told_once_and_so_is_a_good_one() {
    let mut world = World::connected(&["a"]);
    world.told();
    for server in ["ns1", "ns2"] {
        world.tell(server, "T", 0, "garbage");
    }
    world.run_in_use("T", 600 * SECOND);
    let told = world.told();
    assert!(matches!(&told[..], [RouteFailed { topic, .. }] if topic == "T"), "{told:?}");
    assert_eq!(told[0].severity(), Severity::Warn);
    world.topic("T", &["a"]);
    world.run_in_use("T", 60 * SECOND);
    let told = world.told();
    assert!(matches!(&told[..], [RouteFound { recovered: true, .. }]), "{told:?}");
}

#[test]
fn a_brokers_state_is_told_whoever_notices_it_first() {
    let mut world = World::connected(&["a"]);
    world.told();
    let health = Arc::clone(world.routes.health("a").expect("a route names it"));
    let mut made = 0;
    for _ in 0..5 {
        made += u32::from(health.report_failure(world.now.instant, false));
    }
    assert_eq!(made, 2, "degraded and unhealthy, each made by one report");
    for _ in 0..10 {
        world.notice("a");
        world.notice("unknown");
    }
    let (broker, from, to) = ("a".into(), BrokerState::Healthy, BrokerState::Unhealthy);
    assert_eq!(world.told(), [BrokerStateChanged { broker, from, to, changes: 2 }]);
    assert!(health.suspend() && !health.suspend());
    world.notice("a");
    assert_eq!(world.story(), ["broker a is Suspended, was Unhealthy"]);
}

#[test]
fn row_55_a_broker_that_flaps_is_told_of_at_a_bounded_pace_and_every_change_is_counted() {
    let mut world = World::connected(&["a"]);
    world.told();
    let health = Arc::clone(world.routes.health("a").expect("a route names it"));
    let (mut made, begun) = (0, world.elapsed());
    for round in 0..100_000 {
        let now = world.now.instant;
        let well = round % 11 > 4;
        let changed = if well {
            health.report_success(now, MS, false)
        } else {
            health.report_failure(now, false)
        };
        if changed {
            made += 1;
            world.notice("a");
        }
        world.run_in_use("T", 3 * MS);
    }
    world.run_in_use("T", 30 * SECOND);
    let minutes = (world.elapsed() - begun).as_secs() / 60 + 1;
    let told = world.told();
    assert!(told.len() as u64 <= 4 + 6 * minutes, "{} in {minutes} minutes", told.len());
    let mut state = BrokerState::Healthy;
    let mut counted = 0;
    for event in told {
        let BrokerStateChanged { from, to, changes, .. } = event else { panic!("{event}") };
        assert_eq!(from, state, "no change is left out");
        (state, counted) = (to, counted + changes);
    }
    assert_eq!(state, health.state());
    assert!(made > 20_000 && counted <= made && made - counted <= 3, "{counted} of {made}");
}

#[test]
fn row_55_an_idle_hour_says_nothing_above_debug() {
    let mut world = World::connected(&["a", "b"]);
    world.told();
    world.run(3_600 * SECOND);
    assert_eq!(world.told(), []);
    assert!(world.client.topics.is_empty(), "and all is forgotten by then");
}

#[test]
fn row_55_an_hour_of_use_says_nothing_above_debug() {
    let mut world = World::connected(&["a", "b"]);
    world.told();
    world.run_in_use("T", 3_600 * SECOND);
    assert_eq!(world.told(), []);
}
