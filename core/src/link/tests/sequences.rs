//! Random lives of a link, against a model of what its callers may expect.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::link::LinkError;

const IN_FLIGHT_MAX: usize = 4;

#[derive(Clone, Debug)]
enum Op {
    Call {
        wait: u64,
        size: usize,
        manner: Manner,
        linger: bool,
    },
    /// A caller does not wait any longer.
    Leave {
        which: prop::sample::Index,
    },
    Lend,
    /// The driver has written everything that it was lent.
    Written,
    /// Answers one of the calls seen by the peer.
    Answer {
        which: prop::sample::Index,
        code: i32,
    },
    Stray(i32),
    Request(i32),
    Pass(u64),
    Respond,
    Close,
    Poll,
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0_u64..50, 0_usize..6_000, any_manner(), any::<bool>())
            .prop_map(|(wait, size, manner, linger)| Op::Call { wait, size, manner, linger }),
        1 => any::<prop::sample::Index>().prop_map(|which| Op::Leave { which }),
        4 => Just(Op::Lend),
        3 => Just(Op::Written),
        6 => (any::<prop::sample::Index>(), prop::sample::select(&[0, 2, 1500][..]))
            .prop_map(|(which, code)| Op::Answer { which, code }),
        1 => prop_oneof![any::<i32>(), 0..20, i32::MAX - 20..=i32::MAX].prop_map(Op::Stray),
        1 => any::<i32>().prop_map(Op::Request),
        3 => (0_u64..30).prop_map(Op::Pass),
        1 => Just(Op::Respond),
        1 => prop::bool::weighted(0.1).prop_map(|end| if end { Op::Close } else { Op::Poll }),
        4 => Just(Op::Poll),
    ]
}

fn any_manner() -> impl Strategy<Value = Manner> {
    prop_oneof![7 => Just(Manner::Usual), 1 => Just(Manner::Probe), 2 => Just(Manner::Oneway)]
}

/// What callers and peer know.
struct Model {
    bench: Bench,
    next: u32,
    /// Calls that are not over, and how to make their callers go.
    open: BTreeMap<u32, Rc<Cell<bool>>>,
    /// Those who may hear a second time.
    lingering: BTreeSet<u32>,
    /// Those who came as probes overtake.
    probes: BTreeSet<u32>,
    /// Calls that the peer has read, with their opaques.
    read: Vec<(u32, i32)>,
}

impl Model {
    fn new() -> Self {
        let config = LinkConfig {
            in_flight_max: IN_FLIGHT_MAX,
            queue_bytes_max: 8_000,
            first_opaque: i32::MAX - 5,
            ..LinkConfig::default()
        };
        Self {
            bench: Bench::new(config),
            next: 0,
            open: BTreeMap::new(),
            lingering: BTreeSet::new(),
            probes: BTreeSet::new(),
            read: Vec::new(),
        }
    }

    fn apply(&mut self, op: Op) {
        let bench = &mut self.bench;
        match op {
            Op::Call { wait, size, manner, linger } => {
                let probe = manner == Manner::Probe;
                self.next += 1;
                let (wait, body) = (Duration::from_millis(wait), Bytes::from(vec![0; size]));
                let token = match linger && !probe {
                    true => Token::lingering(self.next, bench.now.instant + wait + 40 * MS),
                    false => Token::new(self.next),
                };
                self.lingering.extend(token.linger.map(|_| self.next));
                let gone = Rc::clone(&token.gone);
                if bench.put_token(token, wait, body, manner).is_ok() {
                    self.open.insert(self.next, gone);
                    self.probes.extend(probe.then_some(self.next));
                }
            }
            Op::Leave { which } => {
                if !self.open.is_empty() {
                    let gone = self.open.values().nth(which.index(self.open.len()));
                    gone.unwrap().set(true);
                }
            }
            Op::Lend => {
                let frames = bench.frames_delivered();
                let called =
                    |frame: Frame| Some((frame.header.ext.number("name")?, frame.header.opaque));
                self.read.extend(frames.into_iter().filter_map(called));
                let names = self.read.iter().map(|(name, _)| name);
                let in_order = names.filter(|name| !self.probes.contains(name)).is_sorted();
                assert!(in_order, "somebody was overtaken");
            }
            Op::Written => bench.link.handle_written(bench.written),
            Op::Answer { which, code } => {
                if !self.read.is_empty() {
                    let (_, opaque) = *which.get(&self.read);
                    bench.hear([answer(opaque, code)]);
                }
            }
            Op::Stray(opaque) => bench.hear([answer(opaque, 0)]),
            Op::Request(opaque) => bench.hear([request(opaque)]),
            Op::Pass(millis) => {
                bench.pass(Duration::from_millis(millis));
                bench.link.handle_timeout(bench.now);
                let due = bench.link.deadline();
                assert!(due.is_none_or(|due| due.at > bench.now.instant), "it is still due");
            }
            Op::Respond => bench.link.handle_respond(&answer(1, 3).header),
            Op::Close => bench.link.handle_closed(LinkError::ClosedByPeer),
            Op::Poll => self.settle(),
        }
    }

    /// Takes the events and crosses their tokens off; each can be crossed off once.
    fn settle(&mut self) {
        for told in self.bench.told() {
            let (name, sent) = match &told {
                Told::Answered(name, _) => (*name, true),
                Told::Failed(name, CallError::Full | CallError::Unsent(_)) => (*name, false),
                Told::Failed(name, CallError::Lost(_)) => (*name, true),
                Told::Failed(name, CallError::Expired { lent }) => (*name, *lent),
                Told::Failed(name, error) => panic!("{name} ended with {error}"),
                Told::Written(name) => (*name, true),
                Told::Request(_) | Told::GoAway | Told::InDoubt(_) => continue,
            };
            let overdue = matches!(told, Told::Failed(_, CallError::Expired { lent: true }));
            if !(overdue && self.lingering.remove(&name)) {
                assert!(self.open.remove(&name).is_some(), "{name} comes out twice");
            }
            let read = self.read.iter().any(|(read, _)| *read == name);
            assert_eq!(read, sent, "what is said of {name} is true");
        }
        let (in_flight, held) = self.bench.calls();
        assert_eq!(in_flight + held, self.open.len(), "every call is in flight, held or told");
        assert!(in_flight <= IN_FLIGHT_MAX + self.probes.len());
    }
}

/// What comes out of a link, and what the peer reads, when events are fetched after every step or
/// only at the end.
fn play(ops: &[Op], fetch_always: bool) -> (Vec<Told>, Vec<(u32, i32)>) {
    let mut model = Model::new();
    let mut told = Vec::new();
    for op in ops.iter().filter(|op| !matches!(op, Op::Poll)) {
        model.apply(op.clone());
        if fetch_always {
            told.extend(model.bench.told());
        }
    }
    told.extend(model.bench.told());
    model.bench.link.handle_closed(LinkError::Retired);
    told.extend(model.bench.told());
    (told, model.read)
}

proptest! {
    #[test]
    fn when_events_are_fetched_changes_none_of_them(
        ops in prop::collection::vec(any_op(), 0..200),
    ) {
        prop_assert_eq!(play(&ops, true), play(&ops, false));
    }

    #[test]
    fn every_token_comes_out_once_and_nothing_is_miscounted(
        ops in prop::collection::vec(any_op(), 0..200),
    ) {
        let mut model = Model::new();
        for op in ops {
            model.apply(op);
        }
        model.settle();
        model.apply(Op::Close);
        model.settle();
        prop_assert!(model.open.is_empty());
        model.bench.end();
    }
}
