//! Stands for the exports where the feature `metrics` is off: nothing goes anywhere.

use std::time::Duration;

use rocketmq_producer_core::{delivery::AttemptFate, stats::FailureClass};

use super::Sent;

#[derive(Debug, Default)]
pub(super) struct Exports {}

impl Exports {
    pub(super) fn started(&self, _: &str, _: u64) {}
    pub(super) fn entered(&self, _: u64) {}
    pub(super) fn left(&self, _: u64) {}
    pub(super) fn sent(&self, _: &str, _: Sent, _: u64) {}
    pub(super) fn failed(&self, _: &str, _: u64, _: impl FnOnce() -> Duration) {}
    pub(super) fn failures(&self, _: FailureClass, _: u64) {}
    pub(super) fn dropped(&self, _: u64) {}
    pub(super) fn retried(&self, _: u64) {}
    pub(super) fn possible_duplicates(&self, _: u64) {}
    pub(super) fn attempts(&self, _: &str, _: AttemptFate, _: u64) {}
}
