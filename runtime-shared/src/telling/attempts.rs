//! The attempts of one send: spans within its own, and events where they are asked for.

use std::time::Duration;

use rocketmq_producer_core::{
    delivery::{AttemptEnd, AttemptFailure, AttemptReport, Delivery},
    model::{Address, MessageQueue},
};
use tracing::{
    Level, Span,
    field::{DisplayValue, Empty, display},
};

use super::names::{outcome_name, status_name};

#[derive(Debug)]
pub(super) struct Attempts {
    /// The one under way.
    current: Option<(u32, Span)>,
    /// What each is told with, if it is: `debug_enabled`.
    told: Option<(String, String)>,
}

impl Attempts {
    pub(super) fn of(delivery: &Delivery, tells: bool) -> Self {
        let message = delivery.message();
        let told = || (message.topic().to_owned(), message.uniq_key().unwrap_or_default().into());
        Self { current: None, told: tells.then(told) }
    }

    pub(super) fn take_in(&mut self, send: &Span, reports: Vec<AttemptReport>) {
        for report in reports {
            match report {
                AttemptReport::Begun { number, queue, address } => {
                    self.current = Some((number, open(send, number, &queue, Some(&address))));
                }
                AttemptReport::Ended { number, queue, address, elapsed, end } => {
                    let current = self.current.take_if(|(current, _)| *current == number);
                    // One that had no broker to go to was over before it began, and one that was
                    // given up has ended before.
                    let span = match current {
                        Some((_, span)) => span,
                        None => open(send, number, &queue, address.as_ref()),
                    };
                    close(&span, elapsed, &end);
                    self.tell(&span, number, &queue, address.as_ref(), elapsed, &end);
                }
                _ => {}
            }
        }
    }

    fn tell(
        &self,
        span: &Span,
        number: u32,
        queue: &MessageQueue,
        address: Option<&Address>,
        elapsed: Duration,
        end: &AttemptEnd,
    ) {
        let Some((topic, message_id)) = &self.told else { return };
        // Where spans of sends are not wanted, it is part of what the caller does.
        let parent = span.id().or_else(|| Span::current().id());
        tracing::debug!(
            target: "rocketmq_producer::send",
            parent: parent,
            topic,
            message_id,
            attempt = number,
            broker = &*queue.broker_name,
            queue = queue.queue_id,
            address = address.map(display),
            outcome = outcome(end),
            error = failure(end),
            elapsed_us = elapsed.as_micros() as u64,
            "attempt"
        );
    }
}

impl Drop for Attempts {
    fn drop(&mut self) {
        // An earlier attempt has been answered after all, or nobody waits for this one.
        if let Some((_, span)) = &self.current {
            span.record("outcome", "dropped");
        }
    }
}

fn open(send: &Span, number: u32, queue: &MessageQueue, address: Option<&Address>) -> Span {
    tracing::span!(
        target: "rocketmq_producer::send",
        parent: send,
        Level::TRACE,
        "attempt",
        attempt = number,
        broker = &*queue.broker_name,
        queue = queue.queue_id,
        address = address.map(display),
        outcome = Empty,
        elapsed_us = Empty,
        error = Empty,
    )
}

fn close(span: &Span, elapsed: Duration, end: &AttemptEnd) {
    span.record("elapsed_us", elapsed.as_micros() as u64);
    span.record("outcome", outcome(end));
    if let Some(failure) = failure(end) {
        span.record("error", failure);
    }
}

fn outcome(end: &AttemptEnd) -> &'static str {
    match end {
        AttemptEnd::Stored(status) => status_name(*status),
        AttemptEnd::StoredLate(_) => "stored_late",
        AttemptEnd::HandedOver => "handed_over",
        AttemptEnd::Failed(failure) => outcome_name(failure.outcome()),
        _ => "ended",
    }
}

fn failure(end: &AttemptEnd) -> Option<DisplayValue<&AttemptFailure>> {
    match end {
        AttemptEnd::Failed(failure) => Some(display(failure)),
        _ => None,
    }
}
