//! Many messages in one request.

use bytes::BufMut as _;

use super::*;
use crate::model::{Fault, Flavour};

const TWO: [(i32, &str, &str); 2] =
    [(7, "hello", "UNIQ_KEY\u{1}K1\u{2}TAGS\u{1}t\u{2}"), (8, "world!", "UNIQ_KEY\u{1}K2\u{2}")];

/// A batch's body: flag, body and properties of each message.
fn body<'a>(items: impl IntoIterator<Item = (i32, &'a str, &'a str)>) -> Bytes {
    let mut out = BytesMut::new();
    for (flag, body, properties) in items {
        out.put_u32((22 + body.len() + properties.len()) as u32);
        out.put_u64(0);
        out.put_i32(flag);
        out.put_u32(body.len() as u32);
        out.put_slice(body.as_bytes());
        out.put_u16(properties.len() as u16);
        out.put_slice(properties.as_bytes());
    }
    out.freeze()
}

fn batch(body: Bytes, changes: &[(&str, &str)]) -> Frame {
    let usual = [("b", "T"), ("c", "TBW102"), ("d", "4"), ("e", "1"), ("m", "true")];
    let fields = usual.into_iter().chain(changes.iter().copied());
    Frame { body, ..request(320, 479, fields, "") }
}

/// Id, tags and flag of each stored message.
fn stored(cluster: &ModelCluster) -> Vec<(String, Option<String>, i32)> {
    let of = |message: crate::StoredMessage| {
        let tags = message.properties.get("TAGS").cloned();
        (message.uniq_key().unwrap_or_default().to_owned(), tags, message.flag)
    };
    cluster.stored("T").into_iter().map(of).collect()
}

#[test]
fn a_batch_is_stored_as_single_messages_that_follow_one_another_in_one_queue() {
    for flavour in [Flavour::V5, Flavour::V4] {
        let mut cluster = cluster();
        cluster.keep_journal();
        cluster.broker("a").set_flavour(flavour);
        assert_eq!(send(&mut cluster, "a", 1), 0);
        let answer = ask(&mut cluster, &broker_a(), &batch(body(TWO), &[])).header;
        assert_eq!(answer.code, 0, "{:?}", answer.remark);
        assert_eq!(answer.ext.get("queueOffset").unwrap(), "1", "the first one's");
        assert_eq!(answer.ext.get("queueId").unwrap(), "1");
        assert_eq!(answer.ext.get("transactionId"), None);

        let messages = cluster.stored("T");
        let places: Vec<_> = messages.iter().map(|m| (m.queue_id, m.queue_offset)).collect();
        assert_eq!(places, [(1, 0), (1, 1), (1, 2)]);
        let ids: Vec<_> = messages[1..]
            .iter()
            .map(|message| crate::offset_message_id(message.store_host, message.commit_log_offset))
            .collect();
        assert_eq!(answer.ext.get("msgId").unwrap(), &*ids.join(","));
        assert_eq!([&*messages[1].body, &*messages[2].body], [&b"hello"[..], b"world!"]);
        let items = [("K1".to_owned(), Some("t".to_owned()), 7), ("K2".to_owned(), None, 8)];
        assert_eq!(stored(&cluster)[1..], items);
        assert_eq!(cluster.take_journal().len(), 3, "each is told");
    }
}

#[test]
fn the_header_decides_what_is_a_batch() {
    let mut cluster = cluster();
    let mut frame = batch(body(TWO), &[]);
    frame.header.code = 310;
    assert_eq!(ask(&mut cluster, &broker_a(), &frame).header.code, 0);
    assert_eq!(cluster.stored("T").len(), 2);
    let single = batch(body(TWO), &[("m", "false")]);
    assert_eq!(ask(&mut cluster, &broker_a(), &single).header.code, 0);
    assert_eq!(cluster.stored("T")[2].body, body(TWO), "the whole is one message");
}

#[test]
fn a_one_way_batch_is_stored() {
    let mut cluster = cluster();
    let mut frame = batch(body(TWO), &[]);
    frame.header.flag = 2;
    assert_eq!(handle(&mut cluster, &broker_a(), &frame), []);
    assert_eq!(cluster.stored("T").len(), 2);
}

#[test]
fn older_brokers_append_the_headers_properties_to_each_message() {
    let header = [("i", "UNIQ_KEY\u{1}BATCH\u{2}WAIT\u{1}true\u{2}")];
    let mut newer = cluster();
    ask(&mut newer, &broker_a(), &batch(body(TWO), &header));
    assert_eq!(stored(&newer)[1].0, "K2");
    assert_eq!(newer.stored("T")[1].properties.get("WAIT"), None);
    let mut older = cluster();
    older.broker("a").set_flavour(Flavour::V4);
    ask(&mut older, &broker_a(), &batch(body(TWO), &header));
    assert_eq!([&*stored(&older)[0].0, &*stored(&older)[1].0], ["BATCH", "BATCH"]);
    assert_eq!(older.stored("T")[1].properties["WAIT"], "true");
}

#[test]
fn a_batch_is_refused_as_a_whole() {
    let long = "k\u{1}".to_owned() + &"v".repeat(32_765) + "\u{2}";
    let huge = "x".repeat(4 * 1024 * 1024);
    refused(body(TWO).slice(..80), &[], 1);
    refused(Bytes::new(), &[], 1);
    refused(body([(0, &*huge, "")]), &[], 1);
    refused(body([TWO[0], (0, "b", &*long)]), &[], 13);
    refused(body(TWO), &[("b", "%RETRY%g")], 13);
    refused(body(TWO), &[("i", "DELAY\u{1}1\u{2}")], 13);
    refused(body(TWO), &[("f", "4")], 13);
    refused(body(TWO), &[("e", "4")], 29);
}

fn refused(body: Bytes, changes: &[(&str, &str)], code: i32) {
    let mut cluster = cluster();
    let answer = ask(&mut cluster, &broker_a(), &batch(body, changes)).header;
    assert_eq!(answer.code, code, "{changes:?}: {:?}", answer.remark);
    assert_eq!(cluster.stored("T"), [], "{changes:?}");
}

#[test]
fn a_cut_batch_is_refused_wherever_it_is_cut() {
    let whole = body(TWO);
    let first = body([TWO[0]]).len();
    for end in (0..whole.len()).filter(|end| *end != first) {
        let mut cluster = cluster();
        let answer = ask(&mut cluster, &broker_a(), &batch(whole.slice(..end), &[])).header;
        assert_eq!(answer.code, 1, "cut at {end}");
        assert_eq!(cluster.stored("T"), [], "cut at {end}");
    }
}

#[test]
fn faults_and_counts_of_sends_are_those_of_batches_too() {
    let mut cluster = cluster();
    let frame = batch(body(TWO), &[]);
    let busy = Fault::Answer { code: 2, remark: String::new(), times: 1 };
    cluster.set_fault(broker_a(), busy);
    assert_eq!(ask(&mut cluster, &broker_a(), &frame).header.code, 2);
    cluster.set_fault(broker_a(), Fault::SwallowSends(1));
    assert_eq!(handle(&mut cluster, &broker_a(), &frame), []);
    cluster.set_fault(broker_a(), Fault::ReplyCode(10));
    assert_eq!(ask(&mut cluster, &broker_a(), &frame).header.code, 10);
    assert_eq!(cluster.stored("T").len(), 4);
    cluster.clear_faults(&broker_a());
    assert_eq!(send(&mut cluster, "a", 0), 0);
    let broker = cluster.broker("a");
    assert_eq!([310, 320].map(|code| broker.requests(code)), [4, 3], "what reached the broker");
}
