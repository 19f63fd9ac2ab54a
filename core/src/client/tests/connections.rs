//! Which connections exist, how they are kept, and how they are given up.

use super::*;
use crate::command::ResponseCode;

#[test]
fn row_18_a_day_of_refusals_is_dialed_through_at_a_capped_and_jittered_pace() {
    let mut world = World::new();
    world.ask_broker("a");
    world.run(24 * 3600 * SECOND);
    let dials = world.dials_of("a");
    let gaps: Vec<_> = dials.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The send that waits for the first three seconds holds the pauses down.
    let mut pause = 100 * MS;
    for gap in gaps.iter().take(4) {
        assert!(*gap >= pause / 2 && *gap <= pause, "{gap:?} where {pause:?} is due");
        pause *= 2;
    }
    for gap in &gaps[10..] {
        assert!(*gap >= 5 * SECOND && *gap <= 10 * SECOND, "{gap:?}");
    }
    assert!(gaps[10..].windows(2).any(|pair| pair[0] != pair[1]), "jitter");

    world.host("a", Host::Serves);
    world.run(10 * SECOND);
    assert!(world.is_up("a"), "recovered within one pause");
    assert_eq!(world.heartbeats_of("a").len(), 1);
}

#[test]
fn row_18_someone_who_waits_is_not_kept_waiting_for_the_longest_pause() {
    let mut world = World::new();
    world.ask_broker("a");
    world.run(600 * SECOND);
    world.host("a", Host::Serves);
    world.ask_broker("a");
    world.run(SECOND);
    assert!(world.is_up("a"));
}

#[test]
fn two_producers_do_not_dial_in_step() {
    let dials = |nonce| {
        let mut world = World::seeded(config(), nonce);
        world.ask_broker("a");
        world.run(60 * SECOND);
        world.dials_of("a")
    };
    assert_ne!(dials(1), dials(2));
    assert_eq!(dials(1), dials(1), "the same seed gives the same run");
}

#[test]
fn row_10_a_black_holed_dial_is_given_up_and_holds_up_nobody() {
    let mut world = World::new();
    world.host("a", Host::Swallows);
    world.host("b", Host::Serves);
    for _ in 0..100 {
        world.ask_broker("a");
        world.ask_broker("b");
    }
    world.run(Duration::ZERO);
    assert!(world.is_up("b"));
    assert_eq!(world.dials_of("a").len(), 1);
    world.run(3 * SECOND);
    assert_eq!(world.closed[0].0, 3 * SECOND);
    assert_eq!(world.closed[0].2, LinkError::DialTimeout);
    let Reach::Down { failures, error, resting } = world.routes.reach(&address("a")) else {
        panic!("it is up");
    };
    assert_eq!((failures, error, resting), (1, Some(LinkError::DialTimeout), true));
    world.run(SECOND);
    assert_eq!(world.dials_of("a").len(), 2);
    world.ask_route("whatever makes the routes be published");
    world.run(Duration::ZERO);
    let reach = world.routes.reach(&address("a"));
    assert!(matches!(reach, Reach::Down { resting: true, .. }), "no better while it is dialed");
}

#[test]
fn row_18_a_connection_that_never_lasts_is_dialed_ever_more_slowly() {
    let mut world = World::connected(&["a"]);
    for _ in 0..8 {
        world.run(20 * SECOND);
        if world.is_up("a") {
            world.cut("a");
        }
    }
    world.run(Duration::ZERO);
    // Each of these had settled: it is dialed anew at once.
    let settled = world.dials_of("a").len();
    assert_eq!(settled, 9);
    let mut world = World::connected(&["a"]);
    for _ in 0..1_000 {
        if world.is_up("a") {
            world.cut("a");
        }
        world.run(100 * MS);
    }
    let flapping = world.dials_of("a").len();
    assert!(flapping < 25, "{flapping} dials in 100 s");
}

#[test]
fn late_events_of_a_connection_that_is_gone_change_nothing() {
    let mut world = World::connected(&["a"]);
    let dead = world.link("a");
    world.cut("a");
    world.run(SECOND);
    let version = world.routes.version;
    let never = LinkId { slot: 99, generation: 1 };
    for link in [dead, never] {
        world.handle(Input::Opened(link));
        world.handle(Input::GoAway(link));
        world.handle(Input::Request { link, frame: frame(39, 0, "") });
        world.handle(Input::Closed { link, cause: LinkError::ClosedByPeer });
    }
    world.handle(Input::Answer { chore: ChoreId(77), outcome: Ok(frame(0, 1, "")) });
    world.handle(Input::Answer { chore: ChoreId(0), outcome: Err(CallError::Full) });
    assert!(world.client.poll().is_none());
    world.run(SECOND);
    assert_eq!(world.routes.version, version);
    assert!(world.is_up("a"));
}

#[test]
fn row_37_go_away_moves_new_calls_to_a_new_connection_and_lets_old_ones_end() {
    let mut world = World::connected(&["a"]);
    world.run(9 * SECOND);
    let old = world.link("a");
    world.handle(Input::GoAway(old));
    world.handle(Input::GoAway(old));
    world.run(Duration::ZERO);
    assert!(!world.is_up("a"));
    world.run(SECOND);
    let new = world.link("a");
    assert_ne!(new, old);
    assert_eq!(world.heartbeats_of("a").len(), 2, "registered there, too");
    assert!(world.closed.is_empty(), "what is in flight may still be answered");
    world.run(2 * SECOND);
    assert_eq!(world.closed, [(12 * SECOND, old, LinkError::Retired)]);
    world.run(60 * SECOND);
    assert_eq!(world.link("a"), new);
}

#[test]
fn retired_connections_end_each_at_its_own_time() {
    let mut world = World::connected(&["a", "b"]);
    let (a, b) = (world.link("a"), world.link("b"));
    assert!(a < b);
    world.handle(Input::GoAway(b));
    world.run(SECOND);
    world.handle(Input::GoAway(a));
    // Anything that stays due on the way fails the run.
    world.run(10 * SECOND);
    let ends: Vec<_> = world.closed.iter().map(|(at, link, _)| (*at, *link)).collect();
    assert_eq!(ends, [(3 * SECOND, b), (4 * SECOND, a)]);
}

#[test]
fn a_broker_behind_a_name_servers_address_shares_its_connection_at_once() {
    let mut world = World::new();
    let route = route_json(&["ns1"]).replace("ns1:10911", "ns1:9876");
    world.tell("ns1", "T", 0, &route);
    world.ask_route("T");
    world.run(Duration::ZERO);
    assert!(!world.is_up("ns1"), "no sender has asked for it yet");
    world.ask_broker("ns1");
    world.run(Duration::ZERO);
    assert!(world.is_up("ns1"));
    assert_eq!((world.dials.len(), world.heartbeats_of("ns1").len()), (1, 1));
}

#[test]
fn row_28_brokers_that_have_left_the_route_are_left_in_peace() {
    let mut world = World::connected(&["a", "b"]);
    let left = world.link("b");
    world.topic("T", &["a"]);
    world.run(30 * SECOND);
    assert!(!world.is_up("b"));
    world.run(3 * SECOND);
    let [(_, closed, LinkError::Retired)] = &world.closed[..] else { panic!("{:?}", world.closed) };
    assert_eq!(*closed, left);
    world.run_in_use("T", 300 * SECOND);
    assert_eq!(world.dials_of("b").len(), 1);
    assert!(world.is_up("a"));
}

#[test]
fn a_broker_that_leaves_the_route_while_it_is_dialed_is_not_kept() {
    let mut world = World::connected(&["a", "b"]);
    world.run(8 * SECOND);
    world.host("b", Host::Swallows);
    world.cut("b");
    world.topic("T", &["a"]);
    world.ask_refresh("T");
    world.run(2 * SECOND);
    assert!(world.sockets.values().all(|socket| socket.address != address("b")));
    world.run(60 * SECOND);
    assert_eq!(world.dials_of("b").len(), 2, "the first one, and the one given up");
}

#[test]
fn row_13_requests_of_brokers_are_answered_as_not_supported_unless_they_are_one_way() {
    let mut world = World::connected(&["a"]);
    let link = world.link("a");
    world.handle(Input::Request { link, frame: frame(39, 2, "") });
    world.handle(Input::Request { link, frame: frame(326, 0, "") });
    world.run(Duration::ZERO);
    let [(to, header)] = &world.responses[..] else { panic!("{:?}", world.responses) };
    assert_eq!(*to, link);
    assert_eq!(header.code, ResponseCode::REQUEST_CODE_NOT_SUPPORTED.0);
    assert_eq!(header.opaque, 5, "the request's own");
    assert_eq!(header.remark.as_deref(), Some("request type 326 not supported"));
}

#[test]
fn row_11_a_connection_that_outlives_its_route_is_watched_until_it_is_given_up() {
    let mut world = World::new();
    for broker in ["a", "b"] {
        world.host(broker, Host::Swallows);
    }
    world.topic("T", &["a", "b"]);
    world.ask_route("T");
    world.run(Duration::ZERO);
    world.ask_broker("a");
    world.run(MS);
    // Somebody waits for a connection to a broker that no route names by now.
    world.topic("T", &["b"]);
    world.ask_refresh("T");
    world.run(Duration::ZERO);
    assert!(world.route("T").is_some_and(|route| route.master("a").is_none()));
    world.host("a", Host::Serves);
    let (link, socket) =
        world.sockets.iter_mut().find(|(_, socket)| socket.address == address("a")).unwrap();
    socket.up = true;
    let link = *link;
    world.handle(Input::Opened(link));
    world.run(Duration::ZERO);
    assert!(world.is_up("a"), "whoever waits for it can have it");
    assert_eq!(world.heartbeats_of("a").len(), 1);
    world.run_in_use("T", 70 * SECOND);
    assert!(world.closed.iter().any(|(_, closed, _)| *closed == link), "nobody needs it now");
}

#[test]
fn row_13_a_brokers_question_about_a_half_message_is_passed_on_with_where_it_came_from() {
    let mut world = World::connected(&["a", "b"]);
    let links = ["a", "b"].map(|broker| world.link(broker));
    // One way, as brokers ask, and as nobody does: the answer is a request of its own either way.
    for (link, flag) in links.into_iter().zip([2, 0]) {
        world.handle(Input::Request { link, frame: frame(39, flag, "half message") });
    }
    world.run(Duration::ZERO);
    let asked: Vec<_> = world.check_backs.iter().map(|(link, _)| *link).collect();
    assert_eq!(asked, links);
    assert_eq!(world.check_backs[0].1.body, "half message");
    assert!(world.responses.is_empty(), "{:?}", world.responses);
}

#[test]
fn row_13_a_question_on_a_connection_that_is_gone_has_nobody_to_be_answered_to() {
    let mut world = World::connected(&["a"]);
    world.run(10 * SECOND);
    let gone = world.link("a");
    world.cut("a");
    world.run(Duration::ZERO);
    world.handle(Input::Request { link: gone, frame: frame(39, 2, "") });
    world.run(Duration::ZERO);
    assert!(world.check_backs.is_empty());
}

#[test]
fn row_37_a_question_on_a_retired_connection_is_passed_on_while_that_lasts() {
    let mut world = World::connected(&["a"]);
    world.run(10 * SECOND);
    let retired = world.link("a");
    world.handle(Input::GoAway(retired));
    world.handle(Input::Request { link: retired, frame: frame(39, 2, "") });
    world.run(Duration::ZERO);
    assert_eq!(world.check_backs.len(), 1);
}
