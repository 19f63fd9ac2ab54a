//! What a `tracing` subscriber gets to see (feature `tracing`, on by default).
//!
//! Nothing is printed, no file is written, no global is set: what is told goes to the subscriber
//! that the program has, and costs one comparison a send where there is none. Housekeeping runs on
//! threads or tasks of its own, so its events go to the *global* subscriber; a send's spans go to the
//! one of the thread that polls it.
//!
//! # Events
//!
//! Each change of state is told once, whoever notices it first and however often it is met. Every
//! event has the fields `event` (its name), `client_id`, and a message in words. WARN is what is worth
//! waking somebody for; in an idle hour nothing is told above DEBUG.
//!
//! | `event` | level | target `rocketmq_producer::` | fields besides | meaning |
//! |---|---|---|---|---|
//! | `started` | INFO | `lifecycle` | `group` | a session begins |
//! | `shutdown_begun` | INFO | `lifecycle` | | no more sends may begin |
//! | `shutdown_ended` | INFO, WARN if any | `lifecycle` | `unfinished` | it has ended; so many sends were cut off |
//! | `driver_gone` | INFO, WARN if any | `lifecycle` | `unfinished` | the runtime was dropped first |
//! | `connected` | INFO; DEBUG for a healthy name server | `connection` | `peer`, `address`, `failures` | a connection is up, after so many that failed |
//! | `dial_failed` | WARN; INFO for a name server | `connection` | `peer`, `address`, `cause` | it cannot be opened; told again only after it was up |
//! | `disconnected` | INFO; DEBUG for name servers, and where nobody needs it | `connection` | `peer`, `address`, `cause` | it has ended; one that never lasts is told once |
//! | `go_away` | INFO | `connection` | `peer`, `address` | a broker is shutting down and asks to be left |
//! | `heartbeat_refused` | WARN | `connection` | `address`, `code`, `remark` | a broker does not take the group in |
//! | `heartbeat_accepted` | INFO | `connection` | `address` | it does again |
//! | `broker_state_changed` | INFO; WARN to `Unhealthy` | `broker` | `broker`, `from`, `to`, `changes` | its health, or a suspension; at most four at once and then one in ten seconds, which counts those in between |
//! | `name_servers_unreachable` | WARN | `route` | | none has answered: the message has each cause |
//! | `name_servers_reachable` | INFO | `route` | `name_server` | one has, after that |
//! | `route_found` | DEBUG; INFO after a failure | `route` | `topic`, `name_server`, `queues`, `brokers` | a topic has a route |
//! | `route_changed` | INFO | `route` | `topic`, `name_server`, `queues`, `brokers` | it has another |
//! | `route_lost` | WARN | `route` | `topic`, `error` | it has none any more |
//! | `route_failed` | DEBUG; WARN for garbage | `route` | `topic`, `error` | it could not be found or confirmed; the last good route serves |
//! | `topic_forgotten` | DEBUG | `route` | `topic` | no send has used it for long |
//! | `transactions_timed_out` | WARN | `transaction` | `count` | so many have come to no end in time; at most once a minute |
//! | `checks_overlooked` | WARN | `transaction` | `count` | so many check-backs were answered without the listener; at most once a minute |
//!
//! # Spans
//!
//! Of single messages, nothing is told above TRACE. There, with the target
//! `rocketmq_producer::send`:
//!
//! | span | within | fields |
//! |---|---|---|
//! | `send` | the caller's span, when the send was begun | `topic`, `message_id` (of a batch's first message), `kind` (`single`, `batch`, `half`, `gathered`), `oneway`, `size` (bytes); at its end `outcome`, `attempts`, `broker`, `queue`, `elapsed_us`, `error` |
//! | `attempt` | its `send` | `attempt` (from 0), `broker`, `queue`, `address`; at its end `outcome`, `elapsed_us`, `error` |
//!
//! `outcome` is `stored` (or the status that leaves durability in doubt: `flush_disk_timeout`,
//! `flush_slave_timeout`, `slave_not_available`), `handed_over` (one-way), `not_sent`, `rejected`,
//! `unknown`, `dropped` (nobody waits any longer), and of an attempt that was given up and is answered
//! after all, `stored_late`. Bodies and properties are never told.
//!
//! A span is entered while its send is polled, and closed with its future. Each request of a batch is
//! a send; messages that gather (`auto_batch`) have a `send` each, and the request in which they travel
//! has one of its own, within nobody's.
//!
//! [`debug_enabled`](crate::ProducerConfig::debug_enabled) tells each attempt's end as an event
//! `attempt` at DEBUG, with the fields of both spans: for those who want to see what happens to
//! messages without spans.
