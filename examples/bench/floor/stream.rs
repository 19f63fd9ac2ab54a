//! The whole load over one non-blocking socket, by one thread.

use std::{
    collections::VecDeque,
    io,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::connection::Connection;
use crate::{
    args::{Mode, Plan},
    error::Error,
    load::Load,
};

/// Requests are counted here, whatever number of messages is in each.
pub(super) struct Stream<'a> {
    connection: &'a mut Connection,
    load: &'a Load,
    window: usize,
    answered: bool,
    messages_each: u64,
    /// So long after one request the next is due.
    interval: Option<Duration>,
    start: Instant,
    count: u64,
    sent: u64,
    /// Requests under way: so many that were due, or sent, at this instant; oldest first.
    under_way: VecDeque<(Instant, usize)>,
    in_flight: usize,
    /// Of the frames that are ready, what is still to be written.
    unwritten: std::ops::Range<usize>,
}

impl<'a> Stream<'a> {
    /// Sends at least `count` messages: a batch is always a whole one.
    pub(super) fn new(
        plan: &Plan,
        connection: &'a mut Connection,
        load: &'a Load,
        count: u64,
    ) -> Self {
        let batch = plan.batch as u64;
        let interval = |rate| Duration::from_secs_f64(batch as f64 / f64::from(rate));
        Self {
            connection,
            load,
            window: plan.window,
            answered: plan.mode != Mode::Oneway,
            messages_each: batch,
            interval: plan.rate.map(interval),
            start: Instant::now(),
            count: count.div_ceil(batch),
            sent: 0,
            under_way: VecDeque::new(),
            in_flight: 0,
            unwritten: 0..0,
        }
    }

    /// Keeps the window full, or the schedule, until all is answered.
    pub(super) fn run(mut self) -> Result<(), Error> {
        self.connection.socket.set_nonblocking(true)?;
        while self.sent < self.count || self.in_flight > 0 {
            self.prepare();
            let wrote = self.write()?;
            let read = self.answered && self.read()?;
            if !wrote && !read {
                self.wait()?;
            }
        }
        self.connection.socket.set_nonblocking(false)?;
        if !self.answered && self.count > 0 {
            self.connection.exchange()?;
        }
        Ok(())
    }

    /// Makes as many requests ready as are due and have room, once the last ones are written.
    fn prepare(&mut self) {
        if !self.unwritten.is_empty() || self.sent == self.count {
            return;
        }
        let now = Instant::now();
        let room = (self.window - self.in_flight).min(self.connection.at_once());
        let ready = room.min(usize::try_from(self.due(now) - self.sent).unwrap_or(room));
        match self.interval {
            None if ready > 0 => self.under_way.push_back((now, ready)),
            None => return,
            Some(interval) => {
                let numbers = self.sent..self.sent + ready as u64;
                let due = |number: u64| self.start + interval.mul_f64(number as f64);
                self.under_way.extend(numbers.map(|number| (due(number), 1)));
            }
        }
        self.sent += ready as u64;
        self.in_flight += ready;
        self.unwritten = 0..self.connection.prepare(ready);
    }

    /// How many requests are due by now, of all.
    fn due(&self, now: Instant) -> u64 {
        let Some(interval) = self.interval else { return self.count };
        let passed = now.saturating_duration_since(self.start).as_secs_f64();
        self.count.min((passed / interval.as_secs_f64()) as u64 + 1)
    }

    /// Writes what the socket takes; false when it takes nothing, or there is nothing.
    fn write(&mut self) -> io::Result<bool> {
        if self.unwritten.is_empty() {
            return Ok(false);
        }
        let Some(count) = taken(self.connection.write(self.unwritten.start, self.unwritten.end))?
        else {
            return Ok(false);
        };
        let size = self.connection.frame_size();
        let whole_before = self.unwritten.start / size;
        self.unwritten.start += count;
        if !self.answered {
            self.over(self.unwritten.start / size - whole_before);
        }
        Ok(true)
    }

    /// Reads what is there; false when there is nothing.
    fn read(&mut self) -> io::Result<bool> {
        let Some(answers) = taken(self.connection.read())? else { return Ok(false) };
        self.over(answers);
        Ok(true)
    }

    /// So many requests are over: answers come in the order of the requests, so the oldest are.
    fn over(&mut self, mut count: usize) {
        let now = Instant::now();
        self.in_flight -= count.min(self.in_flight);
        while let Some((at, requests)) = self.under_way.front_mut()
            && count > 0
        {
            let these = count.min(*requests);
            let latency = now.saturating_duration_since(*at);
            let messages = these as u64 * self.messages_each;
            self.load.recorder().record_many(0, latency, messages);
            count -= these;
            *requests -= these;
            if *requests == 0 {
                self.under_way.pop_front();
            }
        }
    }

    /// Until the socket has news, or the next request is due.
    fn wait(&self) -> io::Result<()> {
        let mut news = PollFlags::IN;
        if !self.unwritten.is_empty() {
            news |= PollFlags::OUT;
        }
        let next = match self.interval {
            Some(interval) if self.sent < self.count && self.in_flight < self.window => {
                Some(self.start + interval.mul_f64(self.sent as f64))
            }
            _ => None,
        };
        let timeout = next.map(|next| next.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut [PollFd::new(&self.connection.socket, news)], timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// None when the socket would have to be waited for.
fn taken(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        result => result.map(Some),
    }
}
