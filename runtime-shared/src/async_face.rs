//! The methods that producers for tasks have in common: the same on every async runtime.

/// The methods of a producer that send, and that end it; to be called within `impl Producer`, which
/// has a field `lifecycle`.
#[doc(hidden)]
#[macro_export]
macro_rules! async_producer {
    () => {
        /// Sends a message and waits for the broker's answer, at most `send_msg_timeout` in all.
        ///
        /// # Errors
        ///
        /// [`SendError`](rocketmq_producer_core::delivery::SendError) says why, whether the message
        /// may be stored, what was tried, and gives the message back.
        ///
        /// # Cancel safety
        ///
        /// Safe. Dropped after the message was queued on a connection, the broker may still store
        /// it; nothing else is affected.
        pub async fn send(
            &self,
            message: $crate::core::model::Message,
        ) -> Result<$crate::core::model::SendReceipt, $crate::core::delivery::SendError> {
            self.lifecycle.begin_send(message, $crate::core::delivery::SendOptions::new())?.await
        }

        /// Sends a message with other options than the configuration's.
        ///
        /// # Errors
        ///
        /// As [`send`](Self::send), and
        /// [`BadSelection`](rocketmq_producer_core::delivery::SendErrorKind::BadSelection) when a
        /// selector does not choose a queue.
        ///
        /// # Cancel safety
        ///
        /// As [`send`](Self::send).
        pub async fn send_with(
            &self,
            message: $crate::core::model::Message,
            options: $crate::core::delivery::SendOptions,
        ) -> Result<$crate::core::model::SendReceipt, $crate::core::delivery::SendError> {
            self.lifecycle.begin_send(message, options)?.await
        }

        /// Sends a message if there is room for it, by `async_send_semaphore` and
        /// `in_flight_bytes_max`, and waits for the broker's answer.
        ///
        /// # Errors
        ///
        /// As [`send`](Self::send), and
        /// [`Full`](rocketmq_producer_core::delivery::SendErrorKind::Full) when there is none: the
        /// message comes back.
        ///
        /// # Cancel safety
        ///
        /// As [`send`](Self::send).
        pub async fn try_send(
            &self,
            message: $crate::core::model::Message,
        ) -> Result<$crate::core::model::SendReceipt, $crate::core::delivery::SendError> {
            self.lifecycle.try_begin_send(message)?.await
        }

        /// Sends messages of one topic in as few requests as their queues, their sizes and
        /// `batch_split_type` allow, and tells of each, in their order, how it has ended: one request
        /// may fail and another not. A batch of one travels as [`send`](Self::send) does.
        ///
        /// All messages of one request go to one queue. Messages with a sharding key go to that key's queue, in order, and other ordered sends of
        /// the key wait for the whole batch.
        ///
        /// # Errors
        ///
        /// For each message, as [`send`](Self::send). When one cannot be in a batch, nothing is sent:
        /// all have the error that
        /// [names it](rocketmq_producer_core::model::InvalidMessage::InBatch).
        ///
        /// # Cancel safety
        ///
        /// As [`send`](Self::send), for each request.
        pub async fn send_batch(
            &self,
            messages: Vec<$crate::core::model::Message>,
        ) -> Vec<Result<$crate::core::model::SendReceipt, $crate::core::delivery::SendError>> {
            let options = $crate::core::delivery::SendOptions::new();
            self.lifecycle.begin_batch(messages, options).await
        }

        /// Sends a batch with other options than the configuration's.
        ///
        /// # Errors
        ///
        /// As [`send_batch`](Self::send_batch).
        ///
        /// # Cancel safety
        ///
        /// As [`send_batch`](Self::send_batch).
        pub async fn send_batch_with(
            &self,
            messages: Vec<$crate::core::model::Message>,
            options: $crate::core::delivery::SendOptions,
        ) -> Vec<Result<$crate::core::model::SendReceipt, $crate::core::delivery::SendError>> {
            self.lifecycle.begin_batch(messages, options).await
        }

        /// Sends a message that the broker does not answer: it returns once the connection's socket
        /// has taken all of its bytes. Whether the broker has stored it, nobody will say;
        /// [`oneway_stats`](Self::oneway_stats) counts those that were perhaps still on their way
        /// when their connection died. One whose connection dies while it is written is retried as
        /// any other is, unless
        /// [`retry_unknown`](rocketmq_producer_core::model::ProducerConfig::retry_unknown) forbids it.
        ///
        /// # Errors
        ///
        /// As [`send`](Self::send); none of a broker's own, of course.
        ///
        /// # Cancel safety
        ///
        /// As [`send`](Self::send).
        pub async fn oneway(
            &self,
            message: $crate::core::model::Message,
        ) -> Result<(), $crate::core::delivery::SendError> {
            self.lifecycle.begin_oneway(message)?.await
        }

        /// Sends a batch that brokers do not answer: [`send_batch`](Self::send_batch) and
        /// [`oneway`](Self::oneway) in one.
        ///
        /// # Errors
        ///
        /// For each message, as [`oneway`](Self::oneway).
        ///
        /// # Cancel safety
        ///
        /// As [`send`](Self::send), for each request.
        pub async fn oneway_batch(
            &self,
            messages: Vec<$crate::core::model::Message>,
        ) -> Vec<Result<(), $crate::core::delivery::SendError>> {
            self.lifecycle.begin_oneway_batch(messages).await
        }

        /// Warms up: finds the routes of these topics, and waits until their brokers are connected or
        /// have turned out to be unreachable, at most `send_msg_timeout` in all.
        ///
        /// # Errors
        ///
        /// [`PrepareError`](rocketmq_producer_shared::PrepareError) names the topics without a route.
        ///
        /// # Cancel safety
        ///
        /// Safe: what was found stays.
        pub async fn prepare(&self, topics: &[&str]) -> Result<(), $crate::PrepareError> {
            self.lifecycle.prepare(topics.iter().copied()).await
        }

        /// Stops: refuses new sends, waits up to `shutdown_timeout` for those in flight, unregisters
        /// from the brokers, closes. Does nothing when it is not running; waits for the end of a
        /// shutdown that another task has begun.
        ///
        /// # Errors
        ///
        /// [`ShutdownError`](rocketmq_producer_shared::ShutdownError) when sends were cut off. They
        /// have been answered, and the producer is down.
        ///
        /// # Cancel safety
        ///
        /// Dropped while it waits, the shutdown goes on in the background.
        pub async fn shutdown(&self) -> Result<(), $crate::ShutdownError> {
            self.lifecycle.shutdown().await
        }

        /// Asks the name servers about a topic now; true when its route is another than before.
        /// Under `strict_order`, sharding keys spread over the route's queues anew.
        ///
        /// False when the producer is not running, or no name server answers in time.
        ///
        /// # Cancel safety
        ///
        /// Dropped while it waits, the question is asked all the same.
        pub async fn update_route_info(&self, topic: &str) -> bool {
            match self.lifecycle.update_route_info(topic) {
                Some(update) => update.await,
                None => false,
            }
        }
    };
}

/// The methods of a transaction producer; to be called within `impl<L: AsyncTransactionListener>
/// TransactionProducer<L>`, which has the fields `producer` and `listener`.
#[doc(hidden)]
#[macro_export]
macro_rules! async_transaction_producer {
    () => {
        /// A producer that is not yet running, with a listener that awaits; does no I/O.
        ///
        /// # Errors
        ///
        /// [`ConfigError`](rocketmq_producer_core::model::ConfigError) names the field that breaks a
        /// rule. The group must be one of your own: brokers ask groups.
        pub fn with_async_listener(
            config: $crate::core::model::ProducerConfig,
            listener: L,
        ) -> Result<Self, $crate::core::model::ConfigError> {
            let producer = Producer::of($crate::Lifecycle::transactional(config)?);
            Ok(Self { producer, listener: std::sync::Arc::new(listener) })
        }

        /// Starts the producer, as [`Producer::start`], and its `check_concurrency` tasks that answer
        /// brokers.
        ///
        /// # Errors
        ///
        /// As [`Producer::start`].
        ///
        /// # Cancel safety
        ///
        /// Dropped while it waits, it has not started anything.
        pub async fn start(&self) -> Result<(), $crate::StartError> {
            let workers = self.producer.config().check_concurrency;
            let listener = &self.listener;
            let launch = self.producer.launch(|spawner, session| {
                for _ in 0..workers {
                    let session = std::sync::Arc::clone(session);
                    let listener = std::sync::Arc::clone(listener);
                    spawner.spawn(async move { session.answer_checks(&*listener).await });
                }
            });
            launch.await
        }

        /// Warms up, as [`Producer::prepare`]: brokers of these topics can ask this producer about half
        /// messages of its group from then on.
        ///
        /// # Errors
        ///
        /// As [`Producer::prepare`].
        ///
        /// # Cancel safety
        ///
        /// As [`Producer::prepare`].
        pub async fn prepare(&self, topics: &[&str]) -> Result<(), $crate::PrepareError> {
            self.producer.prepare(topics).await
        }

        /// Sends a half message; once that is stored, has the listener execute the local transaction,
        /// in this very future, and tells the broker how it has ended. A half message stored with a
        /// status other than `SendOk` is rolled back, and nothing is executed.
        ///
        /// That the broker could not be told is no failure of the send: see
        /// [`confirmation`](rocketmq_producer_core::transaction::TransactionReceipt::confirmation).
        ///
        /// # Errors
        ///
        /// As [`Producer::send`]: the half message is not stored, or nobody knows, and nothing was
        /// executed.
        /// [`TransactionOpen`](rocketmq_producer_core::delivery::SendErrorKind::TransactionOpen) when
        /// a transaction of this very message is under way,
        /// [`TransactionEnded`](rocketmq_producer_core::delivery::SendErrorKind::TransactionEnded) when
        /// there was one.
        ///
        /// # Cancel safety
        ///
        /// Dropped after the half message was stored, the transaction is *unknown*: the broker asks.
        pub async fn send_message_in_transaction(
            &self,
            message: $crate::core::model::Message,
            arg: L::Arg,
        ) -> Result<
            $crate::core::transaction::TransactionReceipt,
            $crate::core::delivery::SendError,
        > {
            self.producer.lifecycle.run_transaction(message, &*self.listener, arg).await
        }

        /// Sends a half message, for its transaction to be executed here and committed or rolled back
        /// by hand. The listener is asked only if a broker does not learn the end.
        ///
        /// # Errors
        ///
        /// As [`send_message_in_transaction`](Self::send_message_in_transaction), and
        /// [`HalfInDoubt`](rocketmq_producer_core::delivery::SendErrorKind::HalfInDoubt) when the half
        /// message is stored with a status other than `SendOk`.
        ///
        /// # Cancel safety
        ///
        /// As [`send_message_in_transaction`](Self::send_message_in_transaction).
        pub async fn begin(
            &self,
            message: $crate::core::model::Message,
        ) -> Result<$crate::Transaction, $crate::core::delivery::SendError> {
            self.producer.lifecycle.begin_transaction(message).await
        }

        /// Stops, as [`Producer::shutdown`]. Brokers that have not learnt the end of a transaction ask
        /// other producers of the group, or this one after its next start.
        ///
        /// # Errors
        ///
        /// As [`Producer::shutdown`].
        ///
        /// # Cancel safety
        ///
        /// Dropped while it waits, the shutdown goes on in the background.
        pub async fn shutdown(&self) -> Result<(), $crate::ShutdownError> {
            self.producer.shutdown().await
        }

        $crate::transaction_controls!();
    };
}
