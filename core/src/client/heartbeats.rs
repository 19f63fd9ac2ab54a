//! Telling brokers that this producer is there, and finding out whether they are.
//!
//! The first heartbeat on a connection is answered: it registers the group and tells the broker's
//! version. From then on one goes out every interval that nobody waits for. A connection on which
//! nothing has been heard for a while gets one that is answered, or else the connection is given
//! up: better that a heartbeat finds a dead peer than a send.

use std::time::Duration;

use super::{Client, Output, shutdown::Life};
use crate::{
    codec::Frame,
    command::{ClientCommand, ResponseCode},
    counting::Reading,
    ids::{ChoreId, LinkId},
    link::{CallError, LinkError},
    model::Address,
    mutants::{Mutant::NoHeartbeats, is_on},
    route::HeartbeatStats,
    time::{Deadline, Instant, Now},
};

/// What a peer gets for a sign of life when a send has already waited for it in vain: a send of three
/// seconds with two retries then has its last attempt on another connection.
const SUSPECT_TIMEOUT: Duration = Duration::from_millis(750);

/// When a broker that has refused a heartbeat gets the next one.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// What is due on a connection to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// The heartbeat that registers the group.
    First,
    /// One of those that nobody waits for.
    Regular,
    /// A look at when the broker was last heard.
    Listen,
}

/// The heartbeats on one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heartbeat {
    /// The first one has been sent: the broker may know our group by this connection.
    pub(super) introduced: bool,
    /// When it is to hear from us again.
    pub(super) due: Instant,
    /// A heartbeat is to be answered.
    pub(super) pending: bool,
    /// When to look whether the broker has been heard; none while that is being found out.
    pub(super) listen_at: Option<Instant>,
}

impl Heartbeat {
    /// Those of a connection that has just been opened.
    pub(super) fn new(now: Now) -> Self {
        Self { due: now.instant, ..Self::default() }
    }

    /// What is due.
    pub(super) fn beat(&self, now: Now) -> Option<Beat> {
        if is_on(NoHeartbeats) {
            None
        } else if !self.introduced {
            (self.due <= now.instant).then_some(Beat::First)
        } else if self.due <= now.instant {
            Some(Beat::Regular)
        } else {
            self.listens_at().filter(|at| *at <= now.instant).map(|_| Beat::Listen)
        }
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        if is_on(NoHeartbeats) {
            return None;
        }
        let due = Deadline { at: self.due, why: "a heartbeat is due" };
        let listen = self.listens_at().map(|at| Deadline { at, why: "a broker has been silent" });
        Deadline::sooner(Some(due), listen)
    }

    fn listens_at(&self) -> Option<Instant> {
        self.listen_at.filter(|_| !self.pending)
    }
}

impl Client {
    /// All heartbeats to all brokers.
    pub fn heartbeats(&self) -> HeartbeatStats {
        self.heartbeats_counted.read(Reading::Look)
    }

    /// The heartbeats to one broker, for as long as it is known.
    pub fn heartbeats_to(&self, broker: &Address) -> HeartbeatStats {
        let known = self.connections.get(broker);
        known.map(|known| known.heartbeats.read(Reading::Look)).unwrap_or_default()
    }

    /// Sends what is due.
    pub(super) fn send_heartbeats(&mut self, now: Now) {
        if matches!(self.life, Life::Leaving { .. }) {
            // After the goodbye it would register the group again.
            return;
        }
        while let Some((link, beat)) = self.connections.next_beat(now) {
            match beat {
                Beat::First => self.send_probe(now, link, self.config.heartbeat_timeout),
                Beat::Regular => self.send_regular(link),
                Beat::Listen => self.outputs.push_back(Output::Listen(link)),
            }
            let next = now.instant + self.config.heartbeat_broker_interval;
            self.connections.change_heartbeat(link, |heartbeat| match beat {
                Beat::First => (heartbeat.introduced, heartbeat.due) = (true, next),
                Beat::Regular => heartbeat.due = next,
                Beat::Listen => heartbeat.listen_at = None,
            });
        }
    }

    /// Sends a heartbeat that is to be answered.
    fn send_probe(&mut self, now: Now, link: LinkId, patience: Duration) {
        let chore = self.call(link, self.heartbeat(), now.instant + patience);
        self.connections.change_heartbeat(link, |heartbeat| heartbeat.pending = true);
        self.count_sent(chore, link);
    }

    /// Sends a heartbeat that nobody waits for.
    fn send_regular(&mut self, link: LinkId) {
        let (chore, command) = (self.next_chore(), self.heartbeat());
        self.outputs.push_back(Output::Oneway { link, chore, command });
        self.count_sent(chore, link);
    }

    fn heartbeat(&self) -> ClientCommand {
        let (client_id, group) = (self.client_id.clone(), self.group.clone());
        ClientCommand::Heartbeat { client_id, group }
    }

    fn count_sent(&mut self, chore: ChoreId, link: LinkId) {
        let Some(address) = self.connections.address_of(link).cloned() else { return };
        self.heartbeats_counted.sent();
        if let Some(known) = self.connections.get(&address) {
            known.heartbeats.sent();
        }
        self.heartbeats.insert(chore, (link, address));
    }

    /// Takes a heartbeat's end down; the link that it was for, if it was one.
    pub(super) fn heartbeat_over(&mut self, chore: ChoreId, well: bool) -> Option<LinkId> {
        let (link, address) = self.heartbeats.remove(&chore)?;
        self.heartbeats_counted.over(well);
        if let Some(known) = self.connections.get(&address) {
            known.heartbeats.over(well);
        }
        Some(link)
    }

    /// A heartbeat is answered, or will not be.
    pub(super) fn handle_heartbeat_answer(
        &mut self,
        now: Now,
        link: LinkId,
        outcome: Result<Frame, CallError>,
    ) {
        match outcome {
            Ok(frame) => {
                let listen_at = now.instant + self.config.probe_idle;
                let well = frame.header.code == ResponseCode::SUCCESS.0;
                let remark = frame.header.remark.as_deref().unwrap_or_default();
                let refused = (!well).then_some((frame.header.code, remark));
                self.connections.tell_heartbeat(link, refused);
                self.tell_news();
                self.connections.change_heartbeat(link, |heartbeat| {
                    heartbeat.pending = false;
                    heartbeat.listen_at = Some(listen_at);
                    if !well {
                        // It does not know the group, and is told of it again.
                        heartbeat.introduced = false;
                        heartbeat.due = now.instant + REFUSED_PAUSE;
                    }
                });
                if well && self.connections.set_version(link, frame.header.version) {
                    // Timers and half messages have waited for this.
                    self.others_changed = true;
                }
            }
            Err(CallError::Expired { .. }) => self.close(now, link, LinkError::Unresponsive),
            // A connection that has ended says so itself.
            Err(_) => {}
        }
    }

    /// Sends have met a silent peer: it is asked for a sign of life, and has little time for it.
    pub(super) fn handle_silent(&mut self, now: Now, link: LinkId) {
        let can_be_asked = |heartbeat: &mut Heartbeat| heartbeat.introduced && !heartbeat.pending;
        let leaving = matches!(self.life, Life::Leaving { .. });
        if !leaving && self.connections.change_heartbeat(link, can_be_asked) == Some(true) {
            let patience = self.config.heartbeat_timeout.min(SUSPECT_TIMEOUT);
            self.send_probe(now, link, patience);
        }
    }

    /// Asks for a sign of life where there has been none for long.
    pub(super) fn handle_heard(&mut self, now: Now, link: LinkId, at: Instant) {
        let silent = now.instant.saturating_since(at) >= self.config.probe_idle;
        let again = if silent { now.instant } else { at } + self.config.probe_idle;
        let listening = self.connections.change_heartbeat(link, |heartbeat| {
            let asked = heartbeat.introduced && heartbeat.listen_at.is_none();
            if asked && !heartbeat.pending {
                heartbeat.listen_at = Some(again);
                return true;
            }
            false
        });
        if silent && listening == Some(true) && !matches!(self.life, Life::Leaving { .. }) {
            self.send_probe(now, link, self.config.heartbeat_timeout);
        }
    }
}
