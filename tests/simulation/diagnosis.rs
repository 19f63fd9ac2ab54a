//! What a failed send says: why, what it was waiting for, and what to do with the message.

use rocketmq_producer_core::{
    command::{ResponseCode, Verdict},
    delivery::{Outcome, SendErrorKind, TimeoutPhase},
    model::{Message, ProducerConfig},
    route::RouteError,
};
use rocketmq_producer_testkit::{
    model::{Fault, Node},
    sim::{NAME_SERVER_1, NAME_SERVER_2, Peer, Producer, TOPIC, World},
};

use crate::{BROKERS, SECOND, pass, phases, warm_up, warm_world};

const NAME_SERVERS: [Peer; 2] = [NAME_SERVER_1, NAME_SERVER_2];

/// Why a first send fails for want of a route, in a world with this trouble.
fn face(trouble: impl FnOnce(&mut World), topic: &str) -> RouteError {
    let mut world = World::new(1);
    pass(&mut world, SECOND / 10);
    trouble(&mut world);
    pass(&mut world, SECOND);
    let config = world.config().with_auto_create_topic(false);
    let producer = world.producer(config);
    let error = world.deliver(producer, topic).expect_err("there is no route");
    assert_eq!(error.outcome(), Outcome::NotSent);
    match error.kind() {
        SendErrorKind::Route(error) => error.clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn row_45_each_reason_for_having_no_route_is_an_error_of_its_own() {
    let unknown = face(|_| {}, "unknown");
    assert!(matches!(&unknown, RouteError::TopicNotFound { asked, .. } if asked.len() == 2));

    let nobody = face(|world| NAME_SERVERS.into_iter().for_each(|peer| world.crash(peer)), TOPIC);
    let RouteError::NameServersUnreachable { causes } = &nobody else { panic!("{nobody}") };
    assert_eq!(causes.len(), 2, "each is named with its cause");

    let read_only = |world: &mut World| {
        for name in ["broker-a", "broker-b", "broker-c"] {
            world.cluster().broker(name).set_perm(TOPIC, 4);
        }
    };
    let read_only = face(
        |world| {
            read_only(world);
            pass(world, 31 * SECOND);
        },
        TOPIC,
    );
    assert!(matches!(read_only, RouteError::NoWritableQueue { .. }), "{read_only}");

    let garbled = |world: &mut World| {
        for index in 0..2 {
            world
                .cluster()
                .name_server(index)
                .set_route_body(TOPIC, "{\"queueDatas\":7}".to_owned());
        }
    };
    let garbled = face(garbled, TOPIC);
    assert!(matches!(garbled, RouteError::BadRoute { .. }), "{garbled}");

    let denied = |world: &mut World| {
        for index in 0..2 {
            let node = Node::NameServer(index);
            world.cluster().set_fault(node, Fault::Deny(16));
        }
    };
    let denied = face(denied, TOPIC);
    assert!(matches!(denied, RouteError::Refused { code: 16, .. }), "{denied}");

    let told = [unknown, nobody, read_only, garbled, denied].map(|error| error.to_string());
    println!("{told:#?}");
}

fn patient_for_a_second(world: &World) -> ProducerConfig {
    world.config().with_timeout(SECOND).with_retry(0)
}

#[test]
fn row_46_a_slow_name_server_is_told_from_a_slow_broker() {
    let mut world = World::new(1);
    NAME_SERVERS.into_iter().for_each(|peer| world.partition(peer));
    // Of more time the name servers get their share, and are named when it is over.
    let config = world.config().with_timeout(SECOND / 4);
    let producer = world.producer(config);
    let send = world.send(producer, TOPIC);
    assert_eq!(phases(&mut world, [send]), [TimeoutPhase::Route]);
}

#[test]
fn row_46_a_dial_that_nobody_answers_is_told_from_an_answer_that_does_not_come() {
    let mut world = World::new(1);
    BROKERS.into_iter().for_each(|peer| world.swallow(peer));
    let config = patient_for_a_second(&world);
    let producer = world.producer(config);
    let send = world.send(producer, TOPIC);
    assert_eq!(phases(&mut world, [send]), [TimeoutPhase::Dial]);
}

/// Connected, with brokers that read nothing.
fn frozen_world(config: impl FnOnce(ProducerConfig) -> ProducerConfig) -> (World, Producer) {
    let mut world = World::new(1);
    let config = config(patient_for_a_second(&world));
    let producer = world.producer(config);
    pass(&mut world, SECOND / 10);
    warm_up(&mut world, producer);
    BROKERS.into_iter().for_each(|peer| world.freeze(peer));
    (world, producer)
}

#[test]
fn row_46_no_room_and_no_way_out_are_told_from_an_answer_that_does_not_come() {
    let (mut world, producer) = frozen_world(|config| config.with_connection_in_flight_max(1));
    let sends: Vec<_> = (0..30).map(|_| world.send(producer, TOPIC)).collect();
    let phases_now = phases(&mut world, sends);
    assert!(phases_now.contains(&TimeoutPhase::Room) && phases_now.contains(&TimeoutPhase::Reply));

    let (mut world, producer) = frozen_world(|config| config);
    let large = |world: &mut World| world.send_with(producer, TOPIC, 60_000, |message| message);
    let sends: Vec<_> = (0..100).map(|_| large(&mut world)).collect();
    let phases_now = phases(&mut world, sends);
    assert!(phases_now.contains(&TimeoutPhase::Write) && phases_now.contains(&TimeoutPhase::Reply));
}

#[test]
fn row_47_a_message_that_failed_comes_back_with_the_id_that_it_may_be_stored_under() {
    let mut world = World::new(4);
    let config = world.config().with_retry(0);
    let producer = world.producer(config);
    warm_up(&mut world, producer);
    for broker in BROKERS {
        world.misbehave(broker, Fault::CloseInsteadOfReply(1));
    }
    let dressed = |message: Message| message.with_tags("t").with_key("k").with_property("p", "v");
    let send = world.send_with(producer, TOPIC, 100, dressed);
    let message = world.answer(send).expect_err("the answer is lost").into_message();
    assert_eq!((message.tags(), message.property("p")), (Some("t"), Some("v")));
    let id = message.uniq_key().expect("it has one by now");
    let stored = world.cluster().stored(TOPIC);
    let copy = stored.iter().find(|copy| copy.uniq_key() == Some(id)).expect("it is stored");
    assert_eq!(copy.body, message.body());
}

#[test]
fn row_42_what_cannot_succeed_is_tried_once_and_what_may_elsewhere_is() {
    for code in [3, 13, 15, 26, 14, 16, 17, 29, 204, 205, 501, 1500, 1, 4711] {
        let (mut world, producer) = warm_world(6);
        for broker in BROKERS {
            let remark = "no".to_owned();
            world.misbehave(broker, Fault::Answer { code, remark, times: u32::MAX });
        }
        let error = world.deliver(producer, TOPIC).expect_err("nobody takes it");
        let verdict = ResponseCode(code).verdict();
        let attempts = if verdict == Verdict::Fatal { 1 } else { 3 };
        assert_eq!(error.attempts().len(), attempts, "code {code}: {error}");
        let outcome = match verdict {
            Verdict::Unknown => Outcome::Unknown,
            _ => Outcome::Rejected,
        };
        assert_eq!(error.outcome(), outcome, "code {code}");
    }
}
