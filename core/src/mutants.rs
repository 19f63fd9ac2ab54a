//! Known bugs, to be switched on by tests that must catch them.
//!
//! A simulation that finds nothing proves nothing unless it would find something. With the feature
//! `mutants`, which is for this project's own tests alone, a thread can make the machines on it
//! behave as clients of other languages do, or as this one would after a careless change.

/// One known bug.
#[cfg_attr(not(feature = "mutants"), expect(unreachable_pub, reason = "for tests alone"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// The first attempt may take all the time that a send has.
    OneDeadlineForTheFirstBroker,
    /// What was held for room stays there when its time is up.
    ExpiredCallsStay,
    /// Nothing else is dialled while a dial is under way.
    OneDialAtATime,
    /// An answer is taken for whatever call sits where its own did. It takes a scenario: answers
    /// that come after the whole send's end are rare.
    AnswersByPlace,
    /// A caller that goes leaves half of its frame in the stream.
    HalfAFrame,
    /// Bytes that were lent to a socket that then died are called unsent.
    LentIsUnsent,
    /// What was held is queued behind the driver's back when all before it has expired. It takes a
    /// scenario: by chance, a queue hardly ever expires as a whole.
    LendingLooksOnce,
    /// Calls on a connection that ends are dropped without an answer.
    LostCallsAreForgotten,
    /// The pause before an attempt takes no heed of the deadline.
    PausesBeyondTheDeadline,
    /// Retired connections end in the order of their names, not of their times.
    RetiredByName,
    /// Brokers never hear from the producer but by its sends.
    NoHeartbeats,
    /// A code that proves nothing is taken for a refusal.
    MaybeStoredIsRejected,
    /// `retry_unknown = false` changes nothing.
    AtMostOnceIsNot,
    /// A broker that has fallen ill is never tried again.
    UnhealthyForEver,
    /// Messages of one sharding key do not wait for each other.
    OrderedInParallel,
    /// A send that is given up keeps its permit.
    PermitsAreLost,
    /// What has failed once is not tried again.
    NoRetries,
    /// What is sent is compressed anew at each attempt, on top of what it was.
    PreparedAtEachAttempt,
    /// A commit that was sent is not remembered: a late check-back about it is answered as the
    /// listener says. It takes a scenario: at least once is kept.
    FinalStatesAreForgotten,
    /// What brokers ask about half messages is not heard.
    ChecksAreDropped,
    /// A busy broker is given as much as before.
    WindowNeverShrinks,
    /// The trace tells of each send twice.
    RecordsAreToldTwice,
    /// What the trace has no room for is forgotten without a word.
    DropsAreNotCounted,
    /// The trace takes every transaction's end for a commit.
    EveryEndIsACommit,
}

#[cfg(feature = "mutants")]
impl Mutant {
    /// Those that show in the random lives of clusters.
    pub const SHOWN_BY_CHANCE: [Self; 19] = [
        Self::OneDeadlineForTheFirstBroker,
        Self::ExpiredCallsStay,
        Self::OneDialAtATime,
        Self::HalfAFrame,
        Self::LentIsUnsent,
        Self::LostCallsAreForgotten,
        Self::PausesBeyondTheDeadline,
        Self::RetiredByName,
        Self::NoHeartbeats,
        Self::MaybeStoredIsRejected,
        Self::AtMostOnceIsNot,
        Self::PermitsAreLost,
        Self::NoRetries,
        Self::OrderedInParallel,
        Self::PreparedAtEachAttempt,
        Self::ChecksAreDropped,
        Self::RecordsAreToldTwice,
        Self::DropsAreNotCounted,
        Self::EveryEndIsACommit,
    ];
}

#[cfg(feature = "mutants")]
mod switch {
    use std::cell::Cell;

    use super::Mutant;

    thread_local! {
        static ON: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Switches a bug on for the machines on this thread, or all of them off.
    pub fn switch_on(mutant: Option<Mutant>) {
        ON.set(mutant);
    }

    pub(crate) fn is_on(mutant: Mutant) -> bool {
        ON.get() == Some(mutant)
    }
}

#[cfg(feature = "mutants")]
pub(crate) use switch::is_on;
#[cfg(feature = "mutants")]
pub use switch::switch_on;

/// Never, in a product.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn is_on(_: Mutant) -> bool {
    false
}
