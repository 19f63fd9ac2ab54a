//! The public type.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use oneshot::RecvTimeoutError;
use rocketmq_producer_core::{
    delivery::SendError,
    model::{ConfigError, Message, ProducerConfig, SendReceipt},
};
use rocketmq_producer_shared::{
    Begun, Completion, Hub, Lifecycle, Next, Sending, ShutdownError, StartError,
};

use crate::{
    hub::{ThreadDialer, run},
    link::SocketWire,
};

/// What an expired wait is given to come back, should the two clocks' roundings differ.
const ROUNDING: Duration = Duration::from_millis(1);

/// A producer for threads that may block. Cheap to clone; all clones are one producer.
///
/// Dropping the last clone without [`shutdown`](Self::shutdown) hangs nothing: its threads say
/// goodbye to the brokers and end in the background.
#[derive(Clone, Debug)]
pub struct Producer {
    lifecycle: Arc<Lifecycle<SocketWire>>,
}

impl Producer {
    /// A producer that is not yet running; does no I/O.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the field that breaks a rule.
    pub fn new(config: ProducerConfig) -> Result<Self, ConfigError> {
        Ok(Self { lifecycle: Arc::new(Lifecycle::new(config)?) })
    }

    /// Starts the producer; does nothing when it is running. Succeeds while name servers are down:
    /// sends then fail, with the reason, until they are up.
    ///
    /// After [`shutdown`](Self::shutdown) it starts anew; during one it waits for its end first.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the operating system refuses a thread or entropy.
    pub fn start(&self) -> Result<(), StartError> {
        loop {
            match self.lifecycle.begin(ThreadDialer)? {
                Begun::Running => return Ok(()),
                Begun::Hub(hub) => return spawn(hub),
                // The end of the wait is all that matters.
                Begun::Ending(session) => drop(session.end().recv()),
            }
        }
    }

    /// Sends a message and waits for the broker's answer, at most `send_msg_timeout` in all.
    ///
    /// # Errors
    ///
    /// [`SendError`] says why, whether the message may be stored, what was tried, and gives the
    /// message back.
    pub fn send(&self, message: Message) -> Result<SendReceipt, SendError> {
        let mut sending = self.lifecycle.begin_send(message)?;
        loop {
            match sending.advance() {
                Next::Done(result) => return result,
                // Released, or dropped by a hub that is gone: look again in any case.
                Next::Wait(released) => drop(released.recv()),
                Next::Reply { reply, deadline } => {
                    let completion = match sending.clock().to_std(deadline) {
                        Some(deadline) => wait_until(&sending, &reply, deadline),
                        None => reply.recv(),
                    };
                    sending.complete(completion);
                }
            }
        }
    }

    /// Stops: refuses new sends, waits up to `shutdown_timeout` for those in flight, unregisters
    /// from the brokers, closes. Does nothing when it is not running; waits for the end of a
    /// shutdown that another thread has begun.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] when sends were cut off. They have been answered, and the producer is
    /// down.
    pub fn shutdown(&self) -> Result<(), ShutdownError> {
        let Some(session) = self.lifecycle.close() else { return Ok(()) };
        // The end of the wait is all that matters.
        let _ = session.end().recv();
        session.result()
    }

    /// True between a start and the next shutdown.
    pub fn is_running(&self) -> bool {
        self.lifecycle.is_running()
    }

    /// The configuration.
    pub fn config(&self) -> &ProducerConfig {
        self.lifecycle.config()
    }
}

fn spawn(hub: Box<Hub<ThreadDialer>>) -> Result<(), StartError> {
    let spawned = thread::Builder::new().name("rmq-hub".to_owned()).spawn(move || run(hub));
    spawned.map(drop).map_err(|error| StartError::Runtime(format!("no thread to be had: {error}")))
}

/// Waits for a reply, and ends the wait itself when the deadline comes: the link's reader is
/// blocked in its socket and cannot keep time.
fn wait_until(
    sending: &Sending<SocketWire>,
    reply: &oneshot::Receiver<Completion>,
    mut deadline: Instant,
) -> Result<Completion, oneshot::RecvError> {
    loop {
        match reply.recv_deadline(deadline) {
            Ok(completion) => return Ok(completion),
            Err(RecvTimeoutError::Disconnected) => return Err(oneshot::RecvError),
            Err(RecvTimeoutError::Timeout) => {
                sending.expire();
                deadline += ROUNDING;
            }
        }
    }
}
