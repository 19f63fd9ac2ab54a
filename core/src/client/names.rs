//! Following name servers whose names come to lead elsewhere.
//!
//! Every dial resolves anew, but a connection that lasts would hold on to an address for ever: one
//! that still answers, perhaps with routes of long ago.

use super::{Client, Output};
use crate::{
    ids::LinkId,
    link::LinkError,
    model::Address,
    time::{Deadline, Now},
};

impl Client {
    /// A connection is up: where it leads is looked up again and again, if it is a name server's
    /// and has a name.
    pub(super) fn watch_name(&mut self, now: Now, link: LinkId, address: &Address) {
        if self.name_servers.contains(address) && !address.is_literal() {
            self.name_checks.insert(link, now.instant + self.config.poll_name_server_interval);
        }
    }

    /// Looks names up whose time has come.
    pub(super) fn check_names(&mut self, now: Now) {
        if self.topics.is_empty() {
            // Nobody needs them for now.
            return;
        }
        let due = self.name_checks.iter().filter(|(_, at)| **at <= now.instant);
        for link in due.map(|(link, _)| *link).collect::<Vec<_>>() {
            // Looked up again when this has had its answer, be it late.
            self.name_checks.remove(&link);
            if let Some(address) = self.connections.address_of(link).cloned() {
                self.outputs.push_back(Output::Resolve { link, address });
            }
        }
    }

    /// A name has been looked up; if it leads elsewhere now, so do new questions.
    pub(super) fn handle_resolved(&mut self, now: Now, link: LinkId, moved: bool) {
        let Some(address) = self.connections.address_of(link).cloned() else { return };
        if self.connections.up(&address) != Some(link) {
            return;
        }
        if !moved {
            return self.watch_name(now, link, &address);
        }
        self.name_checks.remove(&link);
        self.retire(now, link, LinkError::Moved);
        for address in self.connections.due(now) {
            self.dial(now, &address);
        }
    }

    pub(super) fn names_deadline(&self) -> Option<Deadline> {
        let at = self.name_checks.values().min().filter(|_| !self.topics.is_empty())?;
        Some(Deadline { at: *at, why: "a name server's name is to be looked up" })
    }
}
