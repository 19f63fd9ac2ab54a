//! What may happen.

use super::{Stage, Strand, Wire, World, at};
use crate::command::LocalTransactionState::{self, CommitMessage, RollbackMessage, Unknown};

/// One thing that happens. Copies say whose: 0 is the local transaction itself, and the others are
/// the questions.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Step {
    HalfIsStored,
    HalfIsAcknowledged,
    HalfIsGivenUp,
    LocalTransactionEnds(LocalTransactionState),
    Decide,
    Unresolved,
    BrokerAsks,
    QuestionComes(u8),
    ListenerLooks(u8, LocalTransactionState),
    ListenerAnswers(u8, LocalTransactionState),
    GiveUp(u8),
    Write(u8),
    Abandon(u8),
    BrokerReads(u8, LocalTransactionState),
    NeverRead(u8),
    Confirm(u8),
    BrokerWrites,
    Reconnect,
    Crash { messages_lost: bool },
    Shutdown,
    TimePasses,
    TableIsWoken,
}

impl World {
    /// All that may happen next.
    pub(in super::super) fn steps(&self) -> Vec<Step> {
        let mut steps = self.steps_of_all();
        for (copy, strand) in (0..).zip(&self.strands) {
            self.steps_of(copy, *strand, &mut steps);
        }
        steps
    }

    fn steps_of_all(&self) -> Vec<Step> {
        let may_ask = self.broker.may_ask() && self.questions() < self.bounds.questions;
        let due =
            self.table.deadline().is_some_and(|deadline| deadline.at <= at(self.tick).instant);
        let up = !self.shut && self.link < self.bounds.losses;
        let ends = self.truth.is_none() && self.strands[0].stage != Stage::Sending;
        let all = [
            (ends, Step::LocalTransactionEnds(CommitMessage)),
            (ends, Step::LocalTransactionEnds(RollbackMessage)),
            (may_ask, Step::BrokerAsks),
            (self.broker.has_unwritten(), Step::BrokerWrites),
            (up, Step::Reconnect),
            (up, Step::Crash { messages_lost: false }),
            (up, Step::Crash { messages_lost: true }),
            (!self.shut, Step::Shutdown),
            (self.tick < self.bounds.ticks, Step::TimePasses),
            (due, Step::TableIsWoken),
        ];
        all.into_iter().filter(|(may, _)| *may).map(|(_, step)| step).collect()
    }

    fn steps_of(&self, copy: u8, strand: Strand, steps: &mut Vec<Step>) {
        match strand.stage {
            Stage::Sending if self.broker.stored => {
                steps.extend([Step::HalfIsAcknowledged, Step::HalfIsGivenUp]);
            }
            Stage::Sending => steps.extend([Step::HalfIsStored, Step::HalfIsGivenUp]),
            Stage::Executing => steps.push(Step::Unresolved),
            Stage::Ended => steps.extend([Step::Decide, Step::Unresolved]),
            Stage::Coming => steps.push(Step::QuestionComes(copy)),
            Stage::Asking => {
                steps.extend(self.views().map(|state| Step::ListenerLooks(copy, state)));
                steps.push(Step::GiveUp(copy));
            }
            Stage::Looked(state) => {
                steps.extend([Step::ListenerAnswers(copy, state), Step::GiveUp(copy)]);
            }
            Stage::ToTell { .. } => {
                let reached = !self.shut && (copy == 0 || strand.link == self.link);
                steps.extend(reached.then_some(Step::Write(copy)));
                steps.push(Step::GiveUp(copy));
            }
            Stage::Told { .. } => {
                steps.extend((strand.wire == Wire::Read).then_some(Step::Confirm(copy)));
                steps.extend(self.bounds.impatient.then_some(Step::Abandon(copy)));
            }
            Stage::Over => {}
        }
        if let Wire::Sent(state) = strand.wire {
            steps.push(Step::BrokerReads(copy, state));
            let gone = strand.stage == Stage::Over;
            steps.extend(gone.then_some(Step::NeverRead(copy)));
        }
    }

    /// What a listener may say at this moment.
    fn views(&self) -> impl Iterator<Item = LocalTransactionState> {
        let anything = self.bounds.hasty && self.truth.is_none();
        let more = if anything { &[CommitMessage, RollbackMessage][..] } else { &[] };
        std::iter::once(self.truth.unwrap_or(Unknown)).chain(more.iter().copied())
    }
}
