//! Who the producer is, and whom it asks.

use std::{io::Read, net::TcpListener, sync::Arc, thread, time::Duration};

use rocketmq_producer::{Address, ProducerConfig, blocking::Producer};
use rocketmq_producer_testkit::sim::{TOPIC, World};

use super::table::{BROKERS, Row, SECOND, Setting, pass, row};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("producer_group", |s| known_as(s).1, [("payments", "payments"), ("a", "a")].map(owned)),
        row("client_id", |s| known_as(s).0, [("first", "first"), ("second", "second")].map(owned)),
        row("namesrv_addr", asked, [("ns1:9876", [true, false]), ("ns2:9876", [false, true])]),
        row("serialize_type", first_form, [("json", 0), ("binary", 1)]),
        Row::new("address_translation", translated),
    ]
}

fn owned((value, seen): (&'static str, &str)) -> (&'static str, String) {
    (value, seen.to_owned())
}

/// What a broker knows the producer as: its id and its group.
fn known_as(setting: Setting) -> (String, String) {
    let (mut world, _) = setting.in_world();
    pass(&mut world, SECOND);
    let known = world.cluster().broker("broker-a").producers();
    let [producer] = &known[..] else { panic!("one producer: {known:?}") };
    producer.clone()
}

/// Which name servers are asked for routes.
fn asked(setting: Setting) -> [bool; 2] {
    let (mut world, _) = setting.in_world();
    [0, 1].map(|index| world.cluster().name_server(index).queries(TOPIC) > 0)
}

/// The byte that tells the form of the first request's header.
fn first_form(setting: Setting) -> u8 {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = server.local_addr().expect("it has one");
    let config = ProducerConfig::new("forms", address.to_string()).with_timeout(SECOND / 2);
    let producer = Producer::new(setting.in_config(config)).expect("it is valid");
    producer.start().expect("there are threads and entropy");
    let sender = producer.clone();
    let send = thread::spawn(move || sender.send(rocketmq_producer::Message::new(TOPIC, "x")));
    let (mut socket, _) = server.accept().expect("the producer connects");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("it may be");
    // The frame's length, then the form and the header's length.
    let mut head = [0; 8];
    socket.read_exact(&mut head).expect("the producer asks for a route");
    drop((socket, server));
    send.join().expect("a send does not panic").expect_err("nobody answers");
    producer.shutdown().expect("nothing is in flight");
    head[4]
}

/// Brokers that advertise what leads nowhere are reached through a translation, and without one they
/// are not.
fn translated() {
    let mut world = World::new(1);
    let homes = BROKERS.map(|broker| world.address(broker));
    for (port, broker) in (1..).zip(BROKERS) {
        world.advertise(broker, ([172, 17, 0, 2], port).into());
    }
    pass(&mut world, SECOND);
    let config = world.config();
    let translation = move |_: &str, advertised: &Address| {
        let home = homes[usize::from(advertised.port) - 1];
        Address { host: home.ip().to_string().into(), port: home.port() }
    };
    let with = config.clone().with_address_translation(Arc::new(translation));
    let sent = [config, with].map(|config| {
        let producer = world.producer(config);
        world.deliver(producer, TOPIC).is_ok()
    });
    assert_eq!(sent, [false, true], "without a translation, and with one");
}

#[test]
fn who_the_producer_is_has_an_effect() {
    super::table::show(rows());
}
