//! Sends and their attempts.

use std::time::Duration;

use rocketmq_producer::ProducerConfig;
use rocketmq_producer_testkit::{model::Fault, serve::EmbeddedCluster};
use tracing::Level;

use crate::{
    collector::{Collector, SeenSpan},
    subject::Subject,
    world::*,
};

/// A producer that is connected, and a subscriber of this thread, where its sends are polled.
fn watched<S: Subject>(
    config: ProducerConfig,
    max: Level,
) -> (S, Collector, tracing::dispatcher::DefaultGuard) {
    let producer = S::started(config);
    let _ = producer.send(message("warm-up")).unwrap();
    let (collector, guard) = Collector::of_this_thread(max);
    (producer, collector, guard)
}

fn refuse_once(cluster: &EmbeddedCluster) {
    let remark = "not today".to_owned();
    cluster.set_fault(&broker_a(), Fault::Answer { code: 14, remark, times: 1 });
}

fn row_53_a_send_is_a_span_of_its_caller_and_has_one_for_each_attempt<S: Subject>() {
    let cluster = one_broker();
    let (producer, collector, _guard) = watched::<S>(config(&cluster), Level::TRACE);
    refuse_once(&cluster);
    let keyed = message("top secret").with_property("card", "4711");
    let receipt = tracing::info_span!("request").in_scope(|| producer.send(keyed)).unwrap();
    assert_eq!(receipt.attempts, 2);

    let [request] = &collector.spans("request")[..] else { panic!("one request") };
    let [send] = &collector.spans("send")[..] else { panic!("one send") };
    assert_eq!(send.seen.parent, Some(request.id));
    assert_eq!((send.seen.target, send.seen.level), ("rocketmq_producer::send", Level::TRACE));
    let queue = receipt.message_queue.queue_id.to_string();
    for (name, value) in [
        ("topic", "Contract"),
        ("message_id", &*receipt.message_id),
        ("kind", "single"),
        ("oneway", "false"),
        ("attempts", "2"),
        ("outcome", "stored"),
        ("broker", "broker-a"),
        ("queue", &*queue),
    ] {
        assert_eq!(send.seen.field(name), value, "{name}");
    }
    assert!(send.seen.field("size").parse::<usize>().unwrap() >= "top secret".len());
    assert!(send.seen.field("elapsed_us").parse::<u64>().is_ok());

    let attempts = collector.spans("attempt");
    let brief = |attempt: &SeenSpan| {
        assert_eq!(attempt.seen.parent, Some(send.id));
        let address = cluster.address(&broker_a()).to_string();
        assert_eq!(attempt.seen.field("address"), address);
        assert!(attempt.seen.field("elapsed_us").parse::<u64>().is_ok());
        let field = |name| attempt.seen.field(name).to_owned();
        (field("attempt"), field("outcome"), field("error"))
    };
    let brief: Vec<_> = attempts.iter().map(brief).collect();
    let text = |texts: [&str; 3]| texts.map(str::to_owned).into();
    let first = text(["0", "rejected", "refused with code 14 (SERVICE_NOT_AVAILABLE): not today"]);
    assert_eq!(brief, [first, text(["1", "stored", ""])]);

    let all = collector.spans("send").into_iter().chain(attempts);
    for span in all {
        assert!(span.is_closed(), "{span:?}");
        let told = format!("{:?}", span.seen.fields);
        assert!(!told.contains("secret") && !told.contains("4711"), "{told}");
    }
    assert!(collector.events().is_empty(), "no event for each message besides");
}

fn row_55_nothing_is_said_of_each_message_above_trace<S: Subject>() {
    let cluster = one_broker();
    let (producer, collector, _guard) = watched::<S>(config(&cluster), Level::DEBUG);
    refuse_once(&cluster);
    for _ in 0..10 {
        let _ = producer.send(message("quiet")).unwrap();
    }
    producer.oneway(message("quiet")).unwrap();
    assert!(producer.send_batch(vec![message("one"), message("two")]).iter().all(Result::is_ok));
    assert!(collector.events().is_empty(), "{:?}", collector.events());
    assert!(collector.spans("send").is_empty() && collector.spans("attempt").is_empty());
}

fn debug_enabled_tells_of_each_attempt_once<S: Subject>() {
    let cluster = one_broker();
    let config = config(&cluster).with_debug_enabled(true);
    let (producer, collector, guard) = watched::<S>(config, Level::DEBUG);
    refuse_once(&cluster);
    let request = tracing::info_span!("request");
    let receipt = request.in_scope(|| producer.send(message("watched"))).unwrap();
    let told = collector.events();
    let outcomes: Vec<_> = told.iter().map(|event| event.field("outcome")).collect();
    assert_eq!(outcomes, ["rejected", "stored"]);
    for (number, event) in told.iter().enumerate() {
        assert_eq!((event.level, event.target), (Level::DEBUG, "rocketmq_producer::send"));
        assert_eq!(event.parent, request.id().map(|id| id.into_u64()));
        assert_eq!(receipt.message_id, event.field("message_id"));
        assert_eq!(event.field("topic"), "Contract");
        assert_eq!(event.field("attempt"), number.to_string());
        assert_eq!(event.field("broker"), "broker-a");
    }
    assert!(collector.spans("send").is_empty(), "spans are for those who trace");
    drop(guard);

    let (collector, _guard) = Collector::of_this_thread(Level::INFO);
    let _ = producer.send(message("unwatched")).unwrap();
    assert!(collector.events().is_empty());
}

fn what_is_not_stored_says_why<S: Subject>() {
    let cluster = one_broker();
    let config = config(&cluster).with_timeout(Duration::from_millis(300)).with_retry(0);
    let (producer, collector, _guard) = watched::<S>(config, Level::TRACE);
    cluster.set_fault(&broker_a(), Fault::SwallowSends(1));
    let error = producer.send(message("swallowed")).unwrap_err();
    let [send] = &collector.spans("send")[..] else { panic!("one send") };
    assert_eq!(send.seen.field("outcome"), "unknown");
    assert_eq!(send.seen.field("error"), error.kind().to_string());
    let [attempt] = &collector.spans("attempt")[..] else { panic!("one attempt") };
    assert_eq!(attempt.seen.field("outcome"), "unknown");
    assert!(send.is_closed() && attempt.is_closed());
}

fn every_kind_of_send_says_what_it_is<S: Subject>() {
    let cluster = one_broker();
    let (producer, collector, _guard) = watched::<S>(config(&cluster), Level::TRACE);
    producer.oneway(message("no answer")).unwrap();
    assert!(producer.send_batch(vec![message("one"), message("two")]).iter().all(Result::is_ok));
    let brief = |span: &SeenSpan| {
        assert!(span.is_closed());
        ["kind", "oneway", "outcome"].map(|name| span.seen.field(name).to_owned())
    };
    let sends: Vec<_> = collector.spans("send").iter().map(brief).collect();
    assert_eq!(sends, [["single", "true", "handed_over"], ["batch", "false", "stored"]]);
}

fn sends_that_gather_have_a_span_each_and_their_lot_has_its_own<S: Subject>() {
    let cluster = one_broker();
    let config = config(&cluster).with_auto_batch(true);
    let (producer, collector, _guard) = watched::<S>(config, Level::TRACE);
    let request = tracing::info_span!("request");
    let receipt = request.in_scope(|| producer.send(message("gathered"))).unwrap();
    let sends = collector.spans("send");
    let [gathered] =
        &sends.iter().filter(|s| s.seen.field("kind") == "gathered").collect::<Vec<_>>()[..]
    else {
        panic!("one of them gathers: {sends:?}")
    };
    assert!(gathered.is_closed());
    assert_eq!(gathered.seen.parent, request.id().map(|id| id.into_u64()));
    assert_eq!(gathered.seen.field("outcome"), "stored");
    assert_eq!(receipt.message_id, gathered.seen.field("message_id"));
    // Its lot is sent off by whoever comes to it, perhaps elsewhere.
    let lots = sends.iter().filter(|send| send.seen.field("kind") != "gathered");
    assert!(lots.into_iter().all(|lot| lot.seen.parent.is_none()), "{sends:?}");
}

on_every_runtime!(
    row_53_a_send_is_a_span_of_its_caller_and_has_one_for_each_attempt,
    row_55_nothing_is_said_of_each_message_above_trace,
    debug_enabled_tells_of_each_attempt_once,
    what_is_not_stored_says_why,
    every_kind_of_send_says_what_it_is,
    sends_that_gather_have_a_span_each_and_their_lot_has_its_own,
);

/// Futures, where there are futures: `$wait` waits for one.
macro_rules! a_send_that_is_dropped {
    ($config:expr, $producer:ty, $wait:expr, $cluster:expr) => {{
        let producer = <$producer>::new($config).unwrap();
        $wait(Box::pin(async {
            producer.start().await.unwrap();
            let _ = producer.send(message("warm-up")).await.unwrap();
            $cluster.set_fault(&broker_a(), Fault::Hang);
            let (collector, _guard) = Collector::of_this_thread(Level::TRACE);
            let mut send = Box::pin(producer.send(message("dropped")));
            assert!(::smol::future::poll_once(&mut send).await.is_none());
            assert!(!Collector::is_anywhere(), "it is in its span only while it is polled");
            assert!(!collector.spans("send")[0].is_closed());
            drop(send);
            for span in collector.spans("send").into_iter().chain(collector.spans("attempt")) {
                assert!(span.is_closed(), "{span:?}");
                assert_eq!(span.seen.field("outcome"), "dropped");
            }
            assert_eq!(collector.spans("attempt").len(), 1);
        }));
    }};
}

#[test]
fn on_smol_a_send_that_is_dropped_closes_its_spans() {
    let cluster = one_broker();
    let wait = |future: std::pin::Pin<Box<dyn Future<Output = ()> + '_>>| ::smol::block_on(future);
    a_send_that_is_dropped!(config(&cluster), rocketmq_producer::smol::Producer, wait, cluster);
}

#[test]
fn on_tokio_a_send_that_is_dropped_closes_its_spans() {
    let cluster = one_broker();
    let runtime = ::tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let wait = |future: std::pin::Pin<Box<dyn Future<Output = ()> + '_>>| runtime.block_on(future);
    a_send_that_is_dropped!(config(&cluster), rocketmq_producer::tokio::Producer, wait, cluster);
}
