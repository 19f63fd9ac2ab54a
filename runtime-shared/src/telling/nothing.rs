//! What is left where nothing is told: nothing that takes room or time.

use rocketmq_producer_core::{
    delivery::{Delivered, Delivery, SendError},
    event::Event,
    model::{Message, ProducerConfig, SendReceipt},
    time::Now,
};

pub(crate) fn tell(_: &str, _: &Event) {}

#[derive(Debug, Default)]
pub(crate) struct SendSpan;

impl SendSpan {
    pub(crate) fn of(_: &mut Delivery, _: &ProducerConfig) -> Self {
        Self
    }

    pub(crate) fn apart(_: &mut Delivery, _: &ProducerConfig) -> Self {
        Self
    }

    pub(crate) fn is_watched(&self) -> bool {
        false
    }

    pub(crate) fn enter(&self) -> Option<()> {
        None
    }

    pub(crate) fn follow(&mut self, _: &mut Delivery) {}

    pub(crate) fn over(&mut self, _: Now, _: &Result<Delivered, SendError>) {}
}

#[derive(Debug)]
pub(crate) struct GatheredSpan;

impl GatheredSpan {
    pub(crate) fn of(_: Now, _: &Message) -> Self {
        Self
    }

    pub(crate) fn over(&mut self, _: Now, _: &Result<SendReceipt, SendError>) {}
}
