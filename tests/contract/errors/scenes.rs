//! How each kind of error comes about.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use rocketmq_producer::{
    Address, Message, MessageQueue, ProducerConfig, SendError, SendOptions, SendReceipt,
};
use rocketmq_producer_testkit::{
    model::{Fault, Flavour},
    serve::EmbeddedCluster,
};

use crate::{
    subject::Subject,
    transactor::{Listener, Transacts},
    world::*,
};

const SHORT: Duration = Duration::from_millis(500);

fn failed(sent: Result<SendReceipt, SendError>) -> SendError {
    sent.expect_err("this send is to fail")
}

/// What a send to this cluster fails with, tried once.
fn once<S: Subject>(cluster: &EmbeddedCluster, message: Message) -> SendError {
    failed(S::started(config(cluster).with_retry(0)).send(message))
}

/// The same within half a second.
fn soon<S: Subject>(cluster: &EmbeddedCluster, message: Message) -> SendError {
    let config = config(cluster).with_retry(0).with_timeout(SHORT);
    failed(S::started(config).send(message))
}

/// A producer that is connected, and a broker that does not answer any more.
fn silent<S: Subject>(
    config: impl FnOnce(ProducerConfig) -> ProducerConfig,
) -> (EmbeddedCluster, S) {
    let cluster = one_broker();
    let patient = crate::world::config(&cluster).with_retry(0).with_shutdown_timeout(SHORT);
    let config = config(patient);
    let producer = S::started(config);
    let _ = producer.send(message("the connection is up")).expect("the cluster is healthy");
    cluster.set_fault(&broker_a(), Fault::Hang);
    (cluster, producer)
}

pub(super) fn not_started<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker();
    failed(S::new(config(&cluster)).expect("the configuration is valid").send(message("x")))
}

pub(super) fn already_shut_down<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    producer.shutdown().expect("nothing is in flight");
    failed(producer.send(message("x")))
}

pub(super) fn shutting_down<S: Subject, T: Transacts>() -> SendError {
    let (cluster, producer) = silent::<S>(|config| config);
    let send = producer.send_in_background(message("stuck"));
    eventually("the broker has it", || cluster.stored("Contract").len() == 2);
    let cut_off = producer.shutdown().expect_err("a send is stuck");
    assert_eq!(cut_off.code(), "cut_off");
    let told = "1 sends were still in flight when shutdown_timeout ended, and were cut off";
    assert_eq!(cut_off.to_string(), told);
    failed(send.join().expect("no send panics"))
}

pub(super) fn invalid_message<S: Subject, T: Transacts>() -> SendError {
    once::<S>(&one_broker(), message(""))
}

pub(super) fn too_large<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_in_flight_bytes_max(1_000));
    failed(producer.send(Message::new("Contract", vec![0; 2_000])))
}

pub(super) fn bad_selection<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker_with_topic();
    let producer = S::started(config(&cluster));
    let selector = |_: &Message, _: &[MessageQueue]| Some(4);
    failed(producer.send_with(message("x"), SendOptions::new().with_selector(selector)))
}

fn one_broker_with_topic() -> EmbeddedCluster {
    let cluster = one_broker();
    cluster.model(|model| model.create_topic("Contract", 4));
    cluster
}

pub(super) fn topic_not_found<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker();
    cluster.model(|model| model.set_auto_create(false));
    once::<S>(&cluster, message("x"))
}

pub(super) fn name_servers_unreachable<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker();
    cluster.refuse(&name_server(0));
    soon::<S>(&cluster, message("x"))
}

pub(super) fn no_writable_queue<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker_with_topic();
    cluster.model(|model| {
        model.broker("broker-a").set_perm("Contract", 4);
        model.register_broker("broker-a", 0);
    });
    once::<S>(&cluster, message("x"))
}

pub(super) fn bad_route<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker();
    cluster.model(|model| model.name_server(0).set_route_body("Contract", "[]".to_owned()));
    once::<S>(&cluster, message("x"))
}

pub(super) fn refused_by_name_server<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker();
    cluster.set_fault(&name_server(0), Fault::Deny(16));
    once::<S>(&cluster, message("x"))
}

pub(super) fn broker_not_available<S: Subject, T: Transacts>() -> SendError {
    let (cluster, producer) = silent::<S>(|config| config);
    cluster.set_fault(&broker_a(), Fault::CloseInsteadOfReply(1));
    failed(producer.send(message("x")))
}

pub(super) fn not_rocketmq<S: Subject, T: Transacts>() -> SendError {
    let (cluster, producer) = silent::<S>(|config| config);
    cluster.set_fault(&broker_a(), Fault::Speak(b"HTTP/1.1 400 Bad Request\r\n\r\n"[..].into()));
    failed(producer.send(message("x")))
}

pub(super) fn nobody_there<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker_with_topic();
    cluster.refuse(&broker_a());
    failed(S::started(config(&cluster)).send(message("x")))
}

pub(super) fn order_unavailable<S: Subject, T: Transacts>() -> SendError {
    let (cluster, producer) = silent::<S>(|config| config);
    cluster.set_fault(&broker_a(), Fault::CloseInsteadOfReply(1));
    failed(producer.send(message("x").with_sharding_key("order-7")))
}

pub(super) fn illegal<S: Subject, T: Transacts>() -> SendError {
    let remark = "the message is illegal".to_owned();
    let cluster = one_broker_with_topic();
    cluster.set_fault(&broker_a(), Fault::Answer { code: 13, remark, times: 1 });
    once::<S>(&cluster, message("x"))
}

pub(super) fn read_only<S: Subject, T: Transacts>() -> SendError {
    let remark = "the disk is full".to_owned();
    let cluster = one_broker_with_topic();
    cluster.set_fault(&broker_a(), Fault::Answer { code: 14, remark, times: 1 });
    once::<S>(&cluster, message("x"))
}

pub(super) fn broker_too_old<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker();
    cluster.model(|model| model.broker("broker-a").set_flavour(Flavour::V4));
    once::<S>(&cluster, message("x").with_delay_for(Duration::from_secs(3)))
}

pub(super) fn bad_reply<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker_with_topic();
    cluster.set_fault(&broker_a(), Fault::Answer { code: 0, remark: String::new(), times: 1 });
    once::<S>(&cluster, message("x"))
}

/// A message that is stuck holds up the next one: by its permit, or by its key.
fn behind_a_stuck_one<S: Subject>(permits: usize, next: Message) -> SendError {
    let (cluster, producer) = silent::<S>(|config| config.with_async_send_semaphore(permits));
    let stuck = producer.send_in_background(message("stuck").with_sharding_key("order-7"));
    eventually("the broker has it", || cluster.stored("Contract").len() == 2);
    let error = failed(producer.send_with(next, SendOptions::new().with_timeout(SHORT)));
    producer.shutdown().unwrap_or_else(|cut_off| assert_eq!(cut_off.unfinished, 1));
    let _ = failed(stuck.join().expect("no send panics"));
    error
}

pub(super) fn no_permit<S: Subject, T: Transacts>() -> SendError {
    behind_a_stuck_one::<S>(1, message("x"))
}

pub(super) fn not_its_turn<S: Subject, T: Transacts>() -> SendError {
    behind_a_stuck_one::<S>(10, message("x").with_sharding_key("order-7"))
}

pub(super) fn no_route_in_time<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker();
    cluster.set_fault(&name_server(0), Fault::Hang);
    // Of more time the name server gets its share, and is named when it is over.
    let timeout = Duration::from_millis(250);
    failed(S::started(config(&cluster).with_timeout(timeout)).send(message("x")))
}

/// An address where dials get no answer: nobody accepts, and the queue of those who wait is full.
fn deaf() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let mut waiting = Vec::new();
    while let Ok(socket) = TcpStream::connect_timeout(&address, SHORT) {
        waiting.push(socket);
    }
    (address, listener, waiting)
}

pub(super) fn no_connection_in_time<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker_with_topic();
    let (deaf, _listener, _waiting) = deaf();
    let translation = move |_: &str, _: &Address| deaf.to_string().parse().expect("an address");
    let config = config(&cluster).with_address_translation(std::sync::Arc::new(translation));
    failed(S::started(config.with_retry(0).with_timeout(SHORT)).send(message("x")))
}

pub(super) fn no_room_in_time<S: Subject, T: Transacts>() -> SendError {
    let (cluster, producer) = silent::<S>(|config| config.with_connection_in_flight_max(1));
    let stuck = producer.send_in_background(message("stuck"));
    eventually("the broker has it", || cluster.stored("Contract").len() == 2);
    let options = SendOptions::new().with_timeout(SHORT);
    let error = failed(producer.send_with(message("x"), options));
    cluster.cut_connections(&broker_a());
    let _ = failed(stuck.join().expect("no send panics"));
    error
}

pub(super) fn not_written_in_time<S: Subject, T: Transacts>() -> SendError {
    let (cluster, producer) = silent::<S>(|config| config.with_timeout(SHORT));
    cluster.pause_before_reads(&broker_a(), Duration::from_secs(2));
    let large = || Message::new("Contract", vec![0; 4 * 1024 * 1024]);
    // More than all buffers on the way take: the last is still here when its time is up.
    let sends: Vec<_> = (0..8)
        .map(|_| {
            let send = producer.send_in_background(large());
            thread::sleep(Duration::from_millis(5));
            send
        })
        .collect();
    let errors: Vec<_> =
        sends.into_iter().map(|send| failed(send.join().expect("no send panics"))).collect();
    let unwritten = |error: &SendError| error.kind().to_string().contains("to take the message");
    errors.into_iter().find(unwritten).expect("some are not written")
}

pub(super) fn no_answer_in_time<S: Subject, T: Transacts>() -> SendError {
    let (_cluster, producer) = silent::<S>(|config| config.with_timeout(SHORT));
    let error = failed(producer.send(message("x")));
    assert!(error.is_timeout() && !error.is_busy());
    error
}

pub(super) fn full<S: Subject, T: Transacts>() -> SendError {
    let (cluster, producer) = silent::<S>(|config| config.with_async_send_semaphore(1));
    let stuck = producer.send_in_background(message("stuck"));
    eventually("the broker has it", || cluster.stored("Contract").len() == 2);
    let error = failed(producer.try_send(message("more")));
    assert!(error.is_busy());
    cluster.cut_connections(&broker_a());
    let _ = failed(stuck.join().expect("no send panics"));
    error
}

fn listener() -> Listener {
    Listener::checking(|message| panic!("{message:?} is asked about"))
}

pub(super) fn transaction_open<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker();
    let producer = T::started(config(&cluster), listener());
    let message = || message("x").with_uniq_key("A".repeat(32));
    let open = producer.begin(message()).expect("the cluster is healthy");
    let error = producer.begin(message()).err().expect("there is one already");
    assert!(open.rollback().is_confirmed());
    error
}

pub(super) fn transaction_ended<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker();
    let producer = T::started(config(&cluster), listener());
    let message = || message("x").with_uniq_key("A".repeat(32));
    let open = producer.begin(message()).expect("the cluster is healthy");
    assert!(open.rollback().is_confirmed());
    producer.begin(message()).err().expect("it has ended")
}

pub(super) fn half_in_doubt<S: Subject, T: Transacts>() -> SendError {
    let cluster = one_broker();
    let producer = T::started(config(&cluster), listener());
    cluster.set_fault(&broker_a(), Fault::ReplyCode(12));
    producer.begin(message("x")).err().expect("it is stored with doubt")
}
