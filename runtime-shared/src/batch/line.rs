//! Requests of a batch that go one after the other.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use rocketmq_producer_core::{
    delivery::{Parcel, SendError, Share},
    model::MessageQueue,
    route::Choice,
};

use super::{Batch, ends::pick};
use crate::{Sending, Wire, entering::Part};

#[derive(Debug)]
pub(super) struct Line<W: Wire> {
    queue: Option<MessageQueue>,
    requests: VecDeque<Vec<usize>>,
    /// The request that is under way, and the messages in it.
    pub(super) current: Option<(Vec<usize>, Sending<W>)>,
}

/// Requests to one queue go one after the other, all others for themselves.
pub(super) fn lines<W: Wire>(Share { queue, requests }: Share) -> Vec<Line<W>> {
    let line = |requests: VecDeque<_>| Line { queue: queue.clone(), requests, current: None };
    match &queue {
        Some(_) => vec![line(requests.into())],
        None => requests.into_iter().map(|request| line(VecDeque::from([request]))).collect(),
    }
}

impl<W: Wire> Batch<W> {
    /// Moves a line as far as it goes; it has nothing under way when it is over.
    pub(super) fn poll_line(&mut self, line: &mut Line<W>, context: &mut Context<'_>) {
        loop {
            if let Some((members, sending)) = &mut line.current {
                let Poll::Ready(result) = Pin::new(sending).poll(context) else { return };
                let members = std::mem::take(members);
                line.current = None;
                self.take_in(members, result);
            }
            let Some(members) = line.requests.pop_front() else { return };
            match self.begin(&members, line.queue.clone()) {
                Some(Ok(sending)) => line.current = Some((members, sending)),
                Some(Err(error)) => self.take_in(members, Err(error)),
                None => {}
            }
        }
    }

    /// Begins one request; none of no messages.
    fn begin(
        &self,
        members: &[usize],
        queue: Option<MessageQueue>,
    ) -> Option<Result<Sending<W>, SendError>> {
        let session = self.session();
        let begin = |parcel: Parcel| {
            let parcel = if self.oneway { parcel.oneway() } else { parcel };
            let mut options = self.options.clone();
            options.choice = Some(queue.map_or_else(|| self.choice.clone(), Choice::Queue));
            let (guard, messages) = (self.session.share(), members.len() as u64);
            let part = Part { started: self.started, slot: &self.slot, messages };
            session.begin_request(parcel, options, part, guard)
        };
        let parcel = Parcel::batch(&session.config, pick(&self.messages, members))?;
        Some(parcel.and_then(begin))
    }
}
