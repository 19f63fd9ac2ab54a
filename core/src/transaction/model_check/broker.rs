//! The model of a broker, for one half message.

use crate::command::LocalTransactionState::{self, CommitMessage};

/// What a broker knows of one half message. Copies are numbered: the half message itself is 0, and
/// each question is about a fresh one.
///
/// A commit is published **each time** it is processed, whatever has become of its copy before: that
/// is what Apache RocketMQ does. That a copy is done is marked in memory, and written later.
#[derive(Clone, Debug, Default)]
pub(super) struct Broker {
    pub(super) stored: bool,
    /// The latest copy: the one that it asks about next, unless that is done.
    copy: u8,
    marked: bool,
    marks_written: bool,
    /// How often the message was published, durably and so that a crash may lose it.
    kept: u8,
    fresh: u8,
}

impl Broker {
    pub(super) fn new(stored: bool) -> Self {
        Self { stored, ..Self::default() }
    }

    /// It does not know yet how this has ended, as far as what is written tells.
    pub(super) fn may_ask(&self) -> bool {
        self.stored && !self.marks_written
    }

    /// It will never ask again, whatever happens.
    pub(super) fn is_done(&self) -> bool {
        self.marks_written
    }

    /// Asks about a fresh copy, which has no mark.
    pub(super) fn ask(&mut self) {
        self.copy += 1;
        self.marked = false;
    }

    pub(super) fn process(&mut self, copy: u8, state: LocalTransactionState) {
        self.fresh += u8::from(state == CommitMessage);
        self.marked |= copy == self.copy && !self.marks_written;
    }

    pub(super) fn has_unwritten(&self) -> bool {
        self.marked || self.fresh > 0
    }

    /// What is in memory is written: messages before marks.
    pub(super) fn write(&mut self) {
        self.kept += std::mem::take(&mut self.fresh);
        self.marks_written |= std::mem::take(&mut self.marked);
    }

    /// Marks that are not written are lost, and messages too, if they were not written either.
    pub(super) fn crash(&mut self, messages_lost: bool) {
        let fresh = std::mem::take(&mut self.fresh);
        self.kept += if messages_lost { 0 } else { fresh };
        self.marked = false;
    }

    /// How often consumers may have seen the message.
    pub(super) fn published(&self) -> u8 {
        self.kept + self.fresh
    }

    /// The message survives a crash.
    pub(super) fn has_kept_it(&self) -> bool {
        self.kept > 0
    }
}
