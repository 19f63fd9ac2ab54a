//! What the drivers of sockets have in common.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Context,
};

use bytes::BytesMut;
use rocketmq_producer_core::{
    codec::{CodecError, Frame, FrameDecoder},
    link::LinkError,
};

use crate::{SharedLink, WakerSlot, Wire};

/// The wire of a link whose driver waits for many things at once, as tasks do: callers queue and
/// ring, the driver writes.
#[derive(Debug, Default)]
pub struct DriverBell {
    bell: WakerSlot,
    /// A ring that the driver has not heard yet.
    rung: AtomicBool,
}

impl DriverBell {
    /// True when the driver should look at its link; otherwise its waker is registered.
    pub fn poll_rung(&self, context: &Context<'_>) -> bool {
        self.bell.register(context);
        self.rung.swap(false, Ordering::Acquire)
    }

    /// Has the driver look at its link.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::Release) {
            self.bell.wake();
        }
    }
}

impl Wire for DriverBell {
    fn bytes_queued(link: &Arc<SharedLink<Self>>) {
        link.wire.ring();
    }

    fn hang_up(&self) {
        self.ring();
    }
}

/// Has the last word on a link: by [`finish`](Self::finish), or by being dropped with its runtime,
/// so that no caller waits for a driver that is gone.
#[derive(Debug)]
pub struct Driver<W: Wire> {
    link: Arc<SharedLink<W>>,
    finished: bool,
}

impl<W: Wire> Driver<W> {
    /// Takes responsibility for a link.
    pub fn new(link: Arc<SharedLink<W>>) -> Self {
        Self { link, finished: false }
    }

    /// The link.
    pub fn link(&self) -> &Arc<SharedLink<W>> {
        &self.link
    }

    /// The connection is over, or never began.
    pub fn finish(mut self, cause: LinkError) {
        self.finished = true;
        self.link.disconnected(cause);
    }
}

impl<W: Wire> Drop for Driver<W> {
    fn drop(&mut self) {
        if !self.finished {
            self.link.disconnected(LinkError::DriverGone);
        }
    }
}

/// Bytes that have been read and are not whole frames yet.
#[derive(Debug, Default)]
pub struct Incoming {
    decoder: FrameDecoder,
    /// Where to read to.
    pub buffer: BytesMut,
    frames: Vec<Frame>,
}

impl Incoming {
    /// Hands all whole frames to the link, in one go; true when there were any.
    ///
    /// # Errors
    ///
    /// [`CodecError`] when the peer cannot be understood any more; what came before is handed over.
    pub fn decode<W: Wire>(&mut self, link: &Arc<SharedLink<W>>) -> Result<bool, CodecError> {
        let decoded = loop {
            match self.decoder.decode(&mut self.buffer) {
                Ok(Some(frame)) => self.frames.push(frame),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let any = !self.frames.is_empty();
        if any {
            link.handle_frames(&mut self.frames);
        }
        decoded.map(|()| any)
    }
}
