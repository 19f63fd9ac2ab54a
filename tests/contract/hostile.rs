//! Peers that are broken, confused, or not RocketMQ at all; and users' own mistakes.

use std::{
    io::Write,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rocketmq_producer::{
    Address, InvalidMessage, Message, Outcome, ProducerConfig, RouteError, SendErrorKind,
};
use rocketmq_producer_testkit::model::Fault;

use crate::{subject::Subject, world::*};

const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
const HTML: &[u8] = b"<!DOCTYPE html><html><body>Bad Request</body></html>";
const TLS_ALERT: &[u8] = &[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46];
const TOO_LONG: &[u8] = &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];
const LYING_HEADER: &[u8] = &[0, 0, 0, 8, 0, 0xff, 0xff, 0xff, 1, 2, 3, 4];
const UNKNOWN_FORM: &[u8] = &[0, 0, 0, 8, 9, 0, 0, 4, 1, 2, 3, 4];

fn row_24_a_name_server_that_is_something_else_is_named_for_what_it_is<S: Subject>() {
    for (bytes, told) in [
        (HTTP, "answered with HTTP"),
        (HTML, "answered with text"),
        (TLS_ALERT, "answered with TLS"),
        (TOO_LONG, "exceeds"),
        (UNKNOWN_FORM, "header form 9"),
    ] {
        let cluster = one_broker();
        cluster.set_fault(&name_server(0), Fault::Speak(bytes.into()));
        let timeout = Duration::from_millis(700);
        let producer = S::started(config(&cluster).with_timeout(timeout));
        let error = producer.send(message("x")).unwrap_err();
        let kind = error.kind();
        let unreachable = RouteError::NameServersUnreachable { causes: Vec::new() };
        let same = std::mem::discriminant(&unreachable);
        assert!(
            matches!(kind, SendErrorKind::Route(e) if std::mem::discriminant(e) == same),
            "{error}"
        );
        let address = cluster.namesrv_addr();
        assert!(error.to_string().contains(&address), "{error} does not name {address}");
        assert!(error.to_string().contains(told), "{error} does not tell of {told}");
        for misleading in ["not sent", "outcome unknown", "no longer needed"] {
            let causes = error.to_string().replace("the message was not sent", "");
            assert!(!causes.contains(misleading), "a question has no outcome: {error}");
        }
    }
}

fn row_24_a_name_server_that_hangs_up_at_once_is_told_as_that<S: Subject>() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&over);
    let server = thread::spawn(move || {
        for socket in listener.incoming() {
            drop(socket);
            if stop.load(Ordering::SeqCst) {
                return;
            }
        }
    });
    let config = ProducerConfig::new("contract", address.to_string());
    let producer = S::started(config.with_timeout(Duration::from_millis(700)));
    for _ in 0..5 {
        let error = producer.send(message("x")).unwrap_err();
        let told = error.to_string();
        assert!(told.contains("peer closed") || told.contains("connection broke"), "{told}");
        assert!(!told.contains("no longer needed"), "{told}");
    }
    over.store(true, Ordering::SeqCst);
    let _ = TcpStream::connect(address);
    server.join().unwrap();
}

fn row_24_a_broker_that_speaks_garbage_costs_its_connection_and_no_more<S: Subject>() {
    for bytes in [HTTP, TLS_ALERT, TOO_LONG, LYING_HEADER, UNKNOWN_FORM] {
        let cluster = one_broker();
        let producer = S::started(config(&cluster).with_retry(0));
        let _ = producer.send(message("before")).unwrap();
        cluster.set_fault(&broker_a(), Fault::Speak(bytes.into()));
        let error = producer.send(message("during")).unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "it was sent: {error}");
        assert!(format!("{error:#}").contains("broke the protocol"), "{error:#}");
        cluster.set_fault(&broker_a(), None);
        eventually("sends succeed again", || producer.send(message("after")).is_ok());
    }
}

fn row_16_repeated_and_stray_answers_have_no_effect<S: Subject>() {
    let cluster = one_broker();
    cluster.set_fault(&broker_a(), Fault::RepeatReplies);
    let producer = S::started(config(&cluster));
    for number in 0..100 {
        let receipt = producer.send(message(&format!("number {number}"))).unwrap();
        let stored = cluster.stored("Contract");
        let stored = stored.iter().find(|m| m.uniq_key() == Some(&receipt.message_id)).unwrap();
        assert_eq!(stored.body, format!("number {number}"), "an answer went to another send");
    }
}

fn requests_of_a_broker_are_answered_and_disturb_nothing<S: Subject>() {
    // CHECK_TRANSACTION_STATE (39), one-way, and a request that nobody knows, under an opaque that
    // is in use.
    let one_way =
        br#"{"code":39,"flag":2,"language":"JAVA","opaque":0,"version":513,"extFields":{}}"#;
    let unknown = br#"{"code":9999,"flag":0,"language":"JAVA","opaque":1,"version":513}"#;
    for header in [&one_way[..], unknown] {
        let mut frame = Vec::new();
        frame.extend_from_slice(&(header.len() as u32 + 4).to_be_bytes());
        frame.extend_from_slice(&(header.len() as u32).to_be_bytes());
        frame.extend_from_slice(header);
        let cluster = one_broker();
        cluster.set_fault(&broker_a(), Fault::AskBack(frame.into()));
        let producer = S::started(config(&cluster));
        for _ in 0..50 {
            let _ = producer.send(message("x")).unwrap();
        }
    }
}

/// Answers questions that nobody has asked, as fast as it can, for as long as somebody is connected.
fn chatterbox() -> SocketAddr {
    let header = br#"{"code":0,"flag":1,"language":"JAVA","opaque":2147483647,"version":513}"#;
    let mut frame = Vec::new();
    frame.extend_from_slice(&(header.len() as u32 + 4).to_be_bytes());
    frame.extend_from_slice(&(header.len() as u32).to_be_bytes());
    frame.extend_from_slice(header);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        while socket.write_all(&frame.repeat(1_000)).is_ok() {}
    });
    address
}

fn row_24_a_broker_that_never_stops_talking_keeps_nobody_else_waiting<S: Subject>() {
    let cluster = two_brokers();
    let chatterbox = chatterbox();
    let translation = move |broker: &str, advertised: &Address| match broker {
        "broker-b" => chatterbox.to_string().parse().unwrap(),
        _ => advertised.clone(),
    };
    let producer = S::started(config(&cluster).with_address_translation(Arc::new(translation)));
    producer.prepare(&["Contract"]).unwrap();
    assert!(producer.suspend_broker("broker-b"));
    for number in 0..200 {
        let _ = producer.send(message(&format!("number {number}"))).unwrap();
    }
    let queries = || cluster.model(|model| model.name_server(0).queries("Contract"));
    let before = queries();
    producer.update_route_info("Contract");
    assert_eq!(queries(), before + 1, "the hub finds time to ask");
    producer.shutdown().unwrap();
    assert_eq!(cluster.stored("Contract").len(), 200);
}

fn invalid_messages_are_refused_before_anything_is_sent<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_max_message_size(10));
    for message in [
        Message::new("", "x"),
        Message::new("a topic", "x"),
        Message::new("t".repeat(128), "x"),
        Message::new("RMQ_SYS_TRANS_HALF_TOPIC", "x"),
        Message::new("Contract", ""),
        Message::new("Contract", "eleven byte"),
        message("x").with_property("", "v"),
        message("x").with_property("p", "\u{1}"),
        message("x").with_property("UNIQ_KEY", "mine"),
        message("x").with_property("p", "v".repeat(40_000)),
        message("x").with_key("two keys"),
    ] {
        let error = producer.send(message.clone()).unwrap_err();
        assert!(matches!(error.kind(), SendErrorKind::InvalidMessage(_)), "{error}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert_eq!(error.message().topic(), message.topic(), "the message comes back");
    }
    assert_eq!(cluster.accepted(&name_server(0)), 0, "nothing was sent anywhere");
    let error = producer.send(Message::new("Contract", "")).unwrap_err();
    assert_eq!(*error.kind(), SendErrorKind::InvalidMessage(InvalidMessage::EmptyBody));
}

fn invalid_configurations_are_refused_by_name<S: Subject>() {
    for (config, field) in [
        (ProducerConfig::new("", "localhost:9876"), "producer_group"),
        (ProducerConfig::new("a group", "localhost:9876"), "producer_group"),
        (ProducerConfig::new("group", ""), "namesrv_addr"),
        (ProducerConfig::new("group", "localhost"), "namesrv_addr"),
        (ProducerConfig::new("group", "::1:9876"), "namesrv_addr"),
        (ProducerConfig::new("group", "http://localhost:9876"), "namesrv_addr"),
    ] {
        let error = S::new(config).err().expect(field);
        assert_eq!(error.field, field);
    }
}

on_every_runtime!(
    row_24_a_name_server_that_is_something_else_is_named_for_what_it_is,
    row_24_a_name_server_that_hangs_up_at_once_is_told_as_that,
    row_24_a_broker_that_speaks_garbage_costs_its_connection_and_no_more,
    row_16_repeated_and_stray_answers_have_no_effect,
    requests_of_a_broker_are_answered_and_disturb_nothing,
    row_24_a_broker_that_never_stops_talking_keeps_nobody_else_waiting,
    invalid_messages_are_refused_before_anything_is_sent,
    invalid_configurations_are_refused_by_name,
);
