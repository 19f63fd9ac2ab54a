//! What people and programs are told of each kind of failed send: over real sockets, word for word.

mod scenes;

use std::{collections::BTreeSet, error::Error, time::Duration};

use rocketmq_producer::{
    Outcome::{NotSent, Rejected, Unknown},
    ProducerConfig, SendError, SendErrorKind,
};

use rocketmq_producer_testkit::model::Fault;

use crate::{subject::Subject, world::*};

/// A text with its addresses as `ADDRESS`, its times as `TIME`, and numbers of attempts as `SEVERAL`.
fn normalised(text: &str) -> String {
    let is_place = |c: char| c.is_ascii_digit() || matches!(c, '.' | ':');
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let inside_a_word = out.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        if !c.is_ascii_digit() || inside_a_word {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let number = &rest[..rest.find(|c| !is_place(c)).unwrap_or(rest.len())];
        let number = number.trim_end_matches([':', '.']);
        rest = &rest[number.len()..];
        let unit = ["ns", "µs", "ms", "s"].into_iter().find(|unit| {
            let after = rest.strip_prefix(unit);
            after.is_some_and(|after| !after.starts_with(char::is_alphanumeric))
        });
        match unit {
            Some(unit) => {
                out.push_str("TIME");
                rest = &rest[unit.len()..];
            }
            None if number.contains(':') => out.push_str("ADDRESS"),
            None if rest.starts_with(" attempts") => out.push_str("SEVERAL"),
            None => out.push_str(number),
        }
    }
    out
}

fn causes(error: &SendError) -> Vec<String> {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| {
        let cause = *cause;
        cause.source()
    });
    causes.map(|cause| normalised(&cause.to_string())).collect()
}

/// Expands each scene for each runtime, and collects the codes that are shown.
macro_rules! told {
    ($($name:ident: $scene:ident, $code:literal, $outcome:ident, retryable: $retryable:literal,
       $text:literal $(, because $cause:literal)*;)+) => {
        $(fn $name<S: Subject, T: crate::transactor::Transacts>() {
            let error = scenes::$scene::<S, T>();
            let causes: &[&str] = &[$($cause),*];
            assert_eq!(normalised(&error.to_string()), $text);
            assert_eq!(self::causes(&error), causes);
            let facts = (error.code(), error.outcome(), error.is_retryable());
            assert_eq!(facts, ($code, $outcome, $retryable));
            let story = format!("{error:#}");
            assert!(story.starts_with(&error.to_string()), "{story}");
            assert!(causes.iter().all(|cause| normalised(&story).contains(cause)), "{story}");
        })+
        const SHOWN: &[&str] = &[$($code),+];
        told!(@on blocking, Blocking, $($name),+);
        told!(@on mio, Mio, $($name),+);
        told!(@on smol, Smol, $($name),+);
        told!(@on tokio, Tokio, $($name),+);
    };
    (@on $module:ident, $runtime:ident, $($name:ident),+) => {
        mod $module {
            use crate::{subject, transactor};
            $(#[test] fn $name() {
                super::$name::<subject::$runtime, transactor::$runtime>();
            })+
        }
    };
}

told! {
    a_producer_that_was_not_started: not_started, "not_started", NotSent, retryable: false,
        "cannot send to topic \"Contract\": the producer has not been started; the message was not \
         sent; call start first";
    a_producer_that_was_shut_down: already_shut_down, "already_shut_down", NotSent, retryable: false,
        "cannot send to topic \"Contract\": the producer is not running any more; the message was \
         not sent; start it again, or stop sending before the shutdown";
    a_send_that_a_shutdown_cuts_off: shutting_down, "shutting_down", Unknown, retryable: false,
        "cannot send to topic \"Contract\": the producer is shutting down, after 1 attempt in TIME; \
         the message may have been stored; let sends end before the shutdown, or raise \
         shutdown_timeout";
    a_message_that_breaks_a_rule: invalid_message, "invalid_message", NotSent, retryable: false,
        "cannot send to topic \"Contract\": the body is empty; the message was not sent; change the \
         message";
    a_message_larger_than_all_that_may_be_in_flight: too_large, "too_large", NotSent, retryable: false,
        "cannot send to topic \"Contract\": the message takes 2052 bytes, and all sends in flight \
         may take 1000 (in_flight_bytes_max); the message was not sent; send less at once, or raise \
         in_flight_bytes_max";
    a_selector_that_chooses_what_is_not_there: bad_selection, "bad_selection", NotSent, retryable: false,
        "cannot send to topic \"Contract\": the selector chose number 4 of 4 queues; the message was \
         not sent; mend the queue selector";
    row_45_a_topic_that_nobody_knows: topic_not_found, "topic_not_found", NotSent, retryable: false,
        "cannot send to topic \"Contract\": topic \"Contract\" does not exist (asked ADDRESS); the \
         message was not sent; create the topic, or mend its name";
    row_45_name_servers_that_are_down:
        name_servers_unreachable, "name_servers_unreachable", NotSent, retryable: true,
        "cannot send to topic \"Contract\": no name server has answered: ADDRESS: cannot connect: \
         Connection refused (os error 111); the message was not sent; see whether namesrv_addr is \
         right and they can be reached from here";
    row_45_a_topic_that_may_not_be_written: no_writable_queue, "no_writable_queue", NotSent, retryable: true,
        "cannot send to topic \"Contract\": topic \"Contract\" has no writable queue on any broker \
         with a master; the message was not sent; see whether its brokers have masters, and make a \
         queue writable";
    row_45_a_route_that_is_garbage: bad_route, "bad_route", NotSent, retryable: false,
        "cannot send to topic \"Contract\": name server ADDRESS sent no route: it is not a JSON \
         object; the message was not sent; see what answers at the name server's address";
    row_45_a_name_server_that_denies:
        refused_by_name_server, "refused_by_name_server", NotSent, retryable: false,
        "cannot send to topic \"Contract\": name server ADDRESS refused: code 16 (NO_PERMISSION): \
         denied; the message was not sent; see the name server's log";
    a_broker_that_hangs_up: broker_not_available, "broker_not_available", Unknown, retryable: true,
        "cannot send to topic \"Contract\": broker broker-a at ADDRESS is not available \
         (closed_by_peer), after 1 attempt in TIME; the message may have been stored; see whether \
         the broker runs, and whether its address can be reached from here",
        because "sent, and what became of it is unknown",
        because "the peer closed the connection";
    a_broker_that_is_an_http_server: not_rocketmq, "broker_not_available", Unknown, retryable: true,
        "cannot send to topic \"Contract\": broker broker-a at ADDRESS is not available \
         (protocol_broken), after 1 attempt in TIME; the message may have been stored; see whether \
         the broker runs, and whether its address can be reached from here",
        because "sent, and what became of it is unknown",
        because "the peer broke the protocol",
        because "the peer answered with HTTP, not with the RocketMQ remoting protocol";
    a_broker_that_is_down: nobody_there, "broker_not_available", NotSent, retryable: true,
        "cannot send to topic \"Contract\": broker broker-a at ADDRESS is not available \
         (connect_failed), after SEVERAL attempts in TIME; the message was not sent; see whether the \
         broker runs, and whether its address can be reached from here",
        because "nothing of it was sent",
        because "cannot connect: Connection refused (os error 111)";
    an_ordered_message_whose_broker_is_gone: order_unavailable, "order_unavailable", Unknown, retryable: true,
        "cannot send to topic \"Contract\": the message may go to broker broker-a at ADDRESS only, \
         which is not available (closed_by_peer), after 1 attempt in TIME; the message may have been \
         stored; bring the broker back: another queue would break the order",
        because "sent, and what became of it is unknown",
        because "the peer closed the connection";
    a_message_that_the_broker_refuses: illegal, "rejected", Rejected, retryable: false,
        "cannot send to topic \"Contract\": broker broker-a at ADDRESS refused the message: code 13 \
         (MESSAGE_ILLEGAL): the message is illegal, after 1 attempt in TIME; the message was not \
         stored; see the broker's limits (maxMessageSize) and the topic's type";
    a_broker_that_may_not_write: read_only, "rejected", Rejected, retryable: true,
        "cannot send to topic \"Contract\": broker broker-a at ADDRESS refused the message: code 14 \
         (SERVICE_NOT_AVAILABLE): the disk is full, after 1 attempt in TIME; the message was not \
         stored; see to the broker's disk and role";
    a_timer_for_an_old_broker: broker_too_old, "broker_too_old", NotSent, retryable: false,
        "cannot send to topic \"Contract\": broker broker-a at ADDRESS cannot deliver at a time: it \
         is of version 403, after 1 attempt in TIME; the message was not sent; upgrade the broker, \
         or use delay levels";
    an_answer_that_says_nothing: bad_reply, "bad_reply", Unknown, retryable: false,
        "cannot send to topic \"Contract\": the answer of broker broker-a at ADDRESS cannot be \
         understood, after 1 attempt in TIME; the message may have been stored; see what answers at \
         the broker's address",
        because "the broker's answer says that the message is stored, but msgId is missing or malformed";
    row_46_no_permit_in_time: no_permit, "timed_out", NotSent, retryable: true,
        "cannot send to topic \"Contract\": timed out after TIME, waiting for other sends to end; \
         the message was not sent; send less at once, or raise async_send_semaphore and \
         in_flight_bytes_max if brokers keep up";
    row_46_not_its_turn_in_time: not_its_turn, "timed_out", NotSent, retryable: true,
        "cannot send to topic \"Contract\": timed out after TIME, waiting for the messages before it \
         with the same sharding key; the message was not sent; spread the load over more sharding \
         keys: those of one go one at a time";
    row_46_no_route_in_time: no_route_in_time, "timed_out", NotSent, retryable: true,
        "cannot send to topic \"Contract\": timed out after TIME, waiting for the topic's route; the \
         message was not sent; see whether the name servers answer, or allow more time";
    row_46_no_connection_in_time: no_connection_in_time, "timed_out", NotSent, retryable: true,
        "cannot send to topic \"Contract\": timed out after TIME, waiting for a connection to the \
         broker (broker broker-a at ADDRESS (translated, it advertises ADDRESS)), after 1 attempt; \
         the message was not sent; see whether its address can be reached from here, or allow more \
         time";
    row_46_no_room_in_time: no_room_in_time, "timed_out", NotSent, retryable: true,
        "cannot send to topic \"Contract\": timed out after TIME, waiting for room on the connection \
         (broker broker-a at ADDRESS), after 1 attempt; the message was not sent; see whether the \
         broker keeps up: it reads slowly, or was busy";
    row_46_not_written_in_time: not_written_in_time, "timed_out", NotSent, retryable: true,
        "cannot send to topic \"Contract\": timed out after TIME, waiting for the connection to take \
         the message (broker broker-a at ADDRESS), after 1 attempt; the message was not sent; see \
         whether the broker reads, and what the network takes";
    row_46_no_answer_in_time: no_answer_in_time, "timed_out", Unknown, retryable: true,
        "cannot send to topic \"Contract\": timed out after TIME, waiting for the broker's answer \
         (broker broker-a at ADDRESS), after 1 attempt; the message may have been stored; see what \
         the broker is slow at";
    a_producer_that_is_full: full, "full", NotSent, retryable: true,
        "cannot send to topic \"Contract\": 1 sends of 57 bytes are in flight, and no more are \
         allowed; the message was not sent; send later, or wait for room with send";
    a_transaction_that_is_open_already: transaction_open, "transaction_open", NotSent, retryable: false,
        "cannot send to topic \"Contract\": a transaction of this message is under way already; the \
         message was not sent; end that transaction first, or send another message";
    a_transaction_that_has_ended: transaction_ended, "transaction_ended", NotSent, retryable: false,
        "cannot send to topic \"Contract\": a transaction of this message has ended already \
         (RollbackMessage); the message was not sent; begin another, with a message that has no id yet";
    a_half_message_stored_with_doubt: half_in_doubt, "half_in_doubt", Unknown, retryable: true,
        "cannot send to topic \"Contract\": the half message may be lost again (FlushSlaveTimeout), \
         and was rolled back; the message may have been stored; begin the transaction again, and see \
         to the broker's replicas";
}

#[test]
fn every_kind_of_error_is_shown() {
    let codes = |codes: &[&'static str]| codes.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(codes(SHOWN), codes(SendErrorKind::CODES));
}

/// The page that users look codes up on.
#[test]
fn every_code_is_on_the_errors_page() {
    let page = include_str!("../../../src/errors.rs");
    let rows = page.lines().filter_map(|line| line.strip_prefix("//! | `")?.split_once("` |"));
    let listed: BTreeSet<_> = rows.map(|(code, _)| code).collect();
    let all = [
        SendErrorKind::CODES,
        rocketmq_producer::LinkError::CODES,
        rocketmq_producer::InvalidMessage::CODES,
        rocketmq_producer::Unconfirmed::CODES,
        rocketmq_producer::TimeoutPhase::CODES,
    ];
    for code in all.into_iter().flatten() {
        assert!(listed.contains(code), "{code} is not on the page");
    }
}

/// Whether such a send ends with the last refusal or while it waits for the broker to be less busy is
/// a matter of moments.
fn a_broker_that_stays_busy_is_told_as_busy<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_timeout(Duration::from_secs(1)));
    let _ = producer.send(message("the connection is up")).expect("the cluster is healthy");
    let remark = "[TIMEOUT_CLEAN_QUEUE]broker busy".to_owned();
    cluster.set_fault(&broker_a(), Fault::Answer { code: 2, remark, times: u32::MAX });
    let error = producer.send(message("x")).expect_err("the broker stays busy");
    let facts = (error.is_busy(), error.is_retryable(), error.outcome());
    assert_eq!(facts, (true, true, Rejected), "{error:#}");
    assert!(
        format!("{error:#}").contains("code 2 (SYSTEM_BUSY): [TIMEOUT_CLEAN_QUEUE]"),
        "{error:#}"
    );
}

fn a_wrong_configuration_names_field_value_and_rule<S: Subject>() {
    let config = ProducerConfig::new("orders", "http://localhost:9876");
    let error = S::new(config).err().expect("that is no address");
    assert_eq!(error.code(), "invalid_configuration");
    let told = error.to_string();
    assert!(told.contains("namesrv_addr") && told.contains("http://localhost:9876"), "{told}");
    assert!(error.source().is_none(), "the rule is in the text");
}

fn topics_that_cannot_be_prepared_are_told_with_their_causes<S: Subject>() {
    let cluster = one_broker();
    cluster.model(|model| model.set_auto_create(false));
    let producer = S::new(config(&cluster)).expect("the configuration is valid");
    let early = producer.prepare(&["A"]).expect_err("it was not started");
    let not_started = r#"cannot prepare topic "A": the producer has not been started"#;
    assert_eq!(early.to_string(), not_started);
    producer.start().expect("there are threads and entropy");
    let error = producer.prepare(&["A", "B"]).expect_err("nobody knows them");
    let told = concat!(
        r#"cannot prepare topic "A": topic "A" does not exist (asked ADDRESS);"#,
        r#" topic "B": topic "B" does not exist (asked ADDRESS)"#,
    );
    assert_eq!(normalised(&error.to_string()), told);
    assert!(error.topics.iter().all(|(_, why)| why.code() == "topic_not_found"));
    assert!(error.source().is_none(), "there are several causes, which the text lists");
}

mod others {
    crate::world::on_every_runtime!(
        a_broker_that_stays_busy_is_told_as_busy,
        a_wrong_configuration_names_field_value_and_rule,
        topics_that_cannot_be_prepared_are_told_with_their_causes,
    );
    use super::{
        a_broker_that_stays_busy_is_told_as_busy, a_wrong_configuration_names_field_value_and_rule,
        topics_that_cannot_be_prepared_are_told_with_their_causes,
    };
}
