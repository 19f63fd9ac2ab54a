//! A talk with broker `a` that goes on for a while.

use std::collections::BTreeMap;

use super::*;
use crate::{StoredMessage, model::Flavour};

/// A message's own id, and the group of its producer.
pub(super) const KEY: &str = "KEY-1";
pub(super) const GROUP: &str = "g";
pub(super) const COMMIT: i32 = 8;
pub(super) const ROLLBACK: i32 = 12;
pub(super) const UNKNOWN: i32 = 0;

/// A cluster at a time. Wall clock and monotonic clock show the same.
pub(super) struct Talk {
    pub(super) cluster: ModelCluster,
    pub(super) millis: u64,
}

/// Where the broker says that it has put a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) queue_offset: i64,
    pub(super) commit_log_offset: i64,
}

/// What the broker asks about a transaction, and whom.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) connection: u64,
    pub(super) header: Header,
    pub(super) message: StoredMessage,
    pub(super) place: Place,
}

impl Talk {
    pub(super) fn with(flavour: Flavour) -> Self {
        let mut cluster = cluster();
        cluster.keep_journal();
        cluster.broker("a").set_flavour(flavour);
        Self { cluster, millis: 1_000_000 }
    }

    pub(super) fn tell(&mut self, connection: u64, frame: &Frame) -> Option<Frame> {
        let from = (connection, address("127.0.0.1:50000"));
        let outputs = self.cluster.handle_frame(at(self.millis), &broker_a(), from, frame);
        match &*outputs {
            [] => None,
            [Output::Send(to, bytes)] if *to == connection => Some(decode(bytes)),
            other => panic!("not one answer: {other:?}"),
        }
    }

    /// Sends `hello` to queue 3 with an id and these properties.
    pub(super) fn send(&mut self, properties: &str) -> Frame {
        let properties = format!("UNIQ_KEY\u{1}{KEY}\u{2}{properties}");
        let born = self.millis.to_string();
        let fields = [("b", "T"), ("e", "3"), ("g", &*born), ("h", "9"), ("i", &*properties)];
        self.tell(CONNECTION, &request(310, 479, fields, "hello")).expect("an answer")
    }

    /// Lets time pass, and gives what the broker asks meanwhile.
    pub(super) fn pass(&mut self, millis: u64) -> Vec<Check> {
        let until = at(self.millis + millis).instant;
        let mut checks = Vec::new();
        while let Some(due) = self.cluster.soonest().filter(|due| *due <= until) {
            self.millis = self.millis.max(due.as_nanos().div_ceil(1_000_000));
            checks.extend(self.act());
        }
        self.millis = until.as_nanos() / 1_000_000;
        checks
    }

    /// The broker does now what is due, however late it is.
    pub(super) fn act(&mut self) -> Vec<Check> {
        let outputs = self.cluster.handle_timeout(at(self.millis), &broker_a());
        outputs.iter().map(Check::of).collect()
    }

    /// What consumers see.
    pub(super) fn visible(&self) -> Vec<StoredMessage> {
        self.cluster.stored("T")
    }
}

impl Check {
    fn of(output: &Output) -> Self {
        let Output::Send(connection, bytes) = output else { panic!("a check: {output:?}") };
        let mut buffer = BytesMut::from(&**bytes);
        let Frame { form, header, mut body } =
            FrameDecoder::default().decode(&mut buffer).unwrap().unwrap();
        assert_eq!((form, header.code, header.flag), (SerializeType::Json, 39, 2));
        let place = Place {
            queue_offset: header.ext.number("tranStateTableOffset").unwrap(),
            commit_log_offset: header.ext.number("commitLogOffset").unwrap(),
        };
        let message = StoredMessage::decode(&mut body).unwrap();
        assert!(body.is_empty());
        Self { connection: *connection, header, message, place }
    }
}

impl Place {
    /// From the answer to a send.
    pub(super) fn of(answer: &Frame) -> Self {
        assert_eq!(answer.header.code, 0, "{answer:?}");
        let id = answer.header.ext.get("msgId").unwrap();
        let commit_log_offset = i64::from_str_radix(&id[id.len() - 16..], 16).unwrap();
        let queue_offset = answer.header.ext.number("queueOffset").unwrap();
        Self { queue_offset, commit_log_offset }
    }
}

/// END_TRANSACTION about what is at a place.
pub(super) fn end(place: Place, state: i32) -> Frame {
    let numbers = [place.queue_offset, place.commit_log_offset, state.into()];
    let [queue_offset, commit_log_offset, state] = numbers.map(|number| number.to_string());
    let fields = [
        ("producerGroup", GROUP),
        ("tranStateTableOffset", &*queue_offset),
        ("commitLogOffset", &*commit_log_offset),
        ("commitOrRollback", &*state),
        ("msgId", KEY),
    ];
    request(37, 479, fields, "")
}

/// Only these of a message's properties.
pub(super) fn some<const N: usize>(
    properties: &BTreeMap<String, String>,
    names: [&str; N],
) -> [Option<String>; N] {
    names.map(|name| properties.get(name).cloned())
}

pub(super) fn is(value: &str) -> Option<String> {
    Some(value.to_owned())
}
