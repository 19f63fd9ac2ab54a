//! What must hold at any time.

use super::{Stage, World, at, check, named};
use crate::{
    command::LocalTransactionState::{CommitMessage, Unknown},
    transaction::Answer,
};

impl World {
    /// What is wrong with this state, `at_rest` when nothing more can happen.
    pub(in super::super) fn wrongs(&self, at_rest: bool) -> impl Iterator<Item = &'static str> {
        let published = self.broker.published();
        let stats = self.table.stats();
        let expects = self.table.deadline().is_some();
        let wrong = [
            (
                published > 0 && self.decided != Some(CommitMessage),
                "published, and never committed",
            ),
            (
                !self.bounds.hasty && published > 0 && self.truth != Some(CommitMessage),
                "published in spite of the truth",
            ),
            (published > 1 && !self.disturbed, "published twice for no reason"),
            (
                self.decided == Some(CommitMessage)
                    && self.broker.is_done()
                    && !self.broker.has_kept_it(),
                "the message is lost",
            ),
            (
                self.confirmed != 0
                    && self.decided == Some(CommitMessage)
                    && !self.disturbed
                    && published != 1,
                "confirmed, and not published",
            ),
            (expects != (stats.open + stats.remembered > 0), "a wrong deadline"),
            (stats.timed_out > 1, "timed out twice"),
            (stats.open + stats.remembered > 1, "open, and decided"),
            (self.leaves_a_question_open(), "nobody sees to a question"),
            (self.never_ends(), "something stays in the table for ever"),
            (
                at_rest && self.strands.iter().any(|strand| strand.stage != Stage::Over),
                "somebody waits for ever",
            ),
        ];
        let wrong = wrong.into_iter().filter(|(is, _)| *is).map(|(_, what)| what);
        wrong.chain(self.broken)
    }

    /// A question that came now would be put off, though nobody is about to answer it.
    fn leaves_a_question_open(&self) -> bool {
        let seen_to = self.strands.iter().any(|strand| match strand.stage {
            Stage::ToTell { settles, .. } | Stage::Told { settles, .. } => settles,
            Stage::Coming | Stage::Over => false,
            _ => true,
        });
        let mut table = self.table.clone();
        let answer = table.handle_check(at(self.tick), named(self.link), &check(0));
        !seen_to && matches!(answer, Answer::State { state: Unknown, .. })
    }

    /// The local transaction has not come to its end yet, nor been timed out.
    pub(super) fn is_under_way(&self) -> bool {
        let under_way = [Stage::Sending, Stage::Executing, Stage::Ended];
        under_way.contains(&self.strands[0].stage) && self.table.stats().timed_out == 0
    }

    fn never_ends(&self) -> bool {
        let mut table = self.table.clone();
        table.handle_timeout(at(u8::MAX));
        let stats = table.stats();
        table.deadline().is_some() || stats.open + stats.remembered > 0
    }
}
