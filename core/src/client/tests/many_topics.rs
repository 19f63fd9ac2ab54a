//! Topics by the thousand, and what becomes of those that nobody uses.

use super::*;

/// Refreshes a second, were they spread evenly.
const RATE: usize = TOPICS / 30;
const TOPICS: usize = 10_000;

impl World {
    /// Sends to so many topics have found their routes, all at the same time.
    fn with_topics(count: usize) -> Self {
        let mut world = Self::new();
        for number in 0..count {
            world.topic(&format!("T{number}"), &["a"]);
            world.ask_route(&format!("T{number}"));
        }
        world.ask_broker("a");
        world.run(Duration::ZERO);
        world
    }

    /// How often name servers were asked in each second from `from` on.
    fn questions_by_second(&self, from: Duration) -> Vec<usize> {
        let mut seconds = Vec::new();
        let asked = |command: &ClientCommand| matches!(command, ClientCommand::RouteQuery { .. });
        for (at, ..) in self.calls.iter().filter(|(at, _, what)| *at > from && asked(what)) {
            let second = (*at - from).as_secs() as usize;
            seconds.resize(seconds.len().max(second + 1), 0);
            seconds[second] += 1;
        }
        seconds
    }

    fn use_all(&self) {
        for (_, topic) in self.routes.topics.iter() {
            topic.route.as_ref().unwrap().mark_used();
        }
    }
}

#[test]
fn row_43_ten_thousand_topics_are_refreshed_at_an_even_pace() {
    let mut world = World::with_topics(TOPICS);
    for _ in 0..10 {
        world.use_all();
        world.run(30 * SECOND);
    }
    let seconds = world.questions_by_second(Duration::ZERO);
    let (most, total) = (seconds.iter().max().unwrap(), seconds.iter().sum::<usize>());
    assert!(*most <= 2 * RATE, "{most} in one second");
    let average = total / 300;
    assert!((RATE * 9 / 10..=RATE * 12 / 10).contains(&average), "{average} a second");
    assert_eq!(world.routes.topics.len(), TOPICS);
}

#[test]
fn row_43_topics_that_no_send_uses_are_forgotten_with_their_brokers() {
    let mut world = World::with_topics(100);
    world.topic("Used", &["b"]);
    world.ask_route("Used");
    world.ask_broker("b");
    world.run_in_use("Used", 270 * SECOND);
    assert_eq!(world.routes.topics.len(), 101, "not too soon");
    world.run_in_use("Used", 90 * SECOND);
    assert_eq!(world.routes.topics.len(), 1);
    assert!(world.is_up("b") && !world.is_up("a"));
    let asked = world.queries().len();
    world.run_in_use("Used", 300 * SECOND);
    assert!(world.queries().len() - asked < 15, "nobody asks for the others");

    world.ask_route("T7");
    world.run(Duration::ZERO);
    assert!(world.route("T7").is_some(), "as on the first day");
    world.run(600 * SECOND);
    assert_eq!(world.routes.topics.len(), 0);
    assert!(world.client.deadline().is_none());
}

#[test]
fn row_43_silent_name_servers_are_not_asked_for_everything_at_once() {
    let mut world = World::with_topics(1_000);
    for server in ["ns1", "ns2"] {
        world.host(server, Host::Ignores);
    }
    let mut most = 0;
    for _ in 0..600 {
        world.use_all();
        world.run(100 * MS);
        most = most.max(world.pending.len());
    }
    assert!((16..=40).contains(&most), "{most} questions at a time");

    // Someone who waits is not kept waiting by refreshes.
    world.ask_route("New");
    let asked = |world: &World| world.queries().iter().any(|(_, topic)| *topic == "New");
    world.run(SECOND);
    assert!(asked(&world));
}

#[test]
fn row_43_what_failed_together_is_not_refreshed_together() {
    let mut world = World::with_topics(3_000);
    for server in ["ns1", "ns2"] {
        world.host(server, Host::Refuses);
    }
    world.cut_name_servers();
    for _ in 0..4 {
        world.use_all();
        world.run(30 * SECOND);
    }
    for server in ["ns1", "ns2"] {
        world.host(server, Host::Serves);
    }
    world.run(30 * SECOND);
    let back = world.elapsed();
    for _ in 0..4 {
        world.use_all();
        world.run(30 * SECOND);
    }
    let seconds = world.questions_by_second(back);
    assert!(seconds.iter().all(|second| *second <= 200), "{seconds:?}");
}

#[test]
fn routes_that_nobody_confirms_and_nobody_uses_can_be_cleared() {
    let mut world = World::with_topics(10);
    let clear = |world: &mut World| {
        world.handle(Input::ClearExpiredRoutes);
        world.run(Duration::ZERO);
        world.routes.topics.len()
    };
    world.run_in_use("T3", 60 * SECOND);
    assert_eq!(clear(&mut world), 10, "they are confirmed again and again");
    for server in ["ns1", "ns2"] {
        world.host(server, Host::Refuses);
    }
    world.cut_name_servers();
    world.run_in_use("T3", 60 * SECOND);
    assert!(world.route("T3").unwrap().age(world.now.instant) > 30 * SECOND);
    assert_eq!(clear(&mut world), 1, "one is used");
    assert!(world.route("T3").is_some());
}
