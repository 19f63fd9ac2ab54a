//! The table of transactions.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytestring::ByteString;

use super::{TransactionMetadata, TransactionStats, finals::Finals};
use crate::{
    command::{CheckBack, LocalTransactionState},
    ids::LinkId,
    model::{Message, ProducerConfig},
    time::{Deadline, Instant, Now, UnixMillis},
};

/// All transactions of one producer: those that are open, and a bounded memory of final states.
///
/// Pure data: whoever shares it puts it behind a short lock. Each function is one step of one
/// transaction, named by its id (the message's UNIQ_KEY), and steps may come in any order: that of
/// the producer's own task, those of check-backs, that of time.
///
/// * What [`decide`](Self::decide) has once said [`Decision::Tell`] about stays: no later final
///   state of that id is told to anybody, for as long as the memory reaches.
/// * Nothing stays in the table but what is open, for `transaction_timeout` at most, and the memory
///   of final states, bounded by `final_states_max` and `final_states_kept`.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct Transactions {
    timeout: Duration,
    max_check_times: u32,
    open: BTreeMap<ByteString, Open>,
    /// The same, soonest timeout first.
    schedule: BTreeSet<(Instant, ByteString)>,
    finals: Finals,
    counted: Counted,
    news: TransactionNews,
}

/// What has been counted since somebody asked last, to be told as events: see
/// [`Transactions::take_news`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionNews {
    /// Transactions of this producer's own that were dropped without a final state.
    pub timed_out: u64,
    /// Check-backs that were answered without asking the listener.
    pub overlooked: u64,
}

/// A transaction without a final state.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Open {
    message: Message,
    phase: Phase,
    /// The listener is being asked about it.
    asking: bool,
    create_time: UnixMillis,
    timeout: Duration,
    ends: Instant,
    check_times: u32,
    max_check_times: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Its half message is on its way, or its local transaction under way.
    Executing,
    /// Brokers are to ask.
    Unresolved,
    /// It is another producer's: known only for as long as it is asked about.
    Foreign,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    total: u64,
    committed: u64,
    rolled_back: u64,
    unknown: u64,
    checks: u64,
    checks_of_open: u64,
    checked: u64,
    timed_out: u64,
    unconfirmed: u64,
    overlooked: u64,
}

/// Whether a transaction may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Beginning {
    /// It is open from now on.
    Begun,
    /// One of this id is open already, or the message has no id.
    Open,
    /// One of this id has ended, and brokers that ask are told how: another end could not be told.
    Ended(LocalTransactionState),
}

/// What may be done about a final state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Tell the broker, then say [`Transactions::told`].
    Tell,
    /// The answer to a check-back has decided before: tell nobody.
    Already {
        /// What it said.
        state: LocalTransactionState,
        /// A broker has confirmed that.
        confirmed: bool,
    },
}

/// What is answered to a check-back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Answer {
    /// Ask the listener, then say [`Transactions::handle_listener`].
    Ask,
    /// This, at once.
    State {
        /// What to say.
        state: LocalTransactionState,
        /// It is this transaction's final state: say [`Transactions::told`] when that is over.
        settles: bool,
    },
}

impl Answer {
    const UNKNOWN: Self = Self::State { state: LocalTransactionState::Unknown, settles: false };
}

impl Transactions {
    /// An empty table with the configuration's limits.
    pub fn new(config: &ProducerConfig) -> Self {
        Self {
            timeout: config.transaction_timeout,
            max_check_times: config.max_check_times,
            open: BTreeMap::new(),
            schedule: BTreeSet::new(),
            finals: Finals::new(config.final_states_max, config.final_states_kept),
            counted: Counted::default(),
            news: TransactionNews::default(),
        }
    }

    /// Counts on from where another table, of the same producer's session before, has ended.
    pub fn count_on_from(&mut self, before: &Self) {
        self.counted = before.counted;
    }

    /// Counts from zero again, and says what was counted until now. What is open stays so.
    pub fn reset_stats(&mut self) -> TransactionStats {
        let stats = self.stats();
        self.counted = Counted::default();
        stats
    }

    /// What is to be told, whatever becomes of the statistics.
    pub fn take_news(&mut self) -> TransactionNews {
        std::mem::take(&mut self.news)
    }

    /// From now on transactions are dropped from the table after this long.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// From now on listeners are asked so many times about a transaction at most.
    pub fn set_max_check_times(&mut self, times: u32) {
        self.max_check_times = times;
    }

    /// A half message is about to be sent.
    pub fn begin(&mut self, now: Now, message: &Message) -> Beginning {
        let Some(id) = message.uniq_key().map(ByteString::from) else { return Beginning::Open };
        if self.open.contains_key(&id) {
            return Beginning::Open;
        }
        if let Some(known) = self.finals.get(&id) {
            return Beginning::Ended(known.state);
        }
        self.enter(now, id, message.clone(), Phase::Executing);
        Beginning::Begun
    }

    /// The half message was not stored, or nobody knows whether it was: there is no local
    /// transaction, and brokers that have it all the same ask the listener.
    pub fn not_sent(&mut self, id: &str) {
        self.remove(id);
    }

    /// The half message is stored.
    pub fn stored(&mut self) {
        self.counted.total += 1;
    }

    /// The local transaction has come to nothing that could be told: the listener does not know, has
    /// panicked, or was dropped with its caller.
    pub fn unresolved(&mut self, id: &str) {
        self.counted.unknown += 1;
        // It may have been timed out, and asked about since.
        if let Some(open) = self.open.get_mut(id)
            && open.phase == Phase::Executing
        {
            open.phase = Phase::Unresolved;
        }
    }

    /// A final state is about to be told. The first one stands.
    pub fn decide(&mut self, now: Now, id: &str, state: LocalTransactionState) -> Decision {
        self.remove(id);
        if let Some(known) = self.finals.get(id) {
            let (state, confirmed) = (known.state, known.confirmed_on.is_some());
            return Decision::Already { state, confirmed };
        }
        self.counted.committed += u64::from(state == LocalTransactionState::CommitMessage);
        self.counted.rolled_back += u64::from(state == LocalTransactionState::RollbackMessage);
        self.finals.decide(now.instant, id.into(), state);
        Decision::Tell
    }

    /// A final state was told: the broker has confirmed it on a connection, or has not.
    pub fn told(&mut self, id: &str, confirmed_on: Option<LinkId>) {
        self.counted.unconfirmed += u64::from(confirmed_on.is_none());
        self.finals.change(id, |known| {
            known.under_way = false;
            known.confirmed_on = confirmed_on.or(known.confirmed_on);
        });
    }

    /// A broker asks. What it asks about is a fresh copy of the half message.
    ///
    /// A copy of what this broker has confirmed **on this very connection** is rolled back, also
    /// when that was a commit: the broker asks because it has not marked the half message as done
    /// yet, and to commit its copy would deliver the message twice. Once that connection is lost,
    /// the broker may have crashed and lost what it confirmed: it is told the final state again, at
    /// least once being the better mistake.
    ///
    /// While the local transaction is under way, or a broker is being told of its end, or the
    /// listener is being asked, the answer is *unknown*: it will ask again.
    pub fn handle_check(&mut self, now: Now, link: LinkId, check: &CheckBack) -> Answer {
        let id = &check.half.transaction_id;
        self.counted.checks += 1;
        if let Some(answer) = self.answer_by_heart(link, id) {
            return answer;
        }
        if !self.open.contains_key(id) {
            self.enter(now, id.clone(), check.message.clone(), Phase::Foreign);
        }
        let Some(open) = self.open.get_mut(id) else { return Answer::UNKNOWN };
        self.counted.checks_of_open += 1;
        self.counted.checked += u64::from(open.check_times == 0);
        open.check_times = check.check_times.max(open.check_times.saturating_add(1));
        if open.asking || open.phase == Phase::Executing {
            return Answer::UNKNOWN;
        }
        if open.check_times > open.max_check_times {
            self.forget_foreign(id);
            return Answer::UNKNOWN;
        }
        open.asking = true;
        Answer::Ask
    }

    /// The answer where the final state is known.
    fn answer_by_heart(&mut self, link: LinkId, id: &str) -> Option<Answer> {
        let known = self.finals.get(id)?;
        Some(match known.confirmed_on {
            _ if known.under_way => Answer::UNKNOWN,
            Some(on) if on == link => {
                Answer::State { state: LocalTransactionState::RollbackMessage, settles: false }
            }
            _ => {
                self.finals.change(id, |known| known.under_way = true);
                Answer::State { state: known.state, settles: true }
            }
        })
    }

    /// The listener has answered a check-back that came on this connection.
    pub fn handle_listener(
        &mut self,
        now: Now,
        link: LinkId,
        id: &str,
        state: LocalTransactionState,
    ) -> Answer {
        if let Some(open) = self.open.get_mut(id) {
            open.asking = false;
        }
        // Its own local transaction may have come to its end meanwhile.
        if let Some(answer) = self.answer_by_heart(link, id) {
            return answer;
        }
        if state == LocalTransactionState::Unknown {
            self.forget_foreign(id);
            return Answer::UNKNOWN;
        }
        match self.decide(now, id, state) {
            Decision::Tell => Answer::State { state, settles: true },
            Decision::Already { .. } => Answer::UNKNOWN,
        }
    }

    /// A check-back was answered without this table: there is no listener, or no room.
    pub fn overlooked(&mut self, id: Option<&str>) {
        self.counted.overlooked += 1;
        self.news.overlooked += 1;
        let Some(id) = id else { return };
        if let Some(open) = self.open.get_mut(id) {
            open.asking = false;
        }
        self.forget_foreign(id);
    }

    /// Drops what is too old.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((ends, id)) = self.schedule.first()
            && *ends <= now.instant
        {
            let id = id.clone();
            let own = self.remove(&id).is_some_and(|open| open.phase != Phase::Foreign);
            self.counted.timed_out += u64::from(own);
            self.news.timed_out += u64::from(own);
        }
        self.finals.handle_timeout(now.instant);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn deadline(&self) -> Option<Deadline> {
        let open = self.schedule.first().map(|(ends, _)| *ends);
        let open = open.map(|at| Deadline { at, why: "a transaction is without a final state" });
        let forget = self.finals.deadline();
        let forget = forget.map(|at| Deadline { at, why: "a final state is to be forgotten" });
        Deadline::sooner(open, forget)
    }

    /// How often brokers have asked about a transaction that is open.
    pub fn check_times(&self, id: &str) -> u32 {
        self.open.get(id).map_or(0, |open| open.check_times)
    }

    /// The transactions that are open.
    pub fn open(&self) -> Vec<TransactionMetadata> {
        let tell = |(id, open): (&ByteString, &Open)| TransactionMetadata {
            transaction_id: id.to_string(),
            message: open.message.clone(),
            local_state: LocalTransactionState::Unknown,
            create_time: open.create_time,
            timeout: open.timeout,
            check_times: open.check_times,
            max_check_times: open.max_check_times,
        };
        self.open.iter().map(tell).collect()
    }

    /// What was counted.
    pub fn stats(&self) -> TransactionStats {
        let Counted { checks, checks_of_open, checked, .. } = self.counted;
        let average = checks_of_open as f64 / checked.max(1) as f64;
        TransactionStats {
            total_transactions: self.counted.total,
            committed_transactions: self.counted.committed,
            rolled_back_transactions: self.counted.rolled_back,
            unknown_transactions: self.counted.unknown,
            avg_check_times: average,
            checks,
            overlooked_checks: self.counted.overlooked,
            timed_out: self.counted.timed_out,
            unconfirmed: self.counted.unconfirmed,
            open: self.open.len(),
            remembered: self.finals.len(),
        }
    }

    fn enter(&mut self, now: Now, id: ByteString, message: Message, phase: Phase) {
        let ends = now.instant + self.timeout;
        self.schedule.insert((ends, id.clone()));
        let open = Open {
            message,
            phase,
            asking: false,
            create_time: now.wall,
            timeout: self.timeout,
            ends,
            check_times: 0,
            max_check_times: self.max_check_times,
        };
        self.open.insert(id, open);
    }

    fn remove(&mut self, id: &str) -> Option<Open> {
        let (id, open) = self.open.remove_entry(id)?;
        self.schedule.remove(&(open.ends, id));
        Some(open)
    }

    /// What another producer has begun is kept only while it is asked about.
    fn forget_foreign(&mut self, id: &str) {
        if self.open.get(id).is_some_and(|open| open.phase == Phase::Foreign) {
            self.remove(id);
        }
    }
}
