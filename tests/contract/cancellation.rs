//! Futures and runtimes that are dropped half-way, and threads that die.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use rocketmq_producer::{Address, SendErrorKind, smol, tokio};
use rocketmq_producer_testkit::model::Fault;

use crate::{
    subject::{Blocking, Mio, Subject},
    world::*,
};

/// Polls a future so many times, then drops it; true if it was done by then.
async fn poll_times<F: Future>(future: F, times: usize) -> bool {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        future.as_mut().poll(context).map(|_| true)
    })
    .await
}

#[test]
fn row_17_a_tokio_send_can_be_dropped_at_every_poll() {
    let cluster = one_broker();
    let runtime = ::tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for polls in 0.. {
            let producer = tokio::Producer::new(config(&cluster)).unwrap();
            producer.start().await.unwrap();
            let done = poll_times(producer.send(message("dropped")), polls).await;
            let _ = producer.send(message("after")).await.expect("others are not disturbed");
            producer.shutdown().await.expect("nothing is left in flight");
            if done {
                assert!(polls > 1, "a cold send has to wait");
                break;
            }
        }
    });
}

#[test]
fn row_17_a_smol_send_can_be_dropped_at_every_poll() {
    let cluster = one_broker();
    ::smol::block_on(async {
        for polls in 0.. {
            let producer = smol::Producer::new(config(&cluster)).unwrap();
            producer.start().await.unwrap();
            let done = poll_times(producer.send(message("dropped")), polls).await;
            let _ = producer.send(message("after")).await.expect("others are not disturbed");
            producer.shutdown().await.expect("nothing is left in flight");
            if done {
                assert!(polls > 1, "a cold send has to wait");
                break;
            }
        }
    });
}

#[test]
fn dropping_the_tokio_runtime_before_the_producer_strands_nobody() {
    let cluster = one_broker();
    let runtime = ::tokio::runtime::Runtime::new().unwrap();
    let producer =
        tokio::Producer::new(config(&cluster).with_timeout(Duration::from_secs(60))).unwrap();
    runtime.block_on(producer.start()).unwrap();
    let _ = runtime.block_on(producer.send(message("first"))).unwrap();
    cluster.set_fault(&broker_a(), Fault::Hang);
    let (stuck, waiting) = (producer.clone(), producer.clone());
    // These futures live on other threads, and outlive the runtime.
    let stuck = std::thread::spawn(move || ::smol::block_on(stuck.send(message("stuck"))));
    eventually("the broker has it", || cluster.stored("Contract").len() == 2);
    cluster.refuse(&name_server(0));
    let other = rocketmq_producer::Message::new("Unknown", "x");
    let waiting = std::thread::spawn(move || ::smol::block_on(waiting.send(other)));
    std::thread::sleep(Duration::from_millis(100));

    drop(runtime);
    for send in [stuck, waiting] {
        let error = send.join().unwrap().unwrap_err();
        assert!(matches!(error.kind(), SendErrorKind::ShuttingDown(_)), "{error}");
    }
    assert!(!producer.is_running());
    let late = ::smol::block_on(producer.send(message("late"))).unwrap_err();
    assert_eq!(*late.kind(), SendErrorKind::AlreadyShutDown);
    let _ = ::smol::block_on(producer.shutdown());

    cluster.accept_again(&name_server(0));
    cluster.set_fault(&broker_a(), None);
    let runtime = ::tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(producer.start()).expect("it can be started on another runtime");
    assert!(runtime.block_on(producer.send(message("again"))).is_ok());
}

#[test]
fn dropping_a_smol_executor_before_the_producer_strands_nobody() {
    let cluster = one_broker();
    let executor = Arc::new(::smol::Executor::new());
    let config = config(&cluster).with_timeout(Duration::from_secs(60));
    let producer = smol::Producer::with_executor(config, &executor).unwrap();
    ::smol::block_on(executor.run(async {
        producer.start().await.unwrap();
        let _ = producer.send(message("first")).await.unwrap();
    }));
    cluster.set_fault(&broker_a(), Fault::Hang);
    let stuck = producer.clone();
    let (stop, stopped) = ::smol::channel::bounded::<()>(1);
    let running = Arc::clone(&executor);
    let runner = std::thread::spawn(move || {
        let _ = ::smol::block_on(running.run(stopped.recv()));
    });
    let stuck = std::thread::spawn(move || ::smol::block_on(stuck.send(message("stuck"))));
    eventually("the broker has it", || cluster.stored("Contract").len() == 2);

    // Nobody runs the executor any more, and the last one who could drops it.
    ::smol::block_on(stop.send(())).unwrap();
    runner.join().unwrap();
    drop(executor);
    let error = stuck.join().unwrap().unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::ShuttingDown(_)), "{error}");
    assert!(!producer.is_running());
    let error = ::smol::block_on(producer.start()).unwrap_err();
    assert!(error.to_string().contains("executor is gone"), "{error}");
}

fn a_housekeeping_thread_that_dies_strands_nobody<S: Subject>() {
    let cluster = one_broker();
    let is_deadly = Arc::new(AtomicBool::new(false));
    let kills = Arc::clone(&is_deadly);
    let translation = move |_: &str, advertised: &Address| {
        assert!(!kills.load(Ordering::SeqCst), "this panic is meant");
        advertised.clone()
    };
    let config = config(&cluster).with_timeout(Duration::from_secs(60));
    let producer = S::started(config.with_address_translation(Arc::new(translation)));
    let _ = producer.send(message("first")).unwrap();
    cluster.set_fault(&broker_a(), Fault::Hang);
    let stuck = producer.send_in_background(message("stuck"));
    eventually("the broker has it", || cluster.stored("Contract").len() == 2);

    is_deadly.store(true, Ordering::SeqCst);
    assert!(!producer.update_route_info("Contract"), "who reads the answer dies of it");
    let error = stuck.join().unwrap().unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::ShuttingDown(_)), "{error}");
    eventually("the connection is closed", || cluster.connected(&broker_a()) == 0);
    eventually("it is known to have ended", || !producer.is_running());

    is_deadly.store(false, Ordering::SeqCst);
    cluster.set_fault(&broker_a(), None);
    producer.start().expect("it can be started again");
    assert!(producer.send(message("again")).is_ok());
}

#[test]
fn a_housekeeping_thread_that_dies_strands_nobody_on_threads() {
    a_housekeeping_thread_that_dies_strands_nobody::<Blocking>();
}

#[test]
fn a_housekeeping_thread_that_dies_strands_nobody_on_mio() {
    a_housekeeping_thread_that_dies_strands_nobody::<Mio>();
}

#[test]
fn a_tokio_producer_started_outside_of_a_runtime_says_so() {
    let cluster = one_broker();
    let producer = tokio::Producer::new(config(&cluster)).unwrap();
    let error = ::smol::block_on(producer.start()).unwrap_err();
    assert!(error.to_string().contains("no reactor"), "{error}");
    assert!(!producer.is_running());
}

#[test]
fn row_51_a_blocking_producer_works_inside_a_tokio_runtime() {
    let cluster = one_broker();
    let runtime = ::tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        use rocketmq_producer::blocking::Producer;
        for make in [Producer::new, Producer::polled] {
            let producer = make(config(&cluster)).unwrap();
            producer.start().unwrap();
            assert!(producer.send(message("hello")).is_ok());
            producer.shutdown().unwrap();
        }
    });
}

#[test]
fn futures_can_be_sent_between_threads_and_errors_are_small() {
    fn is_send<T: Send>(_: &T) {}
    fn is_shared<T: Clone + Send + Sync>(_: &T) {}
    let config = rocketmq_producer::ProducerConfig::new("group", "localhost:9876");
    let tokio = tokio::Producer::new(config.clone()).unwrap();
    is_send(&tokio.start());
    is_send(&tokio.send(message("x")));
    is_send(&tokio.shutdown());
    is_shared(&tokio);
    let smol = smol::Producer::new(config.clone()).unwrap();
    is_send(&smol.start());
    is_send(&smol.send(message("x")));
    is_send(&smol.shutdown());
    is_shared(&smol);
    is_shared(&rocketmq_producer::blocking::Producer::new(config).unwrap());
    assert_eq!(size_of::<rocketmq_producer::SendError>(), size_of::<usize>());
}
