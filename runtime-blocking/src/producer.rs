//! The public type.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use rocketmq_producer_core::{
    delivery::{SendError, SendOptions},
    model::{ConfigError, Message, ProducerConfig, SendReceipt},
};
use rocketmq_producer_shared::{Begun, Hub, Lifecycle, Sending, ShutdownError, StartError};

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
        wait(self.lifecycle.begin_send(message, SendOptions::new())?)
    }

    /// Sends a message with other options than the configuration's.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`BadSelection`](rocketmq_producer_core::delivery::SendErrorKind::BadSelection) when a selector
    /// does not choose a queue.
    pub fn send_with(
        &self,
        message: Message,
        options: SendOptions,
    ) -> Result<SendReceipt, SendError> {
        wait(self.lifecycle.begin_send(message, options)?)
    }

    /// Sends a message if there is room for it, by `async_send_semaphore` and
    /// `in_flight_bytes_max`, and waits for the broker's answer.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`Full`](rocketmq_producer_core::delivery::SendErrorKind::Full) when there is none: the message
    /// comes back.
    pub fn try_send(&self, message: Message) -> Result<SendReceipt, SendError> {
        wait(self.lifecycle.try_begin_send(message)?)
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

    /// Asks the name servers about a topic now; true when its route is another than before. Under
    /// `strict_order`, sharding keys spread over the route's queues anew.
    ///
    /// False when the producer is not running, or no name server answers in time.
    pub fn update_route_info(&self, topic: &str) -> bool {
        self.lifecycle.update_route_info(topic).is_some_and(block_on)
    }

    rocketmq_producer_shared::producer_controls!();
}

fn spawn(hub: Box<Hub<ThreadDialer>>) -> Result<(), StartError> {
    let spawned = thread::Builder::new().name("rmq-hub".to_owned()).spawn(move || run(hub));
    spawned.map(drop).map_err(|error| StartError::Runtime(format!("no thread to be had: {error}")))
}

/// Waits for a send on this thread, and ends the waits of its calls itself when their time is up: a
/// link's reader is blocked in its socket and cannot keep time.
fn wait(mut sending: Sending<SocketWire>) -> Result<SendReceipt, SendError> {
    let waker = Waker::from(Arc::new(Sleeper(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(result) = Pin::new(&mut sending).poll(&mut context) {
            return result;
        }
        match sending.deadline().and_then(|deadline| sending.clock().to_std(deadline)) {
            Some(deadline) => {
                let left = (deadline + ROUNDING).saturating_duration_since(Instant::now());
                if left.is_zero() {
                    sending.expire();
                }
                thread::park_timeout(left.max(ROUNDING));
            }
            None => thread::park(),
        }
    }
}

/// Waits for something that keeps its own time.
fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Sleeper(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = Pin::new(&mut future).poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

/// A thread that waits.
struct Sleeper(Thread);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
