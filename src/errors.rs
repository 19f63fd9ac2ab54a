//! Every error: what it means, whether the message may be stored, and what to do.
//!
//! ```text
//! Producer::new ────────── ConfigError            a field, its value, the rule it breaks
//! ProducerConfig::from_env  EnvError               a variable, its value, what is expected
//! "..".parse::<Template>()  UnknownTemplate
//! start ────────────────── StartError ─────────── ConfigError │ no entropy │ no runtime
//! prepare ──────────────── PrepareError ───────── each topic with its SendErrorKind
//! shutdown ─────────────── ShutdownError          how many sends were cut off
//! send, try_send, send_batch, oneway, transactions
//!                          SendError ──┬───────── message(), into_message(): given back, with its UNIQ_KEY
//!                                      ├───────── outcome(): NotSent │ Rejected │ Unknown
//!                                      ├───────── attempts(): broker, queue, address, time, AttemptFailure
//!                                      ├───────── elapsed(), code(), is_retryable(), is_timeout(), is_busy()
//!                                      └ kind(): SendErrorKind
//!                                          ├───── InvalidMessage ── InvalidName
//!                                          ├───── RouteError        the faces of "No route info of this topic"
//!                                          ├───── BadSelection
//!                                          ├───── LinkError         of a producer that was shut down
//!                                          └───── AttemptFailure ── CallError ── LinkError ── CodecError
//! ends of transactions ─── TransactionReceipt::confirmation ── Unconfirmed ── CallError │ LinkError
//! ```
//!
//! # Three questions
//!
//! **Is the message stored?** [`SendError::outcome`] says, and nothing else does: the kind names the last
//! cause, and an earlier attempt may have gone further.
//!
//! | outcome | stored? | sending it again |
//! |---|---|---|
//! | [`Outcome::NotSent`] | no: none of its bytes was handed to a connection | is safe |
//! | [`Outcome::Rejected`] | no: every broker that was asked has said so, with a code that proves it | is safe |
//! | [`Outcome::Unknown`] | perhaps | may store it twice, under one UNIQ_KEY that consumers can go by |
//!
//! **Is it worth trying again?** [`SendError::is_retryable`]: true when the same send may succeed in a while
//! with nothing changed. The producer has tried for as long as it was told to, so leave it some time first.
//!
//! **What do people see?** `{error}` is one line: the topic, the broker and its address, what happened, how
//! many attempts in what time, what became of the message, what to do. `{error:#}` adds each attempt with its
//! own cause. Reporters that walk [`source()`](std::error::Error::source) say everything once, since
//! no text repeats its source's; [`WithCauses`] does the same in one line. Write `{error:#}` to logs.
//!
//! ```
//! use rocketmq_producer::{Message, Outcome, SendError};
//!
//! enum Next { Again(Message), Alert(String) }
//!
//! fn next(error: SendError) -> Next {
//!     let twice_is_fine = true; // consumers go by the UNIQ_KEY
//!     match error.outcome() {
//!         Outcome::Unknown if !twice_is_fine => Next::Alert(format!("{error:#}")),
//!         _ if error.is_retryable() => Next::Again(error.into_message()),
//!         _ => Next::Alert(format!("{error:#}")),
//!     }
//! }
//! ```
//!
//! # Failed sends
//!
//! [`SendError::code`] is stable: for metrics, alerts and dashboards. Codes are added, never renamed.
//!
//! | code | [`SendErrorKind`] | what it means | stored? | again? | what to do |
//! |---|---|---|---|---|---|
//! | `not_started` | [`NotStarted`](SendErrorKind::NotStarted) | the producer has not been started | no | no | call `start` first |
//! | `already_shut_down` | [`AlreadyShutDown`](SendErrorKind::AlreadyShutDown) | it was shut down, is being shut down, or its runtime is gone | no | no | start it again, or stop sending earlier |
//! | `shutting_down` | [`ShuttingDown`](SendErrorKind::ShuttingDown) | it was shut down, or its runtime dropped, while this send was under way | see outcome | no | let sends end first, or raise `shutdown_timeout` |
//! | `invalid_message` | [`InvalidMessage`](SendErrorKind::InvalidMessage) | it breaks a rule, which is named; nothing was sent | no | no | change the message |
//! | `too_large` | [`TooLarge`](SendErrorKind::TooLarge) | it alone is larger than all that may be in flight | no | no | send less at once, or raise `in_flight_bytes_max` |
//! | `bad_selection` | [`BadSelection`](SendErrorKind::BadSelection) | the queue selector chose none, or one that is not there | no | no | mend the selector |
//! | `topic_not_found` | [`TopicNotFound`](RouteError::TopicNotFound) | all name servers that answered do not know the topic | no | no | create it, or mend its name |
//! | `name_servers_unreachable` | [`NameServersUnreachable`](RouteError::NameServersUnreachable) | none has answered; each address is told with its cause | no | yes | see to `namesrv_addr`, network, name servers |
//! | `no_writable_queue` | [`NoWritableQueue`](RouteError::NoWritableQueue) | the topic is there, without a writable queue on a broker that has a master | no | yes | see to masters and permissions |
//! | `bad_route` | [`BadRoute`](RouteError::BadRoute) | a name server's answer is no route | no | no | see what answers at that address |
//! | `refused_by_name_server` | [`Refused`](RouteError::Refused) | a name server answered with an error code | no | by code | see its log |
//! | `broker_not_available` | [`BrokerNotAvailable`](SendErrorKind::BrokerNotAvailable) | the last broker tried could not be reached, or its connection broke | see outcome | yes | see to the broker and the way to it |
//! | `order_unavailable` | [`OrderUnavailable`](SendErrorKind::OrderUnavailable) | the same of the only broker that an ordered or placed message may go to | see outcome | yes | bring that broker back |
//! | `rejected` | [`Rejected`](SendErrorKind::Rejected) | the broker said no: code, its name, the broker's words | no, or unknown for code 1 | by code | what the text says for the code |
//! | `broker_too_old` | [`BrokerTooOld`](SendErrorKind::BrokerTooOld) | a timer, and a broker that would deliver at once | no | no | upgrade it, or use delay levels |
//! | `bad_reply` | [`BadReply`](SendErrorKind::BadReply) | the broker says *stored*, and not where | perhaps | no | see what answers there |
//! | `timed_out` | [`TimedOut`](SendErrorKind::TimedOut) | `send_msg_timeout` has passed; the phase tells what was waited for | see outcome | yes | by phase, below |
//! | `full` | [`Full`](SendErrorKind::Full) | `try_send` only: no room in flight | no | yes | later, or `send`, which waits |
//! | `transaction_open` | [`TransactionOpen`](SendErrorKind::TransactionOpen) | a transaction of the same message is under way | no | no | end that one first |
//! | `transaction_ended` | [`TransactionEnded`](SendErrorKind::TransactionEnded) | a transaction of the same message has ended | no | no | begin another, with a message that has no id yet |
//! | `half_in_doubt` | [`HalfInDoubt`](SendErrorKind::HalfInDoubt) | the half message was stored so that a crash may lose it, and rolled back | it is not delivered | yes | begin again; see to replicas |
//!
//! ## What a send was waiting for
//!
//! [`TimeoutPhase::code`]:
//!
//! | phase | waited for | what to do |
//! |---|---|---|
//! | `permit` | its turn among the sends in flight | send less, or raise `async_send_semaphore`, `in_flight_bytes_max` |
//! | `order` | messages before it with its sharding key | more sharding keys |
//! | `route` | a name server | see to the name servers |
//! | `dial` | a connection, or the first heartbeat on it | see to the broker's address |
//! | `room` | room on the connection, or the window that a busy broker leaves | see whether the broker keeps up |
//! | `write` | the socket | see to the network, and whether the broker reads |
//! | `reply` | the broker's answer: the only phase that leaves it open whether the message is stored | see what the broker is slow at |
//! | `retry` | the pause before another attempt | see the attempts |
//!
//! ## Why a message is refused
//!
//! [`InvalidMessage::code`]; nothing has been sent, the text names the rule.
//!
//! | code | rule |
//! |---|---|
//! | `bad_topic` | 1 to 127 of `[%\|a-zA-Z0-9_-]`, and no system topic |
//! | `queue_of_another_topic` | the queue that was asked for is of the message's topic |
//! | `empty_body` | there is a body |
//! | `body_too_long` | at most `max_message_size` |
//! | `empty_property` | names and values are not empty |
//! | `property_character` | none of 0x00, 0x01, 0x02 in them |
//! | `reserved_property` | names that RocketMQ has given a meaning have setters of their own |
//! | `properties_too_long` | at most 32 767 bytes when encoded |
//! | `key_with_space` | one key, one `with_key` |
//! | `delay_level` | 1 to 18 |
//! | `scheduled_in_transaction` | no delay or timer in a transaction: brokers lose such messages |
//! | `in_batch` | one of the batch breaks a rule: its number and the rule; nothing of the batch was sent |
//! | `other_topic_in_batch` | a batch goes to one topic |
//! | `scheduled_in_batch` | no delay or timer in a batch: it would be delivered at once |
//! | `retry_topic_in_batch` | no batches to retry topics |
//!
//! # Why an attempt failed
//!
//! [`AttemptFailure::code`], in each of [`SendError::attempts`] and in the text of `broker_not_available`.
//! Stored: whether the attempt alone leaves that open.
//!
//! | code | what happened | stored? |
//! |---|---|---|
//! | `no_master` | the route names the broker, and no master of it | no |
//! | `not_connected` | no connection in time | no |
//! | `not_registered` | connected, and the first heartbeat not answered in time (half messages, timers) | no |
//! | `broker_too_old` | it would deliver a timer at once | no |
//! | `connect_failed` | the name did not resolve, or nobody accepted | no |
//! | `connect_timeout` | nobody answered the dial | no |
//! | `closed_by_peer` | the broker closed the connection | perhaps, if bytes had been handed over |
//! | `connection_broken` | reading or writing failed | the same |
//! | `protocol_broken` | what came is not the remoting protocol; TLS and HTTP are named | the same |
//! | `unresponsive` | no heartbeat was answered: a silent peer | the same |
//! | `go_away` | the broker asked to be left (GO_AWAY) | the same |
//! | `moved` | the host name leads elsewhere by now | the same |
//! | `retired` | the connection was no longer needed | the same |
//! | `shutting_down` | this producer is shutting down | the same |
//! | `runtime_gone` | its runtime was dropped | the same |
//! | `no_answer` | sent, and not answered in time | perhaps |
//! | `not_written` | the connection did not take it in time | no |
//! | `connection_full` | no room on the connection in time | no |
//! | `not_encodable` | a field exceeds what the protocol can carry | no |
//! | `rejected` | an error code and the broker's words | no, or perhaps: by code |
//! | `bad_reply` | *stored*, and not where | perhaps |
//! | `not_store_ok` | stored, with less than was wished (`retry_another_broker_when_not_store_ok`) | yes |
//!
//! # Ends of transactions that nobody confirmed
//!
//! [`Unconfirmed::code`]. The send itself succeeded, and the final state stands: the broker asks the listener if
//! it does not know it.
//!
//! | code | what happened |
//! |---|---|
//! | `timed_out` | the broker could not be told in time |
//! | `unanswered` | it was told, and its answer has not come; to tell it again could deliver twice |
//! | `rejected` | it answered with an error code |
//! | `overtaken` | a check-back was answered first |
//! | `no_place` | its receipt does not tell where the half message is |
//! | `unrouted` | no route leads to it any more |
//! | `abandoned` | the wait was given up: a dropped future |
//! | `shutting_down` | the producer was shut down |
//!
//! # Before the first send, and after the last
//!
//! | code | error | what it means | what to do |
//! |---|---|---|---|
//! | `invalid_configuration` | [`ConfigError`] | a field breaks a rule; field, value and rule are named | mend the configuration |
//! | `bad_variable` | [`EnvError`] | an environment variable is not of its field's kind; its name is told | mend the environment |
//! | `unknown_template` | [`UnknownTemplate`] | there is no template of that name | take one of those that the text lists |
//! | `no_entropy` | [`StartError::Entropy`] | the operating system gives no random numbers | see to the sandbox |
//! | `no_runtime` | [`StartError::Runtime`] | `start` outside of a runtime, an executor that is gone, or no threads to be had | call it inside of one |
//! | `cut_off` | [`ShutdownError`] | sends were in flight when `shutdown_timeout` ended; each was answered `shutting_down` | raise `shutdown_timeout` |

pub use rocketmq_producer_core::{
    codec::{CodecError, Impostor},
    command::BadReply,
    delivery::{Attempt, AttemptFailure, Outcome, SendError, SendErrorKind, TimeoutPhase},
    error::WithCauses,
    link::{CallError, LinkError},
    model::{ConfigError, EnvError, InvalidMessage, InvalidName, UnknownTemplate},
    route::{BadSelection, RouteError},
    transaction::{Confirmed, Unconfirmed},
};
pub use rocketmq_producer_shared::{PrepareError, ShutdownError, StartError};
