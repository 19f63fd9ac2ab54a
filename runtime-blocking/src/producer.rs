//! The public type.

use std::{sync::Arc, thread};

use rocketmq_producer_core::{
    delivery::{SendError, SendOptions},
    model::{ConfigError, Message, ProducerConfig, SendReceipt},
};
use rocketmq_producer_shared::{
    Begun, Dialer, Hub, Lifecycle, PrepareError, Session, ShutdownError, StartError,
};

#[cfg(feature = "mio")]
use crate::poller::Poller;
use crate::{
    hub::{ThreadDialer, run},
    wait::{block_on, wait},
    wire::SocketWire,
};

/// A producer for threads that may block. Cheap to clone; all clones are one producer.
///
/// Dropping the last clone without [`shutdown`](Self::shutdown) hangs nothing: its threads say
/// goodbye to the brokers and end in the background.
#[derive(Clone, Debug)]
pub struct Producer {
    pub(crate) lifecycle: Arc<Lifecycle<SocketWire>>,
    driven: DrivenBy,
}

/// Whose work the sockets are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DrivenBy {
    /// Of a thread each, and of whoever sends.
    Threads,
    /// Of one thread for all, which is the hub's, too.
    #[cfg(feature = "mio")]
    Poller,
}

impl Producer {
    /// A producer that is not yet running; does no I/O.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the field that breaks a rule.
    pub fn new(config: ProducerConfig) -> Result<Self, ConfigError> {
        Ok(Self::of(Lifecycle::new(config)?, DrivenBy::Threads))
    }

    /// A producer that is not yet running, and has one thread in all while it is: that thread polls
    /// the sockets of all connections, and callers neither write nor read. The same producer in
    /// all else.
    ///
    /// For programs that count their threads or have many brokers, and where many threads send at
    /// one time: their messages travel in fewer writes.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[cfg(feature = "mio")]
    pub fn polled(config: ProducerConfig) -> Result<Self, ConfigError> {
        Ok(Self::of(Lifecycle::new(config)?, DrivenBy::Poller))
    }

    pub(crate) fn of(lifecycle: Lifecycle<SocketWire>, driven: DrivenBy) -> Self {
        Self { lifecycle: Arc::new(lifecycle), driven }
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
        self.launch(|_| Ok(()))
    }

    /// The same; a session that begins gets more threads this way.
    pub(crate) fn launch(
        &self,
        also: impl FnOnce(&Arc<Session<SocketWire>>) -> Result<(), StartError>,
    ) -> Result<(), StartError> {
        match self.driven {
            DrivenBy::Threads => self.launch_on(|| Ok((ThreadDialer, run)), also),
            #[cfg(feature = "mio")]
            DrivenBy::Poller => {
                let poller = || {
                    let (poller, dialer) = Poller::new().map_err(refused)?;
                    Ok((dialer, move |hub| poller.run(hub)))
                };
                self.launch_on(poller, also)
            }
        }
    }

    /// The same on what `make` says: how connections are opened, and what runs the hub. Where there is
    /// nothing to be launched, nothing is made: the operating system may have no more to give.
    fn launch_on<D, R>(
        &self,
        make: impl Fn() -> Result<(D, R), StartError>,
        also: impl FnOnce(&Arc<Session<SocketWire>>) -> Result<(), StartError>,
    ) -> Result<(), StartError>
    where
        D: Dialer<Wire = SocketWire>,
        R: FnOnce(Box<Hub<D>>) + Send + 'static,
    {
        loop {
            if self.lifecycle.is_running() {
                return Ok(());
            }
            let (dialer, run) = make()?;
            match self.lifecycle.begin(dialer)? {
                Begun::Running => return Ok(()),
                // Dropped, the hub ends its session.
                Begun::Hub(hub) => return also(hub.session()).and_then(|()| spawn(hub, run)),
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

    /// Sends messages of one topic in as few requests as their queues, their sizes and
    /// `batch_split_type` allow, and tells of each, in their order, how it has ended: one request may
    /// fail and another not. A batch of one travels as [`send`](Self::send) does.
    ///
    /// All messages of one request go to one queue. Messages with a sharding key go to that key's queue, in order, and other ordered sends of the
    /// key wait for the whole batch.
    ///
    /// # Errors
    ///
    /// For each message, as [`send`](Self::send). When one cannot be in a batch, nothing is sent: all
    /// have the error that [names it](rocketmq_producer_core::model::InvalidMessage::InBatch).
    pub fn send_batch(&self, messages: Vec<Message>) -> Vec<Result<SendReceipt, SendError>> {
        wait(self.lifecycle.begin_batch(messages, SendOptions::new()))
    }

    /// Sends a batch with other options than the configuration's.
    ///
    /// # Errors
    ///
    /// As [`send_batch`](Self::send_batch).
    pub fn send_batch_with(
        &self,
        messages: Vec<Message>,
        options: SendOptions,
    ) -> Vec<Result<SendReceipt, SendError>> {
        wait(self.lifecycle.begin_batch(messages, options))
    }

    /// Sends a message that the broker does not answer: it returns once the connection's socket has
    /// taken all of its bytes. Whether the broker has stored it, nobody will say;
    /// [`oneway_stats`](Self::oneway_stats) counts those that were perhaps still on their way when
    /// their connection died. One whose connection dies while it is written is retried as any other
    /// is, unless [`retry_unknown`](ProducerConfig::retry_unknown) forbids it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); none of a broker's own, of course.
    pub fn oneway(&self, message: Message) -> Result<(), SendError> {
        wait(self.lifecycle.begin_oneway(message)?)
    }

    /// Sends a batch that brokers do not answer: [`send_batch`](Self::send_batch) and
    /// [`oneway`](Self::oneway) in one.
    ///
    /// # Errors
    ///
    /// For each message, as [`oneway`](Self::oneway).
    pub fn oneway_batch(&self, messages: Vec<Message>) -> Vec<Result<(), SendError>> {
        wait(self.lifecycle.begin_oneway_batch(messages))
    }

    /// Warms up: finds the routes of these topics, and waits until their brokers are connected or have
    /// turned out to be unreachable, at most `send_msg_timeout` in all.
    ///
    /// # Errors
    ///
    /// [`PrepareError`] names the topics without a route.
    pub fn prepare(&self, topics: &[&str]) -> Result<(), PrepareError> {
        wait(self.lifecycle.prepare(topics.iter().copied()))
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

fn spawn<D, R>(hub: Box<Hub<D>>, run: R) -> Result<(), StartError>
where
    D: Dialer,
    R: FnOnce(Box<Hub<D>>) + Send + 'static,
{
    let spawned = thread::Builder::new().name("rmq-hub".to_owned()).spawn(move || run(hub));
    spawned.map(drop).map_err(|error| StartError::Runtime(format!("no thread to be had: {error}")))
}

#[cfg(feature = "mio")]
fn refused(error: std::io::Error) -> StartError {
    StartError::Runtime(format!("no poller to be had: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_producer_that_runs_makes_nothing_when_it_is_started_again() {
        let producer = Producer::new(ProducerConfig::new("g", "127.0.0.1:9")).unwrap();
        producer.start().unwrap();
        let make = || Err::<(ThreadDialer, fn(_)), _>(StartError::Runtime("full".to_owned()));
        assert_eq!(producer.launch_on(make, |_| Ok(())), Ok(()));
        producer.shutdown().unwrap();
        assert!(producer.launch_on(make, |_| Ok(())).is_err());
    }
}
