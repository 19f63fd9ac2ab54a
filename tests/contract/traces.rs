//! One send machine: the same faults make the same attempts, whatever runs it.

use std::{thread, time::Duration};

use rocketmq_producer::{
    Attempt, AttemptFailure, CallError, LinkError, Message, MessageQueue, Outcome, SendOptions,
};
use rocketmq_producer_testkit::{
    model::{Fault, Node},
    serve::EmbeddedCluster,
};

use crate::{
    subject::{Blocking, Mio, Sent, Smol, Subject, Tokio},
    world::*,
};

/// Something that can happen to a broker.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Nothing,
    /// It answers so many sends with a code.
    Refuses(i32, u32),
    /// It says the same to everything, as one that is shutting down.
    GoAway,
    /// It stores a message and says nothing, once or always.
    Silence,
    LongSilence,
    /// It stores a message and breaks the connection, once or always.
    Break,
    ManyBreaks,
    /// It is gone.
    Death,
}

use Trouble::*;

/// What happens to broker-a, then what happens to broker-b. Brokers that stay busy are not among
/// them: they are asked as often as there is time, which is no two times the same.
const SCRIPTS: [(Trouble, Trouble); 30] = [
    (Nothing, Nothing),
    (Refuses(1, 2), Nothing),
    (Refuses(2, 2), Nothing),
    (Refuses(3, 2), Nothing),
    (Refuses(13, 2), Nothing),
    (Refuses(14, 2), Nothing),
    (Refuses(16, 2), Nothing),
    (Refuses(17, 2), Nothing),
    (Refuses(29, 2), Nothing),
    (Refuses(215, 2), Nothing),
    (Refuses(1500, 2), Nothing),
    (Refuses(4711, 2), Nothing),
    (GoAway, Nothing),
    (Silence, Nothing),
    (LongSilence, Nothing),
    (Break, Nothing),
    (ManyBreaks, Nothing),
    (Death, Nothing),
    (Nothing, Death),
    (Refuses(1, 9), Refuses(1, 9)),
    (Refuses(2, 1), Refuses(215, 1)),
    (Refuses(14, 9), Refuses(14, 9)),
    (Refuses(16, 9), Refuses(16, 9)),
    (Refuses(17, 9), Refuses(17, 9)),
    (Refuses(14, 9), Refuses(13, 9)),
    (Refuses(1, 9), Refuses(17, 9)),
    (LongSilence, LongSilence),
    (ManyBreaks, ManyBreaks),
    (LongSilence, Refuses(1, 9)),
    (Death, Death),
];

fn befall(cluster: &EmbeddedCluster, node: &Node, trouble: Trouble) {
    let fault = match trouble {
        Nothing => return,
        Refuses(code, times) => Fault::Answer { code, remark: "no".into(), times },
        GoAway => Fault::GoAway,
        Silence => Fault::SwallowSends(1),
        LongSilence => Fault::SwallowSends(u32::MAX),
        Break => Fault::CloseInsteadOfReply(1),
        ManyBreaks => Fault::CloseInsteadOfReply(u32::MAX),
        Death => return cluster.refuse(node),
    };
    cluster.set_fault(node, fault);
}

/// How a send says where it wants to go. All of them begin at broker-a.
#[derive(Clone, Copy, Debug)]
enum Way {
    Anywhere,
    Queue,
    Selector,
    ShardingKey,
}

const WAYS: [Way; 4] = [Way::Anywhere, Way::Queue, Way::Selector, Way::ShardingKey];

impl Way {
    fn send<S: Subject>(self, producer: &S) -> Sent {
        let queues = producer.publish_queues("Contract");
        let options = match self {
            Self::Anywhere | Self::ShardingKey => SendOptions::new(),
            Self::Queue => SendOptions::new().with_queue(queues[0].clone()),
            Self::Selector => {
                SendOptions::new().with_selector(|_: &Message, _: &[MessageQueue]| Some(0))
            }
        };
        let message = match self {
            Self::ShardingKey => message("traced").with_sharding_key(KEY_OF_BROKER_A),
            _ => message("traced"),
        };
        producer.send_with(message, options)
    }
}

/// Where there are two queues.
const KEY_OF_BROKER_A: &str = "order-1";

/// Everything about a send that does not depend on time.
#[derive(Debug, PartialEq)]
enum Trace {
    Stored { at: MessageQueue, attempts: u32 },
    Failed { outcome: Outcome, attempts: Vec<(MessageQueue, String)> },
}

impl From<Sent> for Trace {
    fn from(sent: Sent) -> Self {
        match sent {
            Ok(receipt) => Self::Stored { at: receipt.message_queue, attempts: receipt.attempts },
            Err(error) => Self::Failed {
                outcome: error.outcome(),
                attempts: error.attempts().iter().map(traced).collect(),
            },
        }
    }
}

fn traced(attempt: &Attempt) -> (MessageQueue, String) {
    let cause = match &attempt.failure {
        // A heartbeat may have been told first, and the send's bytes not have left; on a busy machine
        // so on each new connection, until the attempt's time was up.
        AttemptFailure::Refused { code: 1500, .. }
        | AttemptFailure::NotConnected
        | AttemptFailure::Call(CallError::Unsent(LinkError::GoAway)) => "go away".to_owned(),
        AttemptFailure::Refused { code, .. } => format!("code {code}"),
        AttemptFailure::Call(CallError::Unsent(_)) => "unsent".to_owned(),
        AttemptFailure::Call(CallError::Lost(_)) => "lost".to_owned(),
        other => other.to_string(),
    };
    (attempt.queue.clone(), cause)
}

fn play<S: Subject>((at_a, at_b): (Trouble, Trouble), way: Way) -> Trace {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 1));
    // With trouble everywhere there is no third attempt: which broker is the lesser evil then is a
    // matter of how far each has been redialed, after pauses of random lengths.
    let retries = if matches!((at_a, at_b), (Nothing, _) | (_, Nothing)) { 2 } else { 1 };
    let config = config(&cluster).with_timeout(PATIENCE).with_retry(retries);
    let producer = S::started(config);
    // Both are connected to, and broker-a is the next in turn.
    while producer.send(message("warm-up")).unwrap().queue_offset == 0 {}
    while producer.send(message("warm-up")).unwrap().message_queue.broker_name != "broker-b" {}
    befall(&cluster, &broker_a(), at_a);
    befall(&cluster, &broker_b(), at_b);
    if matches!((at_a, at_b), (Death, _) | (_, Death)) {
        // Until the connection's end has been noticed, it is a matter of luck who is told of it.
        thread::sleep(Duration::from_millis(500));
    }
    way.send(&producer).into()
}

/// What is left of it for each attempt is more than a machine stands still for.
const PATIENCE: Duration = Duration::from_secs(9);

/// As many scripts as are played at once: most of them wait most of the time.
const AT_ONCE: usize = 5;

/// All ways at once, in order.
fn traces<S: Subject>(script: (Trouble, Trouble)) -> Vec<Trace> {
    thread::scope(|scope| {
        let plays = WAYS.map(|way| scope.spawn(move || play::<S>(script, way)));
        plays.into_iter().map(|play| play.join().expect("it can be played")).collect()
    })
}

#[test]
fn row_5_the_same_faults_make_the_same_attempts_on_every_runtime() {
    for scripts in SCRIPTS.chunks(AT_ONCE) {
        thread::scope(|scope| {
            for script in scripts {
                scope.spawn(|| every_runtime_does_the_same(*script));
            }
        });
    }
}

fn every_runtime_does_the_same(script: (Trouble, Trouble)) {
    let [blocking, mio, smol, tokio] = thread::scope(|scope| {
        let runtimes = [traces::<Blocking>, traces::<Mio>, traces::<Smol>, traces::<Tokio>];
        let traces = runtimes.map(|traces| scope.spawn(move || traces(script)));
        traces.map(|traces| traces.join().expect("it can be played"))
    });
    assert_eq!(blocking, mio, "threads and mio differ: {script:?}");
    assert_eq!(blocking, smol, "blocking and smol differ: {script:?}");
    assert_eq!(blocking, tokio, "blocking and tokio differ: {script:?}");
}
