//! What tasks wait for, on whatever runtime: an answer needs no reactor and no timer of its caller.

use rocketmq_producer_core::{
    delivery::SendError,
    model::{Message, SendReceipt},
};

use crate::{DriverBell, Lifecycle, Next, ShutdownError};

impl Lifecycle<DriverBell> {
    /// Sends a message and waits for the broker's answer.
    ///
    /// # Errors
    ///
    /// [`SendError`] says why, and gives the message back.
    ///
    /// # Cancel safety
    ///
    /// Safe: see [`Sending`](crate::Sending).
    pub async fn send(&self, message: Message) -> Result<SendReceipt, SendError> {
        let mut sending = self.begin_send(message)?;
        loop {
            match sending.advance() {
                Next::Done(result) => return result,
                // Released, or dropped by a hub that is gone: look again in any case.
                Next::Wait(released) => drop(released.await),
                Next::Reply { reply, .. } => sending.complete(reply.await),
            }
        }
    }

    /// Ends the current session and waits for its end.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] when sends had to be cut off.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the shutdown goes on.
    pub async fn shutdown(&self) -> Result<(), ShutdownError> {
        let Some(session) = self.close() else { return Ok(()) };
        // The end of the wait is all that matters.
        let _ = session.end().await;
        session.result()
    }
}
