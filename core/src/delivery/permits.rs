//! How much may be in flight in all.

use std::collections::VecDeque;

use crate::{
    Waiter,
    mutants::{Mutant::PermitsAreLost, is_on},
    waiter::{ENTRY_SIZE, Sweep},
};

/// Permits for sends, by count and by bytes. First come, first served: a large message at the head
/// is not overtaken by small ones that would fit.
///
/// Pure data: whoever shares it puts it behind a short lock, and sees to it that what
/// [`ask`](Self::ask) or [`grant`](Self::grant) granted is given back once.
#[derive(Debug)]
pub struct Permits<T> {
    sends_max: usize,
    bytes_max: usize,
    sends: usize,
    bytes: usize,
    waiting: VecDeque<(usize, T)>,
    sweep: Sweep,
}

/// What became of a wish for a permit.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Asked<T> {
    /// It is granted; the token comes back.
    Granted(T),
    /// It will come out of [`Permits::grant`].
    Waits,
}

impl<T: Waiter> Permits<T> {
    /// All permits are there.
    pub fn new(sends_max: usize, bytes_max: usize) -> Self {
        Self {
            sends_max,
            bytes_max,
            sends: 0,
            bytes: 0,
            waiting: VecDeque::new(),
            sweep: Sweep::default(),
        }
    }

    /// Takes a permit for so many bytes, or waits for one. More bytes than there are permits for
    /// are never granted: check them before.
    pub fn ask(&mut self, bytes: usize, token: T) -> Asked<T> {
        if self.try_ask(bytes) {
            return Asked::Granted(token);
        }
        self.waiting.push_back((bytes, token));
        if self.sweep.is_due(self.waiting.len() * ENTRY_SIZE) {
            self.waiting.retain(|(_, token)| !token.is_gone());
            self.sweep.done(self.waiting.len() * ENTRY_SIZE);
        }
        Asked::Waits
    }

    /// Takes a permit if that is possible without overtaking anybody.
    pub fn try_ask(&mut self, bytes: usize) -> bool {
        let fits = self.has_room(bytes);
        if fits {
            self.take(bytes);
        }
        fits
    }

    /// True when [`try_ask`](Self::try_ask) would take a permit.
    pub fn has_room(&mut self, bytes: usize) -> bool {
        while self.waiting.front().is_some_and(|(_, token)| token.is_gone()) {
            self.waiting.pop_front();
        }
        self.waiting.is_empty() && self.fits(bytes)
    }

    /// Gives a permit back; [`grant`](Self::grant) says whom that lets in.
    pub fn give_back(&mut self, bytes: usize) {
        if is_on(PermitsAreLost) && !self.waiting.is_empty() {
            return;
        }
        self.sends = self.sends.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Grants the first in line its permit, if there is one for it: to be asked again and again
    /// when a permit came back, and when somebody who waited has gone.
    pub fn grant(&mut self) -> Option<(usize, T)> {
        loop {
            let (bytes, token) = self.waiting.front()?;
            let gone = token.is_gone();
            if !gone && !self.fits(*bytes) {
                return None;
            }
            let (bytes, token) = self.waiting.pop_front()?;
            if !gone {
                self.take(bytes);
                return Some((bytes, token));
            }
        }
    }

    /// Sends and bytes that hold permits.
    pub fn held(&self) -> (usize, usize) {
        (self.sends, self.bytes)
    }

    /// Those who wait, gone ones included.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn take(&mut self, bytes: usize) {
        self.sends += 1;
        self.bytes += bytes;
    }

    fn fits(&self, bytes: usize) -> bool {
        self.sends < self.sends_max && bytes <= self.bytes_max - self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use super::*;

    #[derive(Debug)]
    struct Caller(u32, Rc<Cell<bool>>);

    impl Waiter for Caller {
        fn is_gone(&self) -> bool {
            self.1.get()
        }
    }

    fn caller(name: u32) -> Caller {
        Caller(name, Rc::default())
    }

    fn ask(permits: &mut Permits<Caller>, name: u32, bytes: usize) -> bool {
        matches!(permits.ask(bytes, caller(name)), Asked::Granted(_))
    }

    fn granted(permits: &mut Permits<Caller>) -> Vec<u32> {
        std::iter::from_fn(|| permits.grant()).map(|(_, caller)| caller.0).collect()
    }

    #[test]
    fn row_6_permits_are_counted_by_sends_and_by_bytes() {
        let mut permits = Permits::new(3, 100);
        assert!(ask(&mut permits, 1, 100));
        assert!(!ask(&mut permits, 2, 1), "no byte is left");
        permits.give_back(100);
        assert_eq!(granted(&mut permits), [2]);
        assert!(ask(&mut permits, 3, 1) && ask(&mut permits, 4, 1));
        assert!(!ask(&mut permits, 5, 0), "no send is left");
        assert_eq!(permits.held(), (3, 3));
    }

    #[test]
    fn row_6_nobody_is_overtaken() {
        let mut permits = Permits::new(10, 100);
        assert!(ask(&mut permits, 1, 60));
        assert!(!ask(&mut permits, 2, 50));
        assert!(!ask(&mut permits, 3, 10), "it would fit, and waits its turn");
        assert!(!permits.try_ask(10));
        permits.give_back(60);
        assert_eq!(granted(&mut permits), [2, 3]);
        assert!(permits.try_ask(10));
        assert_eq!(permits.held(), (3, 70));
    }

    #[test]
    fn those_who_have_gone_get_no_permit_and_stand_in_nobodys_way() {
        let mut permits = Permits::new(1, 100);
        assert!(ask(&mut permits, 1, 1));
        let gone = Rc::new(Cell::new(false));
        assert_eq!(permits.waiting(), 0);
        assert!(matches!(permits.ask(1, Caller(2, Rc::clone(&gone))), Asked::Waits));
        assert!(!ask(&mut permits, 3, 1));
        gone.set(true);
        permits.give_back(1);
        assert_eq!(granted(&mut permits), [3]);
        assert_eq!(permits.held(), (1, 1));
    }
}
