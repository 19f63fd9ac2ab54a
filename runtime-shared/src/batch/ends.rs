//! How the messages of a batch have ended.

use rocketmq_producer_core::{
    delivery::{Delivered, SendError, split_receipt},
    model::{Message, SendReceipt},
};

use crate::sending::receipt;

/// The common end of some messages: of those of one request, or of all that are never sent.
#[derive(Debug)]
pub(super) struct End {
    /// Their places in the call, in order.
    pub(super) members: Vec<usize>,
    pub(super) result: Result<Delivered, SendError>,
}

/// What is told of a message that has ended well.
pub(super) trait Told: Sized {
    /// Of each of these, whose request has ended in this way.
    fn each(delivered: Delivered, messages: &[&Message], tell: impl FnMut(Self));
}

impl Told for SendReceipt {
    fn each(delivered: Delivered, messages: &[&Message], tell: impl FnMut(Self)) {
        split_receipt(&receipt(delivered), messages.iter().copied()).for_each(tell);
    }
}

impl Told for () {
    fn each(_: Delivered, messages: &[&Message], mut tell: impl FnMut(Self)) {
        messages.iter().for_each(|_| tell(()));
    }
}

/// Those of these messages.
pub(super) fn pick<'a>(messages: &'a [Message], members: &[usize]) -> Vec<&'a Message> {
    let mut picked = Vec::with_capacity(members.len());
    picked.extend(members.iter().filter_map(|at| messages.get(*at)));
    picked
}

/// What is told of each message, in their order.
pub(super) fn tell<T: Told>(messages: &[Message], mut ends: Vec<End>) -> Vec<Result<T, SendError>> {
    ends.sort_unstable_by_key(|end| end.members.first().copied());
    let count = messages.len();
    let (mut places, mut told) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for End { members, result } in ends {
        let messages = pick(messages, &members);
        match result {
            Ok(delivered) => T::each(delivered, &messages, |one| told.push(Ok(one))),
            Err(error) => {
                let of = |message: &Message| Err(error.for_message(message.clone()));
                told.extend(messages.into_iter().map(of));
            }
        }
        places.extend(members);
    }
    if places.is_sorted() {
        return told;
    }
    // Messages to one queue were among those to others.
    let mut placed: Vec<_> = places.into_iter().zip(told).collect();
    placed.sort_unstable_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, one)| one).collect()
}
