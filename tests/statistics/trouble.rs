//! A cluster that makes trouble, as a seed has it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rocketmq_producer_testkit::{
    model::{Fault, ModelCluster, Node},
    serve::EmbeddedCluster,
};

pub(crate) const ANSWERED: &str = "Answered";
pub(crate) const ONEWAY: &str = "Oneway";
/// Its connections are cut, again and again.
pub(crate) const CUT: &str = "broker-cut";
/// It is busy now and then, and says no. It never keeps an answer to itself: a call that is not answered
/// would take all the room that a busy broker is given, and others would not reach it in time.
pub(crate) const BUSY: &str = "broker-busy";
/// It keeps answers to itself, and says no.
pub(crate) const SILENT: &str = "broker-silent";
/// Where one-way messages go, and where nothing goes wrong.
pub(crate) const WELL: &str = "broker-well";
/// Of a topic that is not to be sent to.
const PERM_READ: i32 = 4;
/// Request code of all sends.
const SEND: i32 = 310;
const PAUSE: Duration = Duration::from_millis(20);
/// A broker is busy once in so many pauses, and well in between. One that is busy whenever it is asked is
/// asked less and less: attempts would wait in vain, and nobody could say that it has not seen them.
const BUSY_ONCE_IN: u32 = 25;
/// Connections are cut as often, and in between, too: a broker that is lost all the time is dialled less and
/// less.
const CUT_AT: u32 = BUSY_ONCE_IN / 2;
/// Pauses that bring about each kind of trouble, whatever the seed, with time left to meet it.
const ENOUGH: u32 = 2 * BUSY_ONCE_IN;

pub(crate) fn broker(name: &str) -> Node {
    Node::Broker(name.to_owned())
}

/// Three brokers for what is answered, and one for what is not.
pub(crate) fn cluster() -> EmbeddedCluster {
    let brokers = [CUT, BUSY, SILENT, WELL];
    let cluster = EmbeddedCluster::serve(ModelCluster::new(1, brokers));
    cluster.model(|model| {
        model.set_auto_create(false);
        [ANSWERED, ONEWAY].iter().for_each(|topic| model.create_topic(topic, 4));
        for name in brokers {
            let others = if name == WELL { ANSWERED } else { ONEWAY };
            model.broker(name).set_perm(others, PERM_READ);
            model.register_broker(name, 0);
        }
        model.keep_journal();
    });
    cluster
}

/// How many sends a broker has received, as it has counted them itself.
pub(crate) fn received(cluster: &EmbeddedCluster, name: &str) -> u64 {
    cluster.model(|model| model.broker(name).requests(SEND))
}

fn fault(random: &mut fastrand::Rng, round: u32) -> (&'static str, Fault) {
    if round.is_multiple_of(BUSY_ONCE_IN) {
        let (times, remark) = (random.u32(1..=3), "[REJECTREQUEST]".to_owned());
        return (BUSY, Fault::Answer { code: 2, remark, times });
    }
    if round % BUSY_ONCE_IN == CUT_AT {
        return (CUT, Fault::CloseInsteadOfReply(1));
    }
    let either = if random.bool() { BUSY } else { SILENT };
    let (times, remark) = (random.u32(1..=6), "as the seed has it".to_owned());
    match random.u32(..100) {
        0..35 => (either, Fault::Answer { code: 13, remark, times }),
        35..67 => (either, Fault::AnswerAfterActing { code: 10, remark, times }),
        67..99 => (either, Fault::AnswerAfterActing { code: 1, remark, times }),
        _ => (SILENT, Fault::SwallowSends(1)),
    }
}

/// Somebody who makes trouble, until told to stop.
pub(crate) struct Troublemaker {
    /// Pauses so far.
    rounds: Arc<AtomicU32>,
    is_stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Troublemaker {
    pub(crate) fn set_upon(cluster: &Arc<EmbeddedCluster>, seed: u64) -> Self {
        let (rounds, is_stopping) = <(Arc<AtomicU32>, Arc<AtomicBool>)>::default();
        let (made, stopping) = (Arc::clone(&rounds), Arc::clone(&is_stopping));
        let cluster = Arc::clone(cluster);
        let thread = thread::spawn(move || {
            let mut random = fastrand::Rng::with_seed(seed);
            while !stopping.load(Ordering::SeqCst) {
                let (name, fault) = fault(&mut random, made.load(Ordering::SeqCst));
                cluster.set_fault(&broker(name), fault);
                thread::sleep(PAUSE);
                made.fetch_add(1, Ordering::SeqCst);
            }
            for name in [CUT, BUSY, SILENT] {
                cluster.set_fault(&broker(name), None);
            }
        });
        Self { rounds, is_stopping, thread }
    }

    /// Whether all kinds of trouble have been met, however fast callers are.
    pub(crate) fn has_made_enough(&self) -> bool {
        self.rounds.load(Ordering::SeqCst) >= ENOUGH
    }

    /// Nobody misbehaves any more.
    pub(crate) fn stop(self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.thread.join().expect("trouble can be made");
    }
}

/// What brokers have stored, as their journal has it.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) copies: u64,
    /// Of distinct messages.
    pub(crate) keys: BTreeSet<String>,
}

impl Stored {
    /// Reads on where it has stopped.
    pub(crate) fn read_on(&mut self, cluster: &EmbeddedCluster) {
        let taken = cluster.model(|model| model.take_journal());
        self.copies += taken.len() as u64;
        self.keys.extend(taken.into_iter().map(|stored| stored.uniq_key));
    }
}
