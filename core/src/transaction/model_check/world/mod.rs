//! One transaction, its table, its broker and all that is between them.

mod laws;
mod steps;

use std::{fmt::Write as _, time::Duration};

pub(super) use self::steps::Step;
use super::{Bounds, broker::Broker};
use crate::{
    command::{
        CheckBack, HalfMessage,
        LocalTransactionState::{self, CommitMessage, RollbackMessage, Unknown},
    },
    ids::LinkId,
    model::{Message, ProducerConfig},
    time::{Instant, Now, UnixMillis},
    transaction::{Answer, Beginning, Decision, Transactions},
};

const ID: &str = "T1";
/// After this long a transaction is dropped from the table.
const TICK: Duration = Duration::from_secs(1);

/// Where somebody is who has a final state to tell, or is to find out which.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// The half message is on its way.
    Sending,
    Executing,
    /// The local transaction has come to its end, and its caller has yet to say so.
    Ended,
    /// A question is on its way.
    Coming,
    /// The listener is to be asked.
    Asking,
    /// The listener has looked, and has yet to say what it has seen.
    Looked(LocalTransactionState),
    /// The broker is to be told.
    ToTell {
        state: LocalTransactionState,
        settles: bool,
    },
    /// It has been told, on this connection.
    Told {
        on: u8,
        settles: bool,
    },
    Over,
}

/// What of it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wire {
    Nothing,
    Sent(LocalTransactionState),
    Read,
}

#[derive(Clone, Copy, Debug)]
struct Strand {
    /// The connection on which it was asked.
    link: u8,
    stage: Stage,
    wire: Wire,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    bounds: Bounds,
    table: Transactions,
    broker: Broker,
    /// The local transaction's own, and one for each question.
    strands: Vec<Strand>,
    /// What the local transaction has come to, whether or not its caller knows.
    truth: Option<LocalTransactionState>,
    link: u8,
    tick: u8,
    shut: bool,
    /// The first final state that was to be told.
    decided: Option<LocalTransactionState>,
    /// Connections on which that was confirmed, a bit for each.
    confirmed: u8,
    /// Something has happened that makes it right to publish again.
    disturbed: bool,
    /// What went wrong in a step.
    broken: Option<&'static str>,
    /// What the last step has shown.
    pub(super) shown: Option<&'static str>,
}

impl World {
    pub(super) fn new(bounds: Bounds) -> Self {
        let config = ProducerConfig::default()
            .with_transaction_timeout(TICK)
            .with_final_states_kept(TICK * u32::from(bounds.kept));
        let mut table = Transactions::new(&config);
        let stage = if bounds.foreign { Stage::Over } else { Stage::Sending };
        assert!(bounds.foreign || table.begin(at(0), &message()) == Beginning::Begun);
        Self {
            bounds,
            table,
            broker: Broker::new(bounds.foreign),
            strands: vec![Strand { link: 0, stage, wire: Wire::Nothing }],
            truth: None,
            link: 0,
            tick: 0,
            shut: false,
            decided: None,
            confirmed: 0,
            disturbed: false,
            broken: None,
            shown: None,
        }
    }

    pub(super) fn take(&mut self, step: Step) {
        self.shown = None;
        match step {
            Step::HalfIsStored => self.broker.stored = true,
            Step::HalfIsAcknowledged => self.begin(),
            Step::HalfIsGivenUp => self.not_sent(),
            Step::LocalTransactionEnds(state) => self.end(state),
            Step::Decide => self.decide(),
            Step::Unresolved => self.unresolved(),
            Step::BrokerAsks => self.ask(),
            Step::QuestionComes(copy) => self.come(copy),
            Step::ListenerLooks(copy, state) => self.strand(copy).stage = Stage::Looked(state),
            Step::ListenerAnswers(copy, state) => self.answer(copy, state),
            Step::GiveUp(copy) => self.give_up(copy),
            Step::Write(copy) => self.write(copy),
            Step::Abandon(copy) => self.abandon(copy),
            Step::BrokerReads(copy, state) => self.read(copy, state),
            Step::NeverRead(copy) => self.strand(copy).wire = Wire::Nothing,
            Step::Confirm(copy) => self.confirm(copy),
            Step::BrokerWrites => self.broker.write(),
            Step::Reconnect => self.reconnect(),
            Step::Crash { messages_lost } => self.crash(messages_lost),
            Step::Shutdown => self.shut_down(),
            Step::TimePasses => self.tick += 1,
            Step::TableIsWoken => self.wake(),
        }
    }

    fn strand(&mut self, copy: u8) -> &mut Strand {
        &mut self.strands[usize::from(copy)]
    }

    fn begin(&mut self) {
        self.table.stored();
        self.strand(0).stage = Stage::Executing;
    }

    fn not_sent(&mut self) {
        self.table.not_sent(ID);
        self.strand(0).stage = Stage::Over;
    }

    fn unresolved(&mut self) {
        self.table.unresolved(ID);
        self.strand(0).stage = Stage::Over;
    }

    fn end(&mut self, state: LocalTransactionState) {
        self.truth = Some(state);
        if self.strands[0].stage == Stage::Executing {
            self.strands[0].stage = Stage::Ended;
        }
    }

    fn decide(&mut self) {
        let Some(state) = self.truth else { return };
        match self.table.decide(at(self.tick), ID, state) {
            Decision::Tell => self.is_to_tell(0, state, true),
            Decision::Already { state: told, .. } => {
                let same = told == state;
                self.shown = Some(if same { "overtaken" } else { "overtaken by the opposite" });
                self.strand(0).stage = Stage::Over;
            }
        }
    }

    /// Decided is decided, but for a copy of what was confirmed on the very connection.
    fn is_to_tell(&mut self, copy: u8, state: LocalTransactionState, settles: bool) {
        let Strand { link, .. } = *self.strand(copy);
        let first = *self.decided.get_or_insert(state);
        let by_heart = state == RollbackMessage && self.confirmed & (1 << link) != 0;
        if if settles { first != state } else { !by_heart } {
            self.broken = Some("what is told is not what was decided");
        }
        self.strand(copy).stage = Stage::ToTell { state, settles };
    }

    fn ask(&mut self) {
        self.broker.ask();
        self.strands.push(Strand { link: self.link, stage: Stage::Coming, wire: Wire::Nothing });
    }

    fn come(&mut self, copy: u8) {
        if self.shut {
            self.table.overlooked(None);
            self.shown = Some("overlooked: the producer has ended");
            self.strand(copy).stage = Stage::Over;
            return;
        }
        let on = named(self.strand(copy).link);
        let answer = self.table.handle_check(at(self.tick), on, &check(copy));
        self.shown = match answer {
            Answer::State { state: Unknown, .. } => Some("put off"),
            Answer::State { settles: false, .. } if self.decided == Some(CommitMessage) => {
                Some("answered by heart")
            }
            Answer::State { settles: true, .. } if self.confirmed != 0 => {
                Some("told again on a new connection")
            }
            Answer::State { settles: true, .. } => Some("told again, for nobody has confirmed it"),
            Answer::Ask if self.is_under_way() => {
                self.broken = Some("asked about a local transaction that is under way");
                None
            }
            Answer::Ask | Answer::State { .. } => None,
        };
        self.follow(copy, answer);
    }

    fn follow(&mut self, copy: u8, answer: Answer) {
        match answer {
            Answer::Ask => self.strand(copy).stage = Stage::Asking,
            Answer::State { state: Unknown, .. } => self.strand(copy).stage = Stage::Over,
            Answer::State { state, settles } => self.is_to_tell(copy, state, settles),
        }
    }

    fn answer(&mut self, copy: u8, state: LocalTransactionState) {
        let on = named(self.strand(copy).link);
        let answer = self.table.handle_listener(at(self.tick), on, ID, state);
        if answer == Answer::Ask {
            self.broken = Some("a listener that has answered is asked again");
        }
        if !matches!(answer, Answer::State { state: told, .. } if told == state) {
            self.shown = Some("the listener was too slow");
        }
        self.follow(copy, answer);
    }

    /// Nobody sees to it any more, before a byte of it was written.
    fn give_up(&mut self, copy: u8) {
        if copy > 0 {
            self.table.overlooked(Some(ID));
            self.shown = Some("overlooked");
        }
        if let Stage::ToTell { settles: true, .. } = self.strand(copy).stage {
            self.table.told(ID, None);
        }
        self.strand(copy).stage = Stage::Over;
    }

    fn write(&mut self, copy: u8) {
        let on = self.link;
        let strand = self.strand(copy);
        if let Stage::ToTell { state, settles } = strand.stage {
            strand.stage = Stage::Told { on, settles };
            strand.wire = Wire::Sent(state);
        }
    }

    /// The answer is not waited for any longer.
    fn abandon(&mut self, copy: u8) {
        let strand = self.strand(copy);
        let settles = matches!(strand.stage, Stage::Told { settles: true, .. });
        strand.stage = Stage::Over;
        if strand.wire == Wire::Read {
            strand.wire = Wire::Nothing;
        }
        if settles {
            self.table.told(ID, None);
            self.disturbed = true;
        }
    }

    fn read(&mut self, copy: u8, state: LocalTransactionState) {
        self.broker.process(copy, state);
        let strand = self.strand(copy);
        strand.wire = if strand.stage == Stage::Over { Wire::Nothing } else { Wire::Read };
    }

    fn confirm(&mut self, copy: u8) {
        let strand = self.strand(copy);
        let stage = std::mem::replace(&mut strand.stage, Stage::Over);
        strand.wire = Wire::Nothing;
        if let Stage::Told { on, settles: true } = stage {
            self.table.told(ID, Some(named(on)));
            self.confirmed |= 1 << on;
        }
    }

    /// What was on its way to the producer is lost; what was on its way to the broker may be.
    fn reconnect(&mut self) {
        for copy in 0..=self.questions() {
            match self.strand(copy).stage {
                Stage::Coming => self.strand(copy).stage = Stage::Over,
                Stage::Told { .. } => self.abandon(copy),
                _ => {}
            }
        }
        self.link += 1;
        self.disturbed = true;
    }

    fn crash(&mut self, messages_lost: bool) {
        self.reconnect();
        self.broker.crash(messages_lost);
        self.strands.iter_mut().for_each(|strand| strand.wire = Wire::Nothing);
    }

    /// What waits in the queue is overlooked; a listener that is at it may go on.
    fn shut_down(&mut self) {
        self.shut = true;
        for copy in 1..=self.questions() {
            if let Stage::Asking | Stage::ToTell { .. } = self.strand(copy).stage {
                self.give_up(copy);
            }
        }
    }

    fn wake(&mut self) {
        let before = self.table.stats();
        self.table.handle_timeout(at(self.tick));
        let after = self.table.stats();
        if after.remembered < before.remembered {
            self.disturbed = true;
            self.shown = Some("forgotten");
        }
        if after.timed_out > before.timed_out {
            self.shown = Some("timed out");
        }
    }

    fn questions(&self) -> u8 {
        (0..).zip(&self.strands).map(|(copy, _)| copy).last().unwrap_or(0)
    }

    /// All that the future depends on: what is counted, the last thing in a table, is not of it, nor
    /// the connection of a question that is over.
    pub(super) fn key(&self) -> String {
        let mut key = format!("{:?} {:?}", (self.link, self.tick, self.shut), self.broker);
        for Strand { link, stage, wire } in &self.strands {
            let link = Some(link).filter(|_| *stage != Stage::Over);
            let _ = write!(key, " {:?}", (link, stage, wire));
        }
        let known = (self.truth, self.decided, self.confirmed, self.disturbed, self.broken);
        let timed_out = self.table.stats().timed_out;
        let _ = write!(key, " {known:?} {timed_out} {:?}", self.table);
        key.truncate(key.rfind("counted:").unwrap_or(key.len()));
        key
    }
}

fn at(tick: u8) -> Now {
    let instant = Instant::default() + TICK * u32::from(tick);
    Now { instant, wall: UnixMillis::default() }
}

fn named(link: u8) -> LinkId {
    LinkId { slot: 0, generation: link.into() }
}

fn message() -> Message {
    Message::new("T", "").with_uniq_key(ID)
}

fn check(copy: u8) -> CheckBack {
    CheckBack {
        half: HalfMessage {
            topic: "T".into(),
            transaction_id: ID.into(),
            half_queue_offset: copy.into(),
            commit_log_offset: copy.into(),
        },
        message: message(),
        group: "G".into(),
        broker_name: "B".into(),
        check_times: copy.into(),
        region: None,
    }
}
