//! What outcomes are called in spans.

use rocketmq_producer_core::{delivery::Outcome, model::SendStatus};

pub(super) fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::NotSent => "not_sent",
        Outcome::Rejected => "rejected",
        Outcome::Unknown => "unknown",
    }
}

pub(super) fn status_name(status: SendStatus) -> &'static str {
    match status {
        SendStatus::SendOk => "stored",
        SendStatus::FlushDiskTimeout => "flush_disk_timeout",
        SendStatus::FlushSlaveTimeout => "flush_slave_timeout",
        SendStatus::SlaveNotAvailable => "slave_not_available",
        _ => "stored_in_doubt",
    }
}
