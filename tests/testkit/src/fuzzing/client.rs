//! Any bytes as the life of a client among hosts that do what they like, and one that is well.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use rocketmq_producer_core::{
    client::{Client, Input, Output},
    codec::{ExtFields, Frame, Header, Language, SerializeType},
    delivery::Ask,
    ids::{ChoreId, LinkId},
    link::{CallError, LinkError},
    model::{Address, Identity, ProducerConfig},
    time::{Now, UnixMillis},
};

/// The host that answers everything at once, and whose connection nobody may end.
const WELL: &str = "well";
const OTHERS: [&str; 3] = ["sick", "worse", "ns1"];
/// More outputs than any one input can lead to.
const OUTPUTS_MAX: usize = 1_000;

/// Lets `data` drive a client: what becomes of one connection may not harm another.
///
/// # Panics
///
/// When a connection to the host that is well is ended, an address is dialled twice at once, a
/// link's name is used again, something stays due, or outputs do not end.
pub fn client(data: &[u8]) {
    let mut run = Run::new();
    run.begin();
    for step in data.chunks(3) {
        let byte = |index: usize| step.get(index).copied().unwrap_or_default();
        run.step(byte(0), byte(1), byte(2));
        run.carry_out();
    }
}

struct Run {
    client: Client,
    now: Now,
    links: BTreeMap<LinkId, Address>,
    used: BTreeSet<LinkId>,
    /// Calls that have not been answered, and where they went.
    calls: BTreeMap<u64, LinkId>,
    leaving: bool,
}

impl Run {
    fn new() -> Self {
        let config = ProducerConfig::new("fuzz", "ns1:9876");
        let client = Client::new(Arc::new(config), &Identity::default());
        Self {
            client: client.expect("the configuration is valid"),
            now: Now { wall: UnixMillis(0), ..Now::default() },
            links: BTreeMap::new(),
            used: BTreeSet::new(),
            calls: BTreeMap::new(),
            leaving: false,
        }
    }

    /// Connects to the host that is well.
    fn begin(&mut self) {
        self.ask(WELL);
        self.carry_out();
        assert!(self.link_to(WELL).is_some(), "it is dialled at once");
    }

    fn step(&mut self, what: u8, which: u8, how: u8) {
        let host = OTHERS[usize::from(which) % OTHERS.len()];
        match what % 10 {
            0 => self.ask(host),
            1 => {
                let topic = format!("topic-{}", which % 3).into();
                let ask =
                    if how.is_multiple_of(2) { Ask::Route(topic) } else { Ask::Refresh(topic) };
                let until = self.now.instant + Duration::from_secs(3);
                self.handle(Input::Ask { ask, until });
            }
            2 => self.on_link(which, Input::Opened),
            3 => self.on_link(which, |link| Input::Closed { link, cause: LinkError::ClosedByPeer }),
            4 if how.is_multiple_of(2) => self.on_link(which, Input::Silent),
            4 => self.on_link(which, Input::GoAway),
            5 => self.on_link(which, |link| Input::Request { link, frame: frame(39, 0, how) }),
            6 => self.answer(which, how),
            7 => self.pass(u64::from(how) * 50),
            8 => self.handle(Input::Answer {
                chore: ChoreId(u64::from(which)),
                outcome: Ok(frame(0, 1, how)),
            }),
            _ if how == 77 => {
                self.leaving = true;
                self.handle(if which < 128 { Input::Shutdown } else { Input::Drained });
            }
            _ => self.pass(u64::from(which)),
        }
    }

    fn ask(&mut self, host: &str) {
        let ask = Ask::Connection(Address { host: host.into(), port: 10911 });
        let until = self.now.instant + Duration::from_secs(3);
        self.handle(Input::Ask { ask, until });
    }

    /// Something happens on a link of another host, one that is in use or one that was.
    fn on_link(&mut self, which: u8, happens: impl Fn(LinkId) -> Input) {
        let others = self.used.iter().filter(|link| Some(**link) != self.link_to(WELL));
        let others: Vec<_> = others.copied().collect();
        if let Some(link) = others.get(usize::from(which) % others.len().max(1)) {
            let input = happens(*link);
            if matches!(input, Input::Closed { .. }) {
                self.forget(*link);
            }
            self.handle(input);
        }
    }

    /// One of the calls to others ends.
    fn answer(&mut self, which: u8, how: u8) {
        let Some(chore) = self.calls.keys().nth(usize::from(which) % self.calls.len().max(1))
        else {
            return;
        };
        let chore = *chore;
        self.calls.remove(&chore);
        let outcome = match how % 4 {
            0 => Err(CallError::Expired { lent: true }),
            1 => Err(CallError::Lost(LinkError::ClosedByPeer)),
            2 => Ok(frame(17, 1, how)),
            _ => Ok(frame(0, 1, how)),
        };
        self.handle(Input::Answer { chore: ChoreId(chore), outcome });
    }

    fn pass(&mut self, millis: u64) {
        self.now.instant = self.now.instant + Duration::from_millis(millis);
        self.client.handle_timeout(self.now);
        let due = self.client.deadline();
        assert!(due.is_none_or(|due| due.at > self.now.instant), "{due:?} stays due");
    }

    fn handle(&mut self, input: Input) {
        self.client.handle(self.now, input);
    }

    fn carry_out(&mut self) {
        for _ in 0..OUTPUTS_MAX {
            let Some(output) = self.client.poll() else { return };
            match output {
                Output::Open { link, address, .. } => self.open(link, address),
                Output::Close { link, cause } => {
                    let to = self.forget(link);
                    let harmed = to.is_some_and(|address| *address.host == *WELL);
                    // No route names it, so it may be found to be needed by nobody.
                    let harmed = harmed && cause != LinkError::Retired;
                    assert!(!harmed || self.leaving, "a healthy connection was ended");
                }
                Output::Call { link, chore, .. } => {
                    if self.links.get(&link).is_some_and(|address| *address.host == *WELL) {
                        self.handle(Input::Answer { chore, outcome: Ok(frame(0, 1, 0)) });
                    } else {
                        self.calls.insert(chore.0, link);
                    }
                }
                Output::Stopped => self.links.clear(),
                _ => {}
            }
        }
        panic!("outputs do not end");
    }

    fn open(&mut self, link: LinkId, address: Address) {
        assert!(self.used.insert(link), "{link} is used again");
        let well = *address.host == *WELL;
        self.links.insert(link, address);
        if well {
            self.handle(Input::Opened(link));
        }
    }

    /// A link has ended, and with it its calls.
    fn forget(&mut self, link: LinkId) -> Option<Address> {
        self.calls.retain(|_, on| *on != link);
        self.links.remove(&link)
    }

    fn link_to(&self, host: &str) -> Option<LinkId> {
        let mut links = self.links.iter();
        links.find(|(_, address)| *address.host == *host).map(|(link, _)| *link)
    }
}

fn frame(code: i32, flag: i32, body: u8) -> Frame {
    let route = r#"{"brokerDatas":[{"brokerName":"a","brokerAddrs":{"0":"sick:10911"}},
        {"brokerName":"b","brokerAddrs":{"0":"well:10911"}}],
        "queueDatas":[{"brokerName":"a","perm":6,"writeQueueNums":2},
        {"brokerName":"b","perm":6,"writeQueueNums":2}]}"#;
    let body = if body.is_multiple_of(2) { route.into() } else { Bytes::from(vec![body; 3]) };
    let (language, version) = (Language::JAVA, 479);
    let ext = ExtFields::default();
    let header = Header { code, language, version, opaque: 0, flag, remark: None, ext };
    Frame { form: SerializeType::Json, header, body }
}
