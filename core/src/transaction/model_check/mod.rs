//! All that can happen to one transaction, in any order, exhaustively.

mod broker;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use self::world::{Step, World};

/// How much may happen.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Questions that the broker asks.
    questions: u8,
    /// Connections that are lost, crashes included.
    losses: u8,
    /// Times that `transaction_timeout` passes.
    ticks: u8,
    /// Final states are kept for so many of these.
    kept: u8,
    /// Callers may give up the wait for a broker's answer.
    impatient: bool,
    /// The transaction is another producer's.
    foreign: bool,
    /// The listener says anything about a local transaction that is under way.
    hasty: bool,
}

/// Walks through every state that can be reached, depth first.
#[derive(Default)]
struct Explorer {
    visited: BTreeSet<String>,
    path: Vec<Step>,
    shown: BTreeMap<&'static str, usize>,
    /// What was wrong, and how it first came to that.
    wrong: BTreeMap<&'static str, Vec<Step>>,
}

impl Explorer {
    fn explore(bounds: Bounds) -> Self {
        let mut explorer = Self::default();
        explorer.visit(&World::new(bounds));
        explorer
    }

    fn visit(&mut self, world: &World) {
        if !self.visited.insert(world.key()) {
            return;
        }
        let steps = world.steps();
        for wrong in world.wrongs(steps.is_empty()) {
            self.wrong.entry(wrong).or_insert_with(|| self.path.clone());
        }
        for step in steps {
            let mut next = world.clone();
            next.take(step);
            if let Some(shown) = next.shown.take() {
                *self.shown.entry(shown).or_default() += 1;
            }
            self.path.push(step);
            self.visit(&next);
            self.path.pop();
        }
    }
}

/// A producer's own transaction, in a world where all goes wrong once.
const OWN: Bounds = Bounds {
    questions: 2,
    losses: 1,
    ticks: 2,
    kept: 1,
    impatient: true,
    foreign: false,
    hasty: false,
};

/// Nothing goes wrong, but brokers write their marks late and ask early.
const CALM: Bounds = Bounds { questions: 3, losses: 0, ticks: 1, impatient: false, ..OWN };

fn explore(bounds: Bounds, to_show: &[&str]) {
    let explorer = Explorer::explore(bounds);
    println!("{} states: {:?}", explorer.visited.len(), explorer.shown);
    assert!(explorer.wrong.is_empty(), "{:?}", explorer.wrong);
    for shown in to_show {
        assert!(explorer.shown.contains_key(shown), "never {shown}");
    }
}

#[test]
fn row_14_whatever_happens_to_a_transaction_it_ends_as_it_was_decided() {
    explore(
        OWN,
        &[
            "answered by heart",
            "told again on a new connection",
            "told again, for nobody has confirmed it",
            "overtaken",
            "the listener was too slow",
            "timed out",
            "forgotten",
            "overlooked",
            "overlooked: the producer has ended",
        ],
    );
}

#[test]
fn row_14_while_nothing_fails_a_message_is_delivered_once_however_brokers_ask() {
    explore(CALM, &["answered by heart", "put off", "overlooked"]);
}

#[test]
fn another_producers_transaction_ends_as_its_listener_says() {
    explore(
        Bounds { foreign: true, questions: 3, ticks: 1, ..OWN },
        &["answered by heart", "told again on a new connection", "the listener was too slow"],
    );
}

#[test]
fn a_listener_that_contradicts_its_own_transaction_is_told_once_and_believed_once() {
    explore(
        Bounds { hasty: true, kept: 100, ticks: 1, ..OWN },
        &["overtaken by the opposite", "the listener was too slow"],
    );
}

#[cfg(feature = "mutants")]
#[test]
fn without_the_memory_of_final_states_a_message_is_delivered_twice() {
    use crate::mutants::{Mutant, switch_on};

    switch_on(Some(Mutant::FinalStatesAreForgotten));
    let explorer = Explorer::explore(Bounds { questions: 1, ..CALM });
    switch_on(None);
    assert!(explorer.wrong.contains_key("published twice for no reason"));
}
