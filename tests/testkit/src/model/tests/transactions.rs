//! Half messages, and END_TRANSACTION.

use super::{
    talk::{COMMIT, Check, GROUP, KEY, Place, ROLLBACK, Talk, UNKNOWN, end, is, some},
    *,
};
use crate::model::{Entry, Flavour};

const HALF_TOPIC: &str = "RMQ_SYS_TRANS_HALF_TOPIC";

impl Talk {
    /// Sends a half message of [`GROUP`] with these properties besides.
    pub(super) fn prepare(&mut self, properties: &str) -> Place {
        let half = format!("TRAN_MSG\u{1}true\u{2}PGROUP\u{1}{GROUP}\u{2}{properties}");
        Place::of(&self.send(&half))
    }

    /// Ends a transaction; the code and the remark of the answer, if there is one.
    pub(super) fn end(&mut self, place: Place, state: i32) -> Option<(i32, String)> {
        let answer = self.tell(CONNECTION, &end(place, state))?.header;
        Some((answer.code, answer.remark.map(|text| text.to_string()).unwrap_or_default()))
    }

    /// Answers a check with the place that it names.
    pub(super) fn answer(&mut self, check: &Check, state: i32) {
        assert_eq!(self.end(check.place, state).map_or(0, |(code, _)| code), 0);
    }
}

fn ok() -> Option<(i32, String)> {
    Some((0, String::new()))
}

#[test]
fn a_half_message_is_out_of_sight_until_it_is_committed() {
    for flavour in [Flavour::V5, Flavour::V4] {
        let mut talk = Talk::with(flavour);
        talk.prepare("");
        let properties = format!("TRAN_MSG\u{1}true\u{2}PGROUP\u{1}{GROUP}\u{2}a\u{1}b\u{2}");
        let answer = talk.send(&properties);
        assert_eq!(answer.header.ext.get("queueId").unwrap(), "3", "as asked");
        let key = answer.header.ext.get("transactionId").map(|key| key.to_string());
        assert_eq!(key, is(KEY).filter(|_| flavour == Flavour::V5));
        let place = Place::of(&answer);
        assert_eq!(place.queue_offset, 1, "in the half queue");
        let half = &talk.cluster.stored(HALF_TOPIC)[1];
        assert_eq!((half.queue_id, half.commit_log_offset), (0, place.commit_log_offset));
        assert_eq!(talk.visible(), []);
        assert_eq!(talk.cluster.open_half_messages(), 2);

        assert_eq!(talk.end(place, COMMIT), ok());
        assert_eq!(talk.cluster.open_half_messages(), 1);
        let visible = talk.visible();
        assert_eq!((visible.len(), visible[0].queue_id, visible[0].flag), (1, 3, 9));
        assert_eq!(visible[0].body, "hello");
        let names = ["TRAN_MSG", "UNIQ_KEY", "REAL_TOPIC", "REAL_QID", "a"];
        let expected = [None, is(KEY), is("T"), is("3"), is("b")];
        assert_eq!(some(&visible[0].properties, names), expected);
        assert_eq!(talk.cluster.take_journal().len(), 1);
    }
}

#[test]
fn a_rolled_back_message_is_never_seen() {
    let mut talk = Talk::with(Flavour::V5);
    let place = talk.prepare("");
    let remark = "not set any response code".to_owned();
    assert_eq!(talk.end(place, ROLLBACK), Some((0, remark)));
    assert_eq!(talk.cluster.open_half_messages(), 0);
    assert_eq!(talk.pass(100_000).len(), 0);
    assert_eq!(talk.visible(), []);
    assert_eq!(talk.cluster.soonest(), None);
}

#[test]
fn not_knowing_is_not_answered_and_changes_nothing() {
    let mut talk = Talk::with(Flavour::V5);
    let place = talk.prepare("");
    assert_eq!(talk.end(place, UNKNOWN), None);
    assert_eq!(talk.cluster.open_half_messages(), 1);
    assert_eq!(talk.end(place, COMMIT), ok());
}

#[test]
fn a_one_way_end_counts_and_is_not_answered() {
    let mut talk = Talk::with(Flavour::V5);
    let place = talk.prepare("");
    let mut frame = end(place, COMMIT);
    frame.header.flag = 2;
    assert_eq!(talk.tell(CONNECTION, &frame), None);
    assert_eq!(talk.visible().len(), 1);
}

#[test]
fn an_end_that_does_not_fit_its_half_message_is_refused() {
    let mut talk = Talk::with(Flavour::V5);
    let place = talk.prepare("");
    let plain = Place::of(&talk.send(""));
    let beside = Place { queue_offset: place.queue_offset + 1, ..place };
    let nowhere = Place { commit_log_offset: place.commit_log_offset + 1, ..place };
    for wrong in [beside, nowhere, plain] {
        for state in [COMMIT, ROLLBACK] {
            assert_eq!(talk.end(wrong, state).map(|(code, _)| code), Some(1), "{wrong:?}");
        }
    }
    let mut foreign = end(place, COMMIT);
    let fields = foreign.header.ext.iter().map(|(name, value)| match name {
        "producerGroup" => (name.to_owned(), "another".to_owned()),
        _ => (name.to_owned(), value.to_owned()),
    });
    foreign.header.ext = fields.collect();
    assert_eq!(talk.tell(CONNECTION, &foreign).unwrap().header.code, 1);
    assert_eq!(talk.cluster.open_half_messages(), 1);
    assert_eq!(talk.visible().len(), 1, "the plain one");
    talk.cluster.broker("a").set_read_only(true);
    assert_eq!(talk.end(place, COMMIT).map(|(code, _)| code), Some(11));
}

#[test]
fn committing_twice_publishes_twice_mark_or_no_mark() {
    for flavour in [Flavour::V5, Flavour::V4] {
        let mut talk = Talk::with(flavour);
        let place = talk.prepare("");
        assert_eq!([talk.end(place, COMMIT), talk.end(place, COMMIT)], [ok(), ok()]);
        talk.pass(3_000);
        assert_eq!(talk.end(place, COMMIT), ok());
        assert_eq!(talk.visible().len(), 3, "{flavour:?}");
    }
}

#[test]
fn half_messages_that_are_to_wait_are_accepted_and_lost() {
    let lost = [
        (Flavour::V5, "DELAY\u{1}1\u{2}"),
        (Flavour::V4, "DELAY\u{1}1\u{2}"),
        (Flavour::V5, "TIMER_DELAY_SEC\u{1}5\u{2}"),
    ];
    for (flavour, delay) in lost {
        let mut talk = Talk::with(flavour);
        let place = talk.prepare(delay);
        assert_eq!(talk.end(place, COMMIT), ok(), "{delay:?}");
        assert_eq!(talk.pass(100_000).len(), 0);
        assert_eq!(talk.visible(), [], "{delay:?}");
        assert_eq!(talk.cluster.open_half_messages(), 0);
    }
    let mut older = Talk::with(Flavour::V4);
    let place = older.prepare("TIMER_DELAY_SEC\u{1}5\u{2}");
    older.end(place, COMMIT);
    assert_eq!(older.visible().len(), 1, "a timer is nothing to it");
}

#[test]
fn the_transaction_bits_are_the_brokers_and_the_others_the_senders() {
    let mut talk = Talk::with(Flavour::V5);
    let properties = format!("TRAN_MSG\u{1}true\u{2}PGROUP\u{1}{GROUP}\u{2}");
    let fields = [("b", "T"), ("e", "0"), ("f", "773"), ("i", &*properties)];
    let answer = talk.tell(CONNECTION, &request(310, 479, fields, "packed")).unwrap();
    assert_eq!(talk.cluster.stored(HALF_TOPIC)[0].sys_flag, 0x301);
    talk.end(Place::of(&answer), COMMIT);
    assert_eq!(talk.visible()[0].sys_flag, 0x301 | COMMIT);
    assert_eq!(talk.visible()[0].body, "packed");
}

#[test]
fn the_journal_tells_what_became_of_a_transaction_in_order() {
    let mut talk = Talk::with(Flavour::V5);
    let place = talk.prepare("");
    talk.end(place, UNKNOWN);
    talk.end(Place { queue_offset: 7, ..place }, COMMIT);
    talk.end(place, COMMIT);
    let entries = talk.cluster.take_entries();
    let [Entry::Half(half), Entry::Ended(unknown), Entry::Visible(seen), Entry::Ended(committed)] =
        &*entries
    else {
        panic!("{entries:?}")
    };
    assert_eq!((&*half.stored.topic, &*half.stored.uniq_key, half.checks), (HALF_TOPIC, KEY, 0));
    assert_eq!(half.commit_log_offset, place.commit_log_offset);
    assert_eq!((unknown.state, unknown.published, unknown.from_check), (UNKNOWN, false, false));
    assert_eq!((&*seen.topic, &*seen.uniq_key), ("T", KEY));
    assert_eq!((committed.state, committed.published), (COMMIT, true));
    assert_eq!((&*committed.uniq_key, committed.queue_offset), (KEY, 0));
    assert_eq!((talk.cluster.take_journal(), talk.cluster.take_entries()), (vec![], vec![]));
}
