//! Batches as they are awaited: answered, one-way, or refused at once.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use rocketmq_producer_core::{
    delivery::{SendError, SendErrorKind},
    model::{Message, SendReceipt},
    time::Instant,
};

use super::{Batch, ends::Told};
use crate::{Clock, Timed, Wire};

/// A batch that waits for the brokers' answers.
#[derive(Debug)]
#[must_use = "nothing is sent unless it is polled"]
pub struct AnsweredBatch<W: Wire>(pub(crate) BatchOrNone<W>);

/// A batch that is not answered.
#[derive(Debug)]
#[must_use = "nothing is sent unless it is polled"]
pub struct OnewayBatch<W: Wire>(pub(crate) BatchOrNone<W>);

/// A batch under way, or what it was refused for.
#[derive(Debug)]
pub(crate) enum BatchOrNone<W: Wire> {
    Begun(Box<Batch<W>>),
    Refused(Vec<SendError>, Clock),
}

impl<W: Wire> BatchOrNone<W> {
    pub(crate) fn refused(why: &SendErrorKind, messages: Vec<Message>, clock: Clock) -> Self {
        let error = |message| SendError::not_sent(why.clone(), message);
        Self::Refused(messages.into_iter().map(error).collect(), clock)
    }

    fn poll<T: Told>(&mut self, context: &mut Context<'_>) -> Poll<Vec<Result<T, SendError>>> {
        match self {
            Self::Begun(batch) => batch.poll_over(context).map(|()| batch.tell()),
            Self::Refused(errors, _) => Poll::Ready(errors.drain(..).map(Err).collect()),
        }
    }

    fn timed(&self) -> Option<&Batch<W>> {
        match self {
            Self::Begun(batch) => Some(batch),
            Self::Refused(..) => None,
        }
    }

    fn clock(&self) -> &Clock {
        match self {
            Self::Begun(batch) => batch.clock(),
            Self::Refused(_, clock) => clock,
        }
    }

    /// What all its messages were refused for, if they were.
    pub(crate) fn refusals(&self) -> &[SendError] {
        match self {
            Self::Begun(_) => &[],
            Self::Refused(errors, _) => errors,
        }
    }
}

impl<W: Wire> Future for AnsweredBatch<W> {
    type Output = Vec<Result<SendReceipt, SendError>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}

impl<W: Wire> Future for OnewayBatch<W> {
    type Output = Vec<Result<(), SendError>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}

/// Those that are a batch, or none, with a face around it.
macro_rules! timed_as_a_batch {
    ($($face:ident),+) => {
        $(impl<W: Wire> Timed for $face<W> {
            fn clock(&self) -> &Clock {
                self.0.clock()
            }

            fn deadline(&self) -> Option<Instant> {
                self.0.timed()?.deadline()
            }

            fn expire(&self) {
                if let Some(batch) = self.0.timed() {
                    batch.expire();
                }
            }
        })+
    };
}
timed_as_a_batch!(AnsweredBatch, OnewayBatch);
