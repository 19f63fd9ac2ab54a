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
    members.iter().filter_map(|at| messages.get(*at)).collect()
}

/// What is told of each message, in their order.
pub(super) fn tell<T: Told>(messages: &[Message], ends: Vec<End>) -> Vec<Result<T, SendError>> {
    let mut told: Vec<Option<_>> = messages.iter().map(|_| None).collect();
    for End { members, result } in ends {
        let mut places = members.iter();
        let mut put = |one| {
            if let Some(place) = places.next().and_then(|at| told.get_mut(*at)) {
                *place = Some(one);
            }
        };
        let messages = pick(messages, &members);
        match result {
            Ok(delivered) => T::each(delivered, &messages, |one| put(Ok(one))),
            Err(error) => {
                let of = |message: &Message| error.for_message(message.clone());
                messages.into_iter().for_each(|message| put(Err(of(message))));
            }
        }
    }
    told.into_iter().flatten().collect()
}
