//! Any inputs at all, and when their outputs are fetched: neither may matter.

use proptest::prelude::*;

use super::*;
use crate::route::{News, TopicEntry, TopicTable};

/// A step of somebody who need not know what he is doing.
#[derive(Clone, Debug)]
enum Move {
    AskRoute(u8),
    AskRefresh(u8),
    AskBroker(u8),
    Opened(LinkId),
    Closed(LinkId),
    GoAway(LinkId),
    Request(LinkId),
    Heard(LinkId, u64),
    Queued(u64, bool),
    Resolved(LinkId, bool),
    Answered(u64, u8),
    Failed(u64, bool),
    Shutdown,
    Drained,
    Pass(u64),
}

fn any_move() -> impl Strategy<Value = Move> {
    let link = || (0_u32..3, 1_u32..4).prop_map(|(slot, generation)| LinkId { slot, generation });
    prop_oneof![
        3 => (0_u8..3).prop_map(Move::AskRoute),
        2 => (0_u8..3).prop_map(Move::AskRefresh),
        3 => (0_u8..3).prop_map(Move::AskBroker),
        6 => link().prop_map(Move::Opened),
        3 => link().prop_map(Move::Closed),
        1 => link().prop_map(Move::GoAway),
        1 => link().prop_map(Move::Request),
        2 => (link(), 0_u64..40_000).prop_map(|(link, at)| Move::Heard(link, at)),
        1 => (0_u64..12, any::<bool>()).prop_map(|(chore, well)| Move::Queued(chore, well)),
        2 => (link(), any::<bool>()).prop_map(|(link, moved)| Move::Resolved(link, moved)),
        6 => (0_u64..12, 0_u8..5).prop_map(|(chore, kind)| Move::Answered(chore, kind)),
        2 => (0_u64..12, any::<bool>()).prop_map(|(chore, late)| Move::Failed(chore, late)),
        1 => prop::bool::weighted(0.2).prop_map(|end| if end { Move::Shutdown } else { Move::Pass(1) }),
        1 => prop::bool::weighted(0.5).prop_map(|end| if end { Move::Drained } else { Move::Pass(1) }),
        6 => (0_u64..12_000).prop_map(Move::Pass),
    ]
}

/// What has come out: the orders in their order, and the last routes. Versions count publications,
/// of which there are fewer when outputs are fetched less often.
#[derive(Debug, Default, PartialEq)]
struct Told {
    orders: Vec<String>,
    routes: String,
}

impl Told {
    fn fetch(&mut self, client: &mut Client) {
        while let Some(output) = client.poll() {
            match output {
                Output::Publish(routes) => self.routes = visible(&routes),
                order => self.orders.push(format!("{order:?}")),
            }
        }
    }
}

/// What a sender makes of routes: what is not known may as well not be listed, and rounds count
/// only while there is no route.
fn visible(routes: &Routes) -> String {
    let mut routes = Routes { version: 0, news: News::default(), ..routes.clone() };
    let mut topics = TopicTable::default();
    for (name, topic) in routes.topics.iter() {
        let rounds = if topic.route.is_some() { 0 } else { topic.rounds };
        let is_known = topic.route.is_some() || topic.failure.is_some();
        topics.set(name, is_known.then(|| TopicEntry { rounds, ..topic.clone() }));
    }
    routes.topics = topics;
    // Counted while others look on.
    routes.heartbeats = Arc::default();
    let unknown = Reach::Down { failures: 0, error: None, resting: false };
    let unknown = format!("{unknown:?}");
    routes.brokers.retain(|_, reach| format!("{reach:?}") != unknown);
    format!("{routes:?}")
}

fn play(moves: &[Move], fetch_always: bool) -> Told {
    let mut client = Client::new(Arc::new(config()), &Identity::default()).unwrap();
    let mut now = Now::default();
    let mut told = Told::default();
    for step in moves {
        let until = now.instant + 3 * SECOND;
        let input = match step.clone() {
            Move::Pass(millis) => {
                now.instant = now.instant + Duration::from_millis(millis);
                client.handle_timeout(now);
                let left = client.deadline();
                assert!(left.is_none_or(|left| left.at > now.instant), "still due: {left:?}");
                told.fetch(&mut client);
                continue;
            }
            Move::AskRoute(topic) => {
                Input::Ask { ask: Ask::Route(format!("T{topic}").into()), until }
            }
            Move::AskRefresh(topic) => {
                Input::Ask { ask: Ask::Refresh(format!("T{topic}").into()), until }
            }
            Move::AskBroker(broker) => {
                Input::Ask { ask: Ask::Connection(address(&format!("b{broker}"))), until }
            }
            Move::Opened(link) => Input::Opened(link),
            Move::Closed(link) => Input::Closed { link, cause: LinkError::ClosedByPeer },
            Move::GoAway(link) => Input::GoAway(link),
            Move::Resolved(link, moved) => Input::Resolved { link, moved },
            Move::Heard(link, at) => {
                Input::Heard { link, at: Instant::default() + Duration::from_millis(at) }
            }
            Move::Queued(chore, well) => {
                let outcome = if well { Ok(()) } else { Err(CallError::Full) };
                Input::Queued { chore: ChoreId(chore), outcome }
            }
            Move::Request(link) => Input::Request { link, frame: frame(39, 0, "") },
            Move::Answered(chore, kind) => {
                let route = route_json(&["b0", "b1"]);
                let (code, body) =
                    [(0, &*route), (17, ""), (0, "["), (16, ""), (0, "{}")][usize::from(kind)];
                let outcome = Ok(frame(code, 1, body.to_owned()));
                Input::Answer { chore: ChoreId(chore), outcome }
            }
            Move::Failed(chore, late) => {
                let error = match late {
                    true => CallError::Expired { lent: true },
                    false => CallError::Lost(LinkError::ClosedByPeer),
                };
                Input::Answer { chore: ChoreId(chore), outcome: Err(error) }
            }
            Move::Shutdown => Input::Shutdown,
            Move::Drained => Input::Drained,
        };
        client.handle(now, input);
        if fetch_always {
            told.fetch(&mut client);
        }
    }
    told.fetch(&mut client);
    told
}

proptest! {
    #[test]
    fn it_does_not_matter_when_outputs_are_fetched(
        moves in prop::collection::vec(any_move(), 0..80),
    ) {
        prop_assert_eq!(play(&moves, true), play(&moves, false));
    }
}
