//! Messages that wait for their time.

use super::{
    talk::{Place, Talk, is, some},
    *,
};
use crate::model::{Entry, Flavour};

const HIDDEN: &str = "SCHEDULE_TOPIC_XXXX";
const TIMERS: &str = "rmq_sys_wheel_timer";

fn property(name: &str, value: impl ToString) -> String {
    format!("{name}\u{1}{}\u{2}", value.to_string())
}

#[test]
fn a_delayed_message_waits_out_of_sight_and_is_published_where_it_belongs() {
    for flavour in [Flavour::V5, Flavour::V4] {
        let mut talk = Talk::with(flavour);
        talk.send(&property("DELAY", 2));
        let answer = talk.send(&property("DELAY", 2));
        assert_eq!(answer.header.ext.get("queueId").unwrap(), "3", "as asked");
        assert_eq!(Place::of(&answer).queue_offset, 1, "among those that wait");
        assert_eq!(answer.header.ext.get("transactionId").is_some(), flavour == Flavour::V5);
        let waiting = talk.cluster.stored(HIDDEN);
        assert_eq!(waiting.iter().map(|m| m.queue_id).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(talk.cluster.broker("a").scheduled_messages(), 2);

        talk.pass(4_999);
        assert_eq!((talk.visible(), talk.cluster.take_journal()), (vec![], vec![]));
        talk.pass(1);
        let visible = talk.visible();
        assert_eq!(visible.iter().map(|m| m.queue_id).collect::<Vec<_>>(), [3, 3]);
        let real = some(&visible[0].properties, ["REAL_TOPIC", "REAL_QID", "UNIQ_KEY"]);
        assert_eq!(real, [is("T"), is("3"), is("KEY-1")]);
        assert_eq!((&*visible[0].body, visible[0].flag), (&b"hello"[..], 9));
        assert_eq!(talk.cluster.take_journal().len(), 2, "each is told once");
        assert_eq!(talk.cluster.soonest(), None, "nothing is left to do");
        let hidden = talk.cluster.take_entries();
        assert!(hidden.iter().all(|entry| matches!(entry, Entry::Scheduled(_))), "{hidden:?}");
        assert_eq!(hidden.len(), 2);
    }
}

#[test]
fn the_levels_are_those_of_real_brokers_and_the_last_one_stands_for_all_beyond_it() {
    for (level, seconds) in [(1, 1), (3, 10), (4, 30), (14, 600), (18, 7_200), (99, 7_200)] {
        let mut talk = Talk::with(Flavour::V5);
        talk.send(&property("DELAY", level));
        talk.pass(seconds * 1_000 - 1);
        assert_eq!(talk.visible(), [], "level {level}");
        talk.pass(1);
        assert_eq!(talk.visible().len(), 1, "level {level}");
    }
    let mut talk = Talk::with(Flavour::V5);
    talk.send(&property("DELAY", 0));
    assert_eq!(talk.visible().len(), 1, "level 0 is none");
}

#[test]
fn a_timer_fires_within_a_second_and_never_early() {
    let now = 1_000_000;
    let timers = [
        property("TIMER_DELIVER_MS", now + 2_500),
        property("TIMER_DELAY_MS", 2_500),
        property("TIMER_DELAY_SEC", 3) + &property("TIMER_DELAY_MS", 60_000),
        property("TIMER_DELIVER_MS", now + 3_000),
    ];
    for timer in timers {
        let mut talk = Talk::with(Flavour::V5);
        talk.send(&timer);
        assert_eq!(talk.cluster.stored(TIMERS)[0].properties["TIMER_OUT_MS"], "1002000");
        talk.pass(2_499);
        assert_eq!(talk.visible(), [], "{timer:?}");
        talk.pass(501);
        assert_eq!(talk.visible().len(), 1, "{timer:?}");
        assert_eq!(talk.visible()[0].properties["REAL_TOPIC"], "T");
    }
}

#[test]
fn a_level_wins_over_a_timer() {
    let mut talk = Talk::with(Flavour::V5);
    talk.send(&(property("DELAY", 1) + &property("TIMER_DELAY_SEC", 60)));
    talk.pass(1_000);
    assert_eq!(talk.visible()[0].properties.get("TIMER_DELAY_SEC"), None);
}

#[test]
fn a_timer_of_the_past_is_none_and_one_too_far_away_is_refused() {
    let mut talk = Talk::with(Flavour::V5);
    talk.send(&property("TIMER_DELIVER_MS", 999_999));
    talk.send(&property("TIMER_DELAY_MS", 0));
    assert_eq!(talk.visible().len(), 2);
    let three_days = 3 * 24 * 3_600;
    talk.send(&property("TIMER_DELAY_SEC", three_days));
    for timer in [("TIMER_DELAY_SEC", &*(three_days + 1).to_string()), ("TIMER_DELIVER_MS", "soon")]
    {
        assert_eq!(talk.send(&property(timer.0, timer.1)).header.code, 13, "{timer:?}");
    }
    assert_eq!(talk.cluster.stored(TIMERS).len(), 1);
}

#[test]
fn an_older_broker_knows_no_timers() {
    let mut talk = Talk::with(Flavour::V4);
    talk.send(&property("TIMER_DELAY_SEC", 60));
    talk.send(&property("TIMER_DELIVER_MS", "soon"));
    assert_eq!(talk.visible().len(), 2);
    assert_eq!(talk.cluster.soonest(), None);
}

#[test]
fn a_broker_that_was_away_makes_up_for_it_in_order() {
    let mut talk = Talk::with(Flavour::V5);
    talk.send(&property("DELAY", 2));
    let late = Place::of(&talk.send(&property("DELAY", 1)));
    talk.cluster.restart_broker("a", None);
    talk.millis += 60_000;
    assert_eq!(talk.act().len(), 0);
    let order: Vec<_> = talk.visible().iter().map(|m| m.commit_log_offset).collect();
    assert_eq!(order.len(), 2);
    assert!(order.is_sorted() && late.commit_log_offset < order[0]);
    assert_eq!(talk.visible()[0].properties["DELAY"], "1", "what was due first");
}

#[test]
fn nobody_sends_to_where_messages_wait() {
    for topic in [HIDDEN, "RMQ_SYS_TRANS_HALF_TOPIC"] {
        let mut cluster = cluster();
        let frame = request(310, 479, [("b", topic), ("c", "TBW102"), ("d", "4"), ("e", "0")], "x");
        assert_eq!(ask(&mut cluster, &broker_a(), &frame).header.code, 16);
    }
}
