//! Name servers and routes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rocketmq_producer::{Address, Outcome, RouteError, SendErrorKind};
use rocketmq_producer_testkit::{
    model::{Fault, ModelCluster},
    serve::EmbeddedCluster,
};

use crate::{subject::Subject, world::*};

fn three_name_servers() -> EmbeddedCluster {
    EmbeddedCluster::serve(ModelCluster::new(3, ["broker-a"]))
}

fn a_producer_starts_while_name_servers_are_down_and_recovers<S: Subject>() {
    let cluster = one_broker();
    cluster.refuse(&name_server(0));
    let timeout = Duration::from_millis(500);
    let producer = S::started(config(&cluster).with_timeout(timeout));

    let begun = Instant::now();
    let error = producer.send(message("nobody there")).unwrap_err();
    assert!(begun.elapsed() < timeout + SLACK, "{:?}", begun.elapsed());
    let SendErrorKind::Route(RouteError::NameServersUnreachable { causes }) = error.kind() else {
        panic!("{error}");
    };
    assert_eq!(causes[0].0.to_string(), cluster.namesrv_addr());
    assert!(error.to_string().contains("refused"), "the cause is told: {error}");
    assert_eq!(error.outcome(), Outcome::NotSent);

    cluster.accept_again(&name_server(0));
    eventually("sends succeed", || producer.send(message("somebody there")).is_ok());
}

fn a_send_outlives_a_name_server_that_is_down_for_a_moment<S: Subject>() {
    let cluster = one_broker();
    cluster.refuse(&name_server(0));
    let producer = S::started(config(&cluster));
    let send = producer.send_in_background(message("patience"));
    std::thread::sleep(Duration::from_millis(300));
    cluster.accept_again(&name_server(0));
    assert!(send.join().unwrap().is_ok());
}

fn row_27_any_one_live_name_server_of_three_is_enough<S: Subject>() {
    for live in 0..3 {
        let cluster = three_name_servers();
        for dead in (0..3).filter(|index| *index != live) {
            cluster.refuse(&name_server(dead));
        }
        let producer = S::started(config(&cluster));
        let sent = producer.send(message("found"));
        assert!(sent.is_ok(), "only name server {live} is alive: {}", sent.unwrap_err());
    }
}

fn row_27_name_servers_that_never_answer_leave_time_for_the_others<S: Subject>() {
    let cluster = three_name_servers();
    cluster.set_fault(&name_server(0), Fault::Hang);
    cluster.set_fault(&name_server(1), Fault::Hang);
    let producer = S::started(config(&cluster));
    assert!(producer.send(message("found")).is_ok());
}

fn a_topic_that_nobody_knows_is_told_with_those_who_were_asked<S: Subject>() {
    let cluster = three_name_servers();
    cluster.model(|model| model.set_auto_create(false));
    let producer = S::started(config(&cluster));
    let error = producer.send(message("nowhere to go")).unwrap_err();
    let SendErrorKind::Route(RouteError::TopicNotFound { topic, asked }) = error.kind() else {
        panic!("{error}");
    };
    assert_eq!(*topic, "Contract");
    assert_eq!(asked.len(), 3, "one name server is not believed alone");
    assert_eq!(error.outcome(), Outcome::NotSent);
}

fn a_topic_without_a_writable_queue_is_told_apart<S: Subject>() {
    let cluster = one_broker();
    cluster.model(|model| model.create_topic("Contract", 4));
    cluster.model(|model| model.broker("broker-a").set_perm("Contract", 4));
    let producer = S::started(config(&cluster));
    // The name server learns of a changed permission with the broker's next request.
    let _ = producer.send(rocketmq_producer::Message::new("Other", "x"));
    let error = producer.send(message("read only")).unwrap_err();
    let no_queue = RouteError::NoWritableQueue { topic: "Contract".into() };
    assert_eq!(*error.kind(), SendErrorKind::Route(no_queue));
}

fn row_33_a_route_that_is_garbage_is_an_error_of_its_topic_alone<S: Subject>() {
    let cluster = one_broker();
    cluster.model(|model| model.name_server(0).set_route_body("Contract", "{0:".to_owned()));
    let producer = S::started(config(&cluster));
    let error = producer.send(message("x")).unwrap_err();
    let bad = matches!(error.kind(), SendErrorKind::Route(RouteError::BadRoute { .. }));
    assert!(bad, "{error}");
    assert!(producer.send(rocketmq_producer::Message::new("Other", "x")).is_ok());
    cluster.model(|model| model.name_server(0).set_route_body("Contract", None));
    assert!(producer.send(message("x")).is_ok());
}

fn row_26_a_broker_that_advertises_what_cannot_be_reached_is_reached_by_translation<S: Subject>() {
    let cluster = one_broker();
    let inside = r#"{"queueDatas":[{"brokerName":"broker-a","perm":6,"writeQueueNums":4}],
        "brokerDatas":[{"brokerName":"broker-a","brokerAddrs":{"0":"172.17.0.2:10911"}}]}"#;
    cluster.model(|model| model.create_topic("Contract", 4));
    cluster.model(|model| model.name_server(0).set_route_body("Contract", inside.to_owned()));
    let outside = cluster.address(&broker_a()).to_string().parse::<Address>().unwrap();
    let translation = move |broker: &str, advertised: &Address| {
        assert_eq!((broker, &*advertised.host), ("broker-a", "172.17.0.2"));
        outside.clone()
    };
    let producer = S::started(config(&cluster).with_address_translation(Arc::new(translation)));
    assert!(producer.send(message("from outside")).is_ok());
}

fn row_36_a_thousand_first_sends_ask_once_and_dial_once<S: Subject>() {
    let cluster = one_broker();
    cluster.model(|model| model.create_topic("Contract", 4));
    let producer = S::started(config(&cluster).with_timeout(Duration::from_secs(30)));
    let messages = (0..1_000).map(|number| message(&format!("cold {number}"))).collect();
    for sent in producer.send_all(messages) {
        let _ = sent.expect("the cluster is healthy");
    }
    assert_eq!(cluster.stored("Contract").len(), 1_000);
    assert_eq!(cluster.model(|model| model.name_server(0).queries("Contract")), 1);
    assert_eq!(cluster.accepted(&broker_a()), 1);
    assert_eq!(cluster.accepted(&name_server(0)), 1);
}

on_every_runtime!(
    a_producer_starts_while_name_servers_are_down_and_recovers,
    a_send_outlives_a_name_server_that_is_down_for_a_moment,
    row_27_any_one_live_name_server_of_three_is_enough,
    row_27_name_servers_that_never_answer_leave_time_for_the_others,
    a_topic_that_nobody_knows_is_told_with_those_who_were_asked,
    a_topic_without_a_writable_queue_is_told_apart,
    row_33_a_route_that_is_garbage_is_an_error_of_its_topic_alone,
    row_26_a_broker_that_advertises_what_cannot_be_reached_is_reached_by_translation,
    row_36_a_thousand_first_sends_ask_once_and_dial_once,
);
