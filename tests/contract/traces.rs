//! One send machine: the same faults make the same attempts, whatever runs it.

use std::{thread, time::Duration};

use rocketmq_producer::{Attempt, AttemptFailure, CallError, MessageQueue, SendOptions};
use rocketmq_producer_testkit::{model::Fault, serve::EmbeddedCluster};

use crate::{
    subject::{Blocking, Sent, Smol, Subject, Tokio},
    world::*,
};

/// What happens to a cluster of two brokers, all of it to broker-a.
type Script = (&'static str, fn(&EmbeddedCluster));

fn refuses<const CODE: i32>(cluster: &EmbeddedCluster) {
    cluster.set_fault(&broker_a(), Fault::Answer { code: CODE, remark: "no".into(), times: 2 });
}

const SCRIPTS: [Script; 14] = [
    ("all is well", |_| {}),
    ("an error that says nothing", refuses::<1>),
    ("busy", refuses::<2>),
    ("a request that it does not know", refuses::<3>),
    ("an illegal message", refuses::<13>),
    ("not available", refuses::<14>),
    ("no permission", refuses::<16>),
    ("no such topic", refuses::<17>),
    ("a wrong queue", refuses::<29>),
    ("flow control", refuses::<215>),
    ("an unknown code", refuses::<4711>),
    ("silence", |cluster| cluster.set_fault(&broker_a(), Fault::SwallowSends(1))),
    ("a broken connection", |cluster| {
        cluster.set_fault(&broker_a(), Fault::CloseInsteadOfReply(1));
    }),
    ("nobody there", |cluster| {
        cluster.refuse(&broker_a());
        // Until the connection's end has been noticed, it is a matter of luck who is told of it.
        thread::sleep(Duration::from_millis(500));
    }),
];

fn told(sent: &Sent) -> String {
    match sent {
        Ok(receipt) => {
            format!("stored at {} by attempt {}", receipt.message_queue, receipt.attempts)
        }
        Err(error) => {
            let attempts: Vec<_> = error.attempts().iter().map(attempt_told).collect();
            format!("{:?} after {attempts:?}", error.outcome())
        }
    }
}

fn attempt_told(attempt: &Attempt) -> String {
    let cause = match &attempt.failure {
        AttemptFailure::Refused { code, .. } => format!("code {code}"),
        AttemptFailure::Call(CallError::Unsent(_)) => "unsent".to_owned(),
        AttemptFailure::Call(CallError::Lost(_)) => "lost".to_owned(),
        other => other.to_string(),
    };
    format!("{}: {cause}", attempt.queue)
}

/// A send to one queue of broker-a, and one that may go anywhere and begins there.
fn play<S: Subject>((_, befall): Script) -> Vec<String> {
    let queue =
        MessageQueue { topic: "Contract".into(), broker_name: "broker-a".into(), queue_id: 0 };
    let bound = SendOptions::new().with_queue(queue);
    let mut traces = Vec::new();
    for options in [bound, SendOptions::new()] {
        let cluster = two_brokers();
        cluster.model(|model| model.create_topic("Contract", 1));
        let config = config(&cluster).with_timeout(Duration::from_secs(3)).with_retry(2);
        let producer = S::started(config);
        let warm_up = || producer.send(message("warm-up")).unwrap().message_queue.broker_name;
        warm_up();
        while warm_up() != "broker-b" {}
        befall(&cluster);
        traces.push(told(&producer.send_with(message("traced"), options)));
    }
    traces
}

#[test]
fn row_5_the_same_faults_make_the_same_attempts_on_every_runtime() {
    for script in SCRIPTS {
        let blocking = play::<Blocking>(script);
        assert_eq!(blocking, play::<Smol>(script), "{}", script.0);
        assert_eq!(blocking, play::<Tokio>(script), "{}", script.0);
        println!("{}: {blocking:#?}", script.0);
    }
}
