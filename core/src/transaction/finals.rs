//! The bounded memory of what was decided.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytestring::ByteString;

use crate::{
    command::LocalTransactionState,
    ids::LinkId,
    mutants::{Mutant::FinalStatesAreForgotten, is_on},
    time::Instant,
};

/// A final state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Final {
    /// Commit or rollback.
    pub(super) state: LocalTransactionState,
    /// The connection on which a broker has confirmed it last; none until one has.
    pub(super) confirmed_on: Option<LinkId>,
    /// A broker is being told.
    pub(super) under_way: bool,
}

/// Final states, the oldest forgotten first: by age, and when there are too many.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Finals {
    count_max: usize,
    age_max: Duration,
    states: BTreeMap<ByteString, Final>,
    order: VecDeque<(Instant, ByteString)>,
}

impl Finals {
    pub(super) fn new(count_max: usize, age_max: Duration) -> Self {
        Self { count_max, age_max, states: BTreeMap::new(), order: VecDeque::new() }
    }

    pub(super) fn get(&self, id: &str) -> Option<Final> {
        self.states.get(id).copied().filter(|_| !is_on(FinalStatesAreForgotten))
    }

    pub(super) fn change(&mut self, id: &str, change: impl FnOnce(&mut Final)) {
        if let Some(known) = self.states.get_mut(id) {
            change(known);
        }
    }

    /// Remembers what was decided and is about to be told, once and for all.
    pub(super) fn decide(&mut self, now: Instant, id: ByteString, state: LocalTransactionState) {
        while self.states.len() >= self.count_max
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.states.remove(&oldest);
        }
        self.order.push_back((now + self.age_max, id.clone()));
        self.states.insert(id, Final { state, confirmed_on: None, under_way: true });
    }

    /// Forgets what is too old.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, id)) = self.order.pop_front() {
                self.states.remove(&id);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// When the oldest is to be forgotten.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.order.front().map(|(until, _)| *until)
    }
}
