//! What tasks wait for, on whatever runtime: an answer needs no reactor and no timer of its caller.

use crate::{DriverBell, Lifecycle, ShutdownError};

impl Lifecycle<DriverBell> {
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
