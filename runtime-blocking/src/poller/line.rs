//! One link of the poller, from its dial to its end.

use std::{
    task::{Context, Waker},
    time::Instant,
};

use mio::{Registry, event::Event};
use rocketmq_producer_core::link::LinkError;
use rocketmq_producer_shared::Driver;

use super::{dial::Dial, stream::Stream};
use crate::{link::broken, wire::SocketWire};

/// A link, and what its socket is at. Dropped, it has the last word on its link.
#[derive(Debug)]
pub(super) struct Line {
    driver: Driver<SocketWire>,
    /// Has the poller look at it.
    bell: Waker,
    stage: Stage,
    /// When it is to be looked at if nothing happens before.
    due: Option<Instant>,
}

#[derive(Debug)]
enum Stage {
    Dial(Dial),
    Stream(Stream),
}

impl Line {
    /// One that is to be dialled.
    pub(super) fn new(driver: Driver<SocketWire>, bell: Waker, dial: Dial) -> Self {
        Self { driver, bell, stage: Stage::Dial(dial), due: None }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Something has happened to its socket.
    pub(super) fn take_in(&mut self, event: &Event) {
        if let Stage::Stream(stream) = &mut self.stage {
            stream.take_in(event);
        }
    }

    /// Reads a piece of what has come; true when calls may have been answered.
    ///
    /// # Errors
    ///
    /// Why the connection has ended.
    pub(super) fn read(&mut self, piece: &mut [u8]) -> Result<bool, LinkError> {
        match &mut self.stage {
            Stage::Dial(_) => Ok(false),
            Stage::Stream(stream) => stream.read(self.driver.link(), piece),
        }
    }

    /// Does all else that can be done without waiting; true when there may be more.
    ///
    /// # Errors
    ///
    /// Why the connection has ended.
    pub(super) fn work(&mut self, registry: &Registry, now: Instant) -> Result<bool, LinkError> {
        let link = self.driver.link();
        if let SocketWire::Poller(bell) = &link.wire {
            // Whoever queues bytes from here on rings again, so that nothing is overlooked.
            bell.poll_rung(&Context::from_waker(&self.bell));
        }
        if link.is_closed() {
            return Err(LinkError::Retired);
        }
        if let Stage::Dial(dial) = &mut self.stage {
            let Some(socket) = dial.step(registry)? else {
                self.due = Some(dial.until());
                return Ok(false);
            };
            let stream = Stream::new(socket).map_err(|error| broken(&error))?;
            link.connected(stream.peer());
            self.stage = Stage::Stream(stream);
        }
        let Stage::Stream(stream) = &mut self.stage else { return Ok(false) };
        let more = stream.write(link)?;
        if self.due.is_some_and(|due| due <= now) {
            link.handle_timeout();
        }
        self.due = link.deadline().and_then(|deadline| link.clock().to_std(deadline.at));
        Ok(more || stream.is_readable())
    }

    /// The connection is over, or never began.
    pub(super) fn finish(self, cause: LinkError) {
        self.driver.finish(cause);
    }
}
