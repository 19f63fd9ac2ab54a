//! Random lives of an accumulator, beside one that is too plain to be wrong.

use proptest::prelude::*;

use super::*;

const COUNT_MAX: usize = 4;
const BYTES_MAX: usize = 300;

#[derive(Clone, Debug)]
enum Op {
    Send(Shape),
    /// A caller does not wait any longer.
    Leave(prop::sample::Index),
    /// Milliseconds; every deadline on the way is kept.
    Pass(u32),
    Poll,
    Close,
}

/// What can make a difference about a message.
#[derive(Clone, Debug)]
struct Shape {
    topic: &'static str,
    ordered: Option<&'static str>,
    wait: bool,
    to_queue: bool,
    delayed: bool,
    body: usize,
}

fn any_shape() -> impl Strategy<Value = Shape> {
    let topic = prop::sample::select(vec!["T", "U"]);
    let ordered = prop::option::of(prop::sample::select(vec!["a", "b"]));
    let [wait, to_queue, delayed] = [0.8, 0.2, 0.1].map(prop::bool::weighted);
    (topic, ordered, wait, to_queue, delayed, 1_usize..200).prop_map(
        |(topic, ordered, wait, to_queue, delayed, body)| Shape {
            topic,
            ordered,
            wait,
            to_queue,
            delayed,
            body,
        },
    )
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        30 => any_shape().prop_map(Op::Send),
        3 => any::<prop::sample::Index>().prop_map(Op::Leave),
        6 => (0_u32..15).prop_map(Op::Pass),
        6 => Just(Op::Poll),
        1 => Just(Op::Close),
    ]
}

fn any_life() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(any_op(), 0..120)
}

impl Shape {
    fn message(&self) -> Message {
        let message = Message::new(self.topic, vec![b'x'; self.body]);
        let message = message.with_wait_store_ok(self.wait);
        let message = self.ordered.into_iter().fold(message, Message::with_sharding_key);
        if self.delayed { message.with_delay_level(1) } else { message }
    }

    fn options(&self) -> SendOptions {
        let options = SendOptions::new();
        if self.to_queue { options.with_queue(queue(self.topic)) } else { options }
    }

    fn shares_lane(&self, other: &Self) -> bool {
        self.ordered.is_some() && (self.topic, self.ordered) == (other.topic, other.ordered)
    }

    fn is_like(&self, other: &Self) -> bool {
        (self.topic, self.ordered, self.wait, self.to_queue)
            == (other.topic, other.ordered, other.wait, other.to_queue)
    }
}

/// The same machine, told plainly: it looks at everything each time.
#[derive(Default)]
struct Plain {
    sent: Vec<Shape>,
    /// In the order in which they were begun: when, and what came.
    gathering: Vec<(Instant, Vec<usize>)>,
    ready: Vec<Vec<usize>>,
    closed: bool,
}

impl Plain {
    fn let_go(&mut self, goes: impl Fn(&[usize], Instant) -> bool) {
        let all = std::mem::take(&mut self.gathering);
        for (since, members) in all {
            if goes(&members, since) {
                self.ready.push(members);
            } else {
                self.gathering.push((since, members));
            }
        }
    }

    fn send(&mut self, now: Instant, shape: &Shape) {
        let index = self.sent.len();
        self.sent.push(shape.clone());
        let sent = self.sent.clone();
        let bytes = |members: &[usize]| -> usize {
            members.iter().map(|member| sent[*member].message().encoded_len()).sum()
        };
        self.let_go(|members, _| {
            let first = &sent[members[0]];
            if first.is_like(shape) && !shape.delayed {
                bytes(members) + bytes(&[index]) > BYTES_MAX
            } else {
                first.shares_lane(shape)
            }
        });
        if shape.delayed {
            return;
        }
        match self.gathering.iter_mut().find(|(_, members)| sent[members[0]].is_like(shape)) {
            Some((_, members)) => members.push(index),
            None => self.gathering.push((now, vec![index])),
        }
        let closed = self.closed;
        self.let_go(|members, _| closed || members.len() == COUNT_MAX);
    }
}

/// Both of them, and all that has come out.
struct Life {
    now: Now,
    config: ProducerConfig,
    accumulator: Accumulator<Caller>,
    plain: Plain,
    callers: Vec<Caller>,
    left: Vec<Vec<usize>>,
}

impl Life {
    fn new() -> Self {
        let config = config().with_batch_size(COUNT_MAX).with_batch_bytes_max(BYTES_MAX);
        Self {
            now: Now::default(),
            accumulator: Accumulator::new(&config),
            config,
            plain: Plain::default(),
            callers: Vec::new(),
            left: Vec::new(),
        }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Send(shape) => self.send(shape),
            Op::Leave(_) if self.callers.is_empty() => {}
            Op::Leave(which) => which.get(&self.callers).gone.set(true),
            Op::Pass(ms) => self.pass(*ms * MS),
            Op::Poll => self.poll(),
            Op::Close => {
                self.accumulator.handle_close();
                self.plain.closed = true;
                self.plain.let_go(|_, _| true);
            }
        }
        let soonest = self.plain.gathering.first().map(|(since, _)| *since + LINGER);
        assert_eq!(self.accumulator.deadline().map(|deadline| deadline.at), soonest);
    }

    fn send(&mut self, shape: &Shape) {
        let name = self.callers.len() as u32;
        let caller = Caller { name, gone: Rc::default() };
        self.callers.push(caller.clone());
        self.plain.send(self.now.instant, shape);
        let message = shape.message();
        match lot_key(&self.config, &message, &shape.options(), &Choice::default()) {
            Some(key) => self.accumulator.handle_message(self.now, key, message, caller),
            None => self.accumulator.handle_lone(&message),
        }
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now.instant + time;
        while let Some(deadline) = self.accumulator.deadline().filter(|due| due.at <= until) {
            assert!(deadline.at > self.now.instant, "something is overdue");
            self.now.instant = deadline.at;
            self.accumulator.handle_timeout(self.now);
            self.plain.let_go(|_, since| since + LINGER <= deadline.at);
        }
        self.now.instant = until;
    }

    fn poll(&mut self) {
        let mut lots = Vec::new();
        while let Some(lot) = self.accumulator.poll() {
            self.check(&lot);
            lots.push(lot.waiters.iter().map(|caller| caller.name as usize).collect());
        }
        let mut expected = std::mem::take(&mut self.plain.ready);
        for members in &mut expected {
            members.retain(|member| !self.callers[*member].gone.get());
        }
        expected.retain(|members| !members.is_empty());
        assert_eq!(lots, expected);
        self.left.append(&mut lots);
    }

    /// What holds of every lot by itself.
    fn check(&self, lot: &Lot<Caller>) {
        assert!((1..=COUNT_MAX).contains(&lot.messages.len()));
        assert_eq!(lot.messages.len(), lot.waiters.len());
        assert!(lot.messages.iter().map(Message::encoded_len).sum::<usize>() <= BYTES_MAX);
        for (message, caller) in lot.messages.iter().zip(&lot.waiters) {
            assert!(!caller.gone.get(), "its caller has gone");
            let shape = &self.plain.sent[caller.name as usize];
            assert_eq!(*message, shape.message(), "it is somebody else's");
        }
    }

    /// Everybody who has stayed has left once, in order; returns all lots.
    fn finish(mut self) -> Vec<Vec<usize>> {
        self.apply(&Op::Close);
        self.poll();
        let Accumulator { gathering, schedule, ready, .. } = &self.accumulator;
        assert!(gathering.is_empty() && schedule.is_empty() && ready.is_empty());
        let sent = &self.plain.sent;
        let mut all = self.left.concat();
        for (place, early) in all.iter().enumerate() {
            let overtakes = |late: &usize| {
                let (early_shape, late_shape) = (&sent[*early], &sent[*late]);
                late < early
                    && (early_shape.is_like(late_shape) || early_shape.shares_lane(late_shape))
            };
            assert!(!all[place..].iter().any(overtakes), "{early} was overtaken");
        }
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "a message has left twice");
        for (index, caller) in self.callers.iter().enumerate() {
            let left = all.binary_search(&index).is_ok();
            assert!(left || sent[index].delayed || caller.gone.get(), "{index} is lost");
            assert_eq!(Rc::strong_count(&caller.gone), 1, "the token of {index} is kept");
        }
        self.left
    }
}

proptest! {
    #[test]
    fn whatever_happens_lots_are_those_of_a_plain_accumulator(ops in any_life()) {
        let mut life = Life::new();
        ops.iter().for_each(|op| life.apply(op));
        life.finish();
    }

    #[test]
    fn when_it_is_polled_changes_nothing(ops in any_life()) {
        let live = |often: bool| {
            let mut life = Life::new();
            for op in ops.iter().filter(|op| !matches!(op, Op::Leave(_) | Op::Poll)) {
                life.apply(op);
                if often {
                    life.poll();
                }
            }
            life.finish()
        };
        prop_assert_eq!(live(true), live(false));
    }
}
