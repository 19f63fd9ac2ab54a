//! Leaving: drain, say goodbye to brokers, close.
//!
//! ```text
//!   Running ──Shutdown──▶ Draining ──Drained──▶ Leaving ──all goodbyes answered──▶ Stopped
//!                            └────────── time is up ──────────┴─────────────────────▶
//! ```

use std::{collections::BTreeSet, time::Duration};

use super::{Client, Output};
use crate::{
    command::ClientCommand,
    event::Event,
    ids::ChoreId,
    link::LinkError,
    time::{Deadline, Instant, Now},
};

/// How long a goodbye may go unanswered. Brokers forget who is gone by themselves, only later: it
/// is a courtesy, and not worth the whole time that a shutdown may take.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// How far the client is with leaving.
#[derive(Debug)]
pub(super) enum Life {
    Running,
    /// Sends in flight go on; the rest of life ends at `until`.
    Draining {
        until: Instant,
    },
    /// Goodbyes are out.
    Leaving {
        until: Instant,
        goodbyes: BTreeSet<ChoreId>,
    },
    Stopped,
}

impl Client {
    pub(super) fn begin_shutdown(&mut self, now: Now) {
        if matches!(self.life, Life::Running) {
            let timeout = self.config.shutdown_timeout;
            self.life = Life::Draining { until: now.instant + timeout };
            self.notify(Event::ShutdownBegun { timeout });
        }
    }

    /// Nothing is in flight: tell the brokers.
    pub(super) fn begin_leaving(&mut self, now: Now) {
        let Life::Draining { until } = self.life else { return };
        let until = until.min(now.instant + GOODBYE_MAX);
        let registered: Vec<_> = self.connections.registered().collect();
        let mut goodbyes = BTreeSet::new();
        for link in registered {
            let command = ClientCommand::Unregister {
                client_id: self.client_id.clone(),
                group: self.group.clone(),
            };
            goodbyes.insert(self.call(link, command, until));
        }
        self.life = Life::Leaving { until, goodbyes };
        self.stop_when_left(now);
    }

    /// A goodbye is answered, or will never be.
    pub(super) fn handle_goodbye(&mut self, now: Now, chore: ChoreId) {
        if let Life::Leaving { goodbyes, .. } = &mut self.life {
            goodbyes.remove(&chore);
        }
        self.stop_when_left(now);
    }

    pub(super) fn stop_when_left(&mut self, now: Now) {
        let over = match &self.life {
            Life::Running | Life::Stopped => false,
            Life::Draining { until } => *until <= now.instant,
            Life::Leaving { until, goodbyes } => goodbyes.is_empty() || *until <= now.instant,
        };
        if !over {
            return;
        }
        if matches!(self.life, Life::Draining { .. }) {
            self.outputs.push_back(Output::CutOff);
        }
        let links: Vec<_> = self.connections.links().collect();
        for link in links {
            self.outputs.push_back(Output::Close { link, cause: LinkError::ShuttingDown });
        }
        self.life = Life::Stopped;
        self.others_changed = true;
        self.last_word = Some(Output::Stopped);
    }

    pub(super) fn life_deadline(&self) -> Option<Deadline> {
        match &self.life {
            Life::Draining { until } => Some(Deadline { at: *until, why: "draining ends" }),
            Life::Leaving { until, .. } => Some(Deadline { at: *until, why: "leaving ends" }),
            Life::Running | Life::Stopped => None,
        }
    }
}
