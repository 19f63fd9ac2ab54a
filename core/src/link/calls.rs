//! Calls in flight, by opaque.

use std::{cmp::Reverse, ops::Range, time::Duration};

use crate::{
    mutants::{Mutant::AnswersByPlace, is_on},
    time::Instant,
};

/// One call that awaits its answer.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) opaque: i32,
    /// Where its bytes are in the stream; none while it waits for room.
    pub(super) place: Option<Range<u64>>,
    pub(super) deadline: Instant,
    /// How long an answer is still of use after the deadline.
    pub(super) linger: Option<Instant>,
    /// A probe's patience, renewed whenever the peer is heard.
    pub(super) patience: Option<Duration>,
    /// It is not answered.
    pub(super) oneway: bool,
    /// The window's, when it was queued.
    pub(super) round: u32,
    pub(super) token: T,
}

impl<T> Entry<T> {
    pub(super) fn is_probe(&self) -> bool {
        self.patience.is_some()
    }

    /// True when bytes of the call have been lent out, all up to `lent_end` having been.
    pub(super) fn is_lent(&self, lent_end: u64) -> bool {
        self.place.as_ref().is_some_and(|place| place.start < lent_end)
    }
}

const CAPACITY_MIN: usize = 64;
/// A ring of this size is worth keeping for the next burst.
const CAPACITY_KEPT: usize = 4_096;

/// A ring of entries, indexed by the low bits of the opaque.
///
/// Opaques count up through all 31 bits before one returns, so an answer that comes after its call
/// has expired finds either nothing or an entry with another opaque, never another call. Where a
/// slow call still sits on the next place, that opaque is passed over.
#[derive(Debug)]
pub(super) struct Calls<T> {
    /// A power of two long, at most half full.
    slots: Vec<Option<Entry<T>>>,
    len: usize,
    probes: usize,
    next: i32,
}

impl<T> Calls<T> {
    pub(super) fn new(first_opaque: i32) -> Self {
        Self { slots: empty(CAPACITY_MIN), len: 0, probes: 0, next: first_opaque & i32::MAX }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Those that need no room.
    pub(super) fn probes(&self) -> usize {
        self.probes
    }

    /// The opaque that the next [`insert`](Self::insert) is to use.
    pub(super) fn vacant(&mut self) -> i32 {
        if self.len * 2 >= self.slots.len() {
            self.grow();
        }
        while matches!(self.slots.get(self.index(self.next)), Some(Some(_))) {
            self.next = self.next.wrapping_add(1) & i32::MAX;
        }
        self.next
    }

    /// An opaque for what is not answered; no call will have it soon.
    pub(super) fn pass_over(&mut self) -> i32 {
        let opaque = self.vacant();
        self.next = opaque.wrapping_add(1) & i32::MAX;
        opaque
    }

    pub(super) fn insert(&mut self, entry: Entry<T>) {
        let index = self.index(entry.opaque);
        self.next = entry.opaque.wrapping_add(1) & i32::MAX;
        if let Some(slot) = self.slots.get_mut(index) {
            self.probes += usize::from(entry.is_probe());
            *slot = Some(entry);
            self.len += 1;
        }
    }

    pub(super) fn get_mut(&mut self, opaque: i32) -> Option<&mut Entry<T>> {
        let index = self.index(opaque);
        self.slots.get_mut(index)?.as_mut().filter(|entry| entry.opaque == opaque)
    }

    /// Takes out the call with this opaque, if `fits` agrees.
    pub(super) fn remove_if(
        &mut self,
        opaque: i32,
        fits: impl FnOnce(&Entry<T>) -> bool,
    ) -> Option<Entry<T>> {
        let index = self.index(opaque);
        let slot = self.slots.get_mut(index)?;
        let same = |entry: &Entry<T>| entry.opaque == opaque || is_on(AnswersByPlace);
        let entry = slot.take_if(|entry| same(entry) && fits(entry))?;
        self.len -= 1;
        self.probes -= usize::from(entry.is_probe());
        self.shrink();
        Some(entry)
    }

    /// Takes out every call that `which` picks, oldest first.
    pub(super) fn extract(&mut self, mut which: impl FnMut(&Entry<T>) -> bool) -> Vec<Entry<T>> {
        let slots = self.slots.iter_mut();
        let mut taken: Vec<Entry<T>> =
            slots.filter_map(|slot| slot.take_if(|e| which(e))).collect();
        self.len -= taken.len();
        self.probes -= taken.iter().filter(|entry| entry.is_probe()).count();
        // Opaques count up, around the end of their range.
        let age = |entry: &Entry<T>| self.next.wrapping_sub(entry.opaque) & i32::MAX;
        taken.sort_unstable_by_key(|entry| Reverse(age(entry)));
        self.shrink();
        taken
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry<T>> {
        self.slots.iter_mut().flatten()
    }

    pub(super) fn soonest(&self) -> Option<Instant> {
        self.slots.iter().flatten().map(|entry| entry.deadline).min()
    }

    fn index(&self, opaque: i32) -> usize {
        opaque as usize & (self.slots.len() - 1)
    }

    /// Gives back what a burst has taken. An empty ring can have any size.
    fn shrink(&mut self) {
        if self.len == 0 && self.slots.len() > CAPACITY_KEPT {
            self.slots = empty(CAPACITY_MIN);
        }
    }

    /// Doubles the ring. Entries that differ in the low bits still do when one more bit counts.
    fn grow(&mut self) {
        let doubled = empty(self.slots.len() * 2);
        let old = std::mem::replace(&mut self.slots, doubled);
        for entry in old.into_iter().flatten() {
            let index = self.index(entry.opaque);
            if let Some(slot) = self.slots.get_mut(index) {
                *slot = Some(entry);
            }
        }
    }
}

fn empty<T>(capacity: usize) -> Vec<Option<Entry<T>>> {
    std::iter::repeat_with(|| None).take(capacity).collect()
}
