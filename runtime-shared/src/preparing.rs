//! Warming up.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use rocketmq_producer_core::{
    delivery::{Routing, SendErrorKind},
    error::WithCauses,
    time::Instant,
};

use crate::{Clock, Journey, Timed, Wire};

/// Finds the routes of topics, and has their brokers connected, all at one time.
#[derive(Debug)]
#[must_use = "nothing is prepared unless it is polled"]
pub struct Preparing<W: Wire> {
    clock: Clock,
    topics: Vec<(String, Stage<W>)>,
}

#[derive(Debug)]
enum Stage<W: Wire> {
    Looking(Box<Journey<W, Routing>>),
    Over(Option<SendErrorKind>),
}

impl<W: Wire> Preparing<W> {
    /// Those without a journey are refused, for this reason.
    pub(crate) fn new(
        clock: Clock,
        refusal: SendErrorKind,
        topics: impl IntoIterator<Item = (String, Option<Journey<W, Routing>>)>,
    ) -> Self {
        let stage = |journey: Option<Journey<W, Routing>>| match journey {
            Some(journey) => Stage::Looking(Box::new(journey)),
            None => Stage::Over(Some(refusal.clone())),
        };
        let topics = topics.into_iter().map(|(topic, journey)| (topic, stage(journey))).collect();
        Self { clock, topics }
    }

    fn journeys(&self) -> impl Iterator<Item = &Journey<W, Routing>> {
        self.topics.iter().filter_map(|(_, stage)| match stage {
            Stage::Looking(journey) => Some(&**journey),
            Stage::Over(_) => None,
        })
    }
}

impl<W: Wire> Future for Preparing<W> {
    type Output = Result<(), PrepareError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut over = true;
        for (_, stage) in &mut self.topics {
            let Stage::Looking(journey) = stage else { continue };
            match Pin::new(journey).poll(context) {
                Poll::Pending => over = false,
                Poll::Ready(result) => *stage = Stage::Over(result.err()),
            }
        }
        if !over {
            return Poll::Pending;
        }
        let failed = self.topics.iter().filter_map(|(topic, stage)| match stage {
            Stage::Over(Some(why)) => Some((topic.clone(), why.clone())),
            _ => None,
        });
        let failed: Vec<_> = failed.collect();
        Poll::Ready(if failed.is_empty() { Ok(()) } else { Err(PrepareError { topics: failed }) })
    }
}

impl<W: Wire> Timed for Preparing<W> {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn deadline(&self) -> Option<Instant> {
        self.journeys().filter_map(Timed::deadline).min()
    }

    fn expire(&self) {
        self.journeys().for_each(Timed::expire);
    }
}

/// Topics that could not be prepared. Sends to them may succeed all the same, later.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrepareError {
    /// Which, and why, in the order of the call.
    pub topics: Vec<(String, SendErrorKind)>,
}

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot prepare")?;
        for (index, (topic, why)) in self.topics.iter().enumerate() {
            write!(
                f,
                "{} topic {topic:?}: {why}",
                if index == 0 { "" } else { ";" },
                why = WithCauses(why)
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for PrepareError {}
