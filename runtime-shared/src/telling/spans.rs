//! One span for each send.

use rocketmq_producer_core::{
    delivery::{Delivered, Delivery, SendError},
    model::{Message, ProducerConfig, SendReceipt},
    time::Now,
};
use tracing::{
    Level, Span,
    field::{Empty, display},
    level_filters::LevelFilter,
    span::Entered,
};

use super::{
    attempts::Attempts,
    names::{outcome_name, status_name},
};

/// The span of one send, and of its attempts within it. A pointer that is null, and no more, where
/// nobody wants to see it.
#[derive(Debug, Default)]
pub(crate) struct SendSpan(Option<Box<Watched>>);

#[derive(Debug)]
struct Watched {
    begun: Now,
    attempts: Attempts,
    send: OpenSpan,
}

impl SendSpan {
    /// Opens it within the caller's, if there is a subscriber that wants it, or attempts told one by
    /// one.
    pub(crate) fn of(delivery: &mut Delivery, config: &ProducerConfig) -> Self {
        Self::open(delivery, config, Span::current)
    }

    /// The same, within nobody's.
    pub(crate) fn apart(delivery: &mut Delivery, config: &ProducerConfig) -> Self {
        Self::open(delivery, config, Span::none)
    }

    fn open(
        delivery: &mut Delivery,
        config: &ProducerConfig,
        parent: impl FnOnce() -> Span,
    ) -> Self {
        let tells = config.debug_enabled && Level::DEBUG <= LevelFilter::current();
        if !tells && Level::TRACE > LevelFilter::current() {
            return Self(None);
        }
        let send = open(delivery, &parent());
        if !tells && send.is_disabled() {
            return Self(None);
        }
        delivery.watch();
        let attempts = Attempts::of(delivery, tells);
        Self(Some(Box::new(Watched { begun: delivery.started(), attempts, send: OpenSpan(send) })))
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.0.is_some()
    }

    /// For as long as the send is polled.
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        self.0.as_ref().map(|watched| watched.send.0.enter())
    }

    /// Takes in what has become of attempts.
    pub(crate) fn follow(&mut self, delivery: &mut Delivery) {
        if let Some(watched) = &mut self.0 {
            watched.attempts.take_in(&watched.send.0, delivery.take_reports());
        }
    }

    /// The send is over.
    pub(crate) fn over(&mut self, now: Now, result: &Result<Delivered, SendError>) {
        let Some(watched) = self.0.take() else { return };
        let receipt = match result {
            Ok(Delivered::Stored(receipt)) => Ok(Some(receipt)),
            Ok(Delivered::HandedOver) => Ok(None),
            Err(error) => Err(error),
        };
        let Watched { begun, send, .. } = *watched;
        send.close(begun, now, receipt);
    }
}

fn open(delivery: &Delivery, parent: &Span) -> Span {
    let (message, parcel) = (delivery.message(), delivery.parcel());
    let kind = match parcel {
        parcel if parcel.is_half() => "half",
        parcel if parcel.is_batch() => "batch",
        _ => "single",
    };
    new_span(message, kind, parcel.is_oneway(), delivery.size(), parent)
}

fn new_span(
    message: &Message,
    kind: &'static str,
    oneway: bool,
    size: usize,
    parent: &Span,
) -> Span {
    tracing::span!(
        target: "rocketmq_producer::send",
        parent: parent.id(),
        Level::TRACE,
        "send",
        topic = message.topic(),
        message_id = message.uniq_key().unwrap_or_default(),
        kind,
        oneway,
        size,
        outcome = Empty,
        attempts = Empty,
        broker = Empty,
        queue = Empty,
        elapsed_us = Empty,
        error = Empty,
    )
}

/// A span of a send that is not over; one that is dropped says that it was.
#[derive(Debug)]
struct OpenSpan(Span);

impl OpenSpan {
    fn close(mut self, begun: Now, now: Now, result: Result<Option<&SendReceipt>, &SendError>) {
        let (span, elapsed) = (&self.0, now.instant.saturating_since(begun.instant));
        span.record("elapsed_us", elapsed.as_micros() as u64);
        match result {
            Ok(Some(receipt)) => {
                span.record("attempts", receipt.attempts);
                span.record("broker", &*receipt.message_queue.broker_name);
                span.record("queue", receipt.message_queue.queue_id);
                span.record("outcome", status_name(receipt.status));
            }
            Ok(None) => _ = span.record("outcome", "handed_over"),
            Err(error) => {
                span.record("attempts", error.attempts().len());
                span.record("outcome", outcome_name(error.outcome()));
                span.record("error", display(error.kind()));
            }
        }
        // It has had its outcome.
        self.0 = Span::none();
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        self.0.record("outcome", "dropped");
    }
}

/// The span of a send that gathers: its lot has one of its own, with the attempts.
#[derive(Debug)]
pub(crate) struct GatheredSpan(Option<Box<(Now, OpenSpan)>>);

impl GatheredSpan {
    pub(crate) fn of(now: Now, message: &Message) -> Self {
        if Level::TRACE > LevelFilter::current() {
            return Self(None);
        }
        let size = message.encoded_len();
        let span = new_span(message, "gathered", false, size, &Span::current());
        Self((!span.is_disabled()).then(|| Box::new((now, OpenSpan(span)))))
    }

    pub(crate) fn over(&mut self, now: Now, result: &Result<SendReceipt, SendError>) {
        if let Some(watched) = self.0.take() {
            let (begun, span) = *watched;
            span.close(begun, now, result.as_ref().map(Some));
        }
    }
}
