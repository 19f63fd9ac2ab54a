//! What is on the wire, at the first attempt and at each further one.

use bytes::BytesMut;

use super::*;
use crate::{
    codec::{FrameDecoder, encode_request},
    model::{CompressionType, decode_properties},
};

/// What one attempt sends that no later one may send otherwise.
#[derive(Debug, PartialEq)]
struct Sent {
    body: Bytes,
    sys_flag: i32,
    properties: String,
    born: UnixMillis,
}

impl Sent {
    /// What its consumers get is what its producer gave.
    fn is_the_large_message(&self) -> bool {
        let read = CompressionType::decompress(self.sys_flag, &self.body, 1_000_000);
        read.as_ref() == Ok(large().body())
    }
}

/// Makes `count` attempts, each of which fails.
fn attempts(config: ProducerConfig, message: Message, count: u32) -> (Vec<Sent>, SendError) {
    let mut world = World::with_message(config.with_retry(count - 1), message, &["a", "b", "c"]);
    let attempt = |_| {
        world.call();
        let request = world.delivery.request().unwrap();
        let sent = Sent {
            body: request.body.clone(),
            sys_flag: request.sys_flag,
            properties: request.properties.to_string(),
            born: request.born_timestamp,
        };
        world.pass(MS);
        world.now.wall = UnixMillis(world.now.wall.0 + 3_600_000);
        world.fail(lost());
        sent
    };
    let sent = (0..count).map(attempt).collect();
    (sent, world.error())
}

/// One that gets smaller every time that it is compressed.
fn large() -> Message {
    let body = Bytes::from(vec![b'A'; 1_000_000]);
    Message::new(TOPIC, body).with_key("k1").with_uniq_key(UNIQ_KEY).with_body_crc(true)
}

/// What goes out as the next attempt, as a broker reads it.
fn frame(world: &mut World) -> Frame {
    world.call();
    let request = world.delivery.request().unwrap();
    let mut out = BytesMut::new();
    let form = SerializeType::Binary;
    encode_request(&mut out, form, 1, false, &request, request.body.len()).unwrap();
    out.extend_from_slice(request.body);
    FrameDecoder::default().decode(&mut out).unwrap().unwrap()
}

/// One field of the header.
fn field<'a>(frame: &'a Frame, name: &str) -> &'a str {
    frame.header.ext.get(name).map_or("", |value| value)
}

fn property<'a>(frame: &'a Frame, wanted: &str) -> Option<&'a str> {
    let properties = frame.header.ext.get("i")?;
    decode_properties(properties).find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

#[test]
fn row_20_a_message_is_compressed_once_and_every_attempt_sends_the_same_bytes() {
    for (format, sys_flag) in [
        (CompressionType::Zlib, 0x301),
        (CompressionType::Lz4, 0x101),
        (CompressionType::Zstd, 0x201),
        (CompressionType::None, 0),
    ] {
        if !format.is_available() {
            continue;
        }
        let (sent, error) = attempts(config().with_compress_type(format), large(), 3);
        assert_eq!(sent[0].sys_flag, sys_flag);
        assert!(sent[0].is_the_large_message(), "compressed once: {format:?}");
        assert!(sent[0].properties.contains(UNIQ_KEY));
        for again in &sent[1..] {
            assert_eq!(again, &sent[0], "{format:?}");
            assert_eq!(again.body.as_ptr(), sent[0].body.as_ptr(), "not even copied");
        }
        assert_eq!(error.into_message(), large(), "the caller's message is as it was");
    }
}

#[cfg(all(feature = "mutants", feature = "compression-zlib"))]
#[test]
fn row_20_this_test_would_find_a_message_that_is_compressed_at_each_attempt() {
    use crate::mutants::{Mutant, switch_on};
    switch_on(Some(Mutant::PreparedAtEachAttempt));
    let (sent, _) = attempts(config(), large(), 3);
    switch_on(None);
    assert!(!sent.iter().all(Sent::is_the_large_message));
}

#[test]
fn row_20_a_half_message_and_a_batch_stay_as_they_are_as_well() {
    let parcels = [
        Parcel::half(&config(), large()).unwrap(),
        Parcel::batch(&config(), &[large(), message()]).unwrap().unwrap(),
    ];
    for parcel in parcels {
        let mut world = World::with_parcel(config(), parcel, SendOptions::new());
        world = world.reaching(&["a", "b"]);
        world.register("a", 479);
        world.register("b", 479);
        let mut first = frame(&mut world);
        world.fail(lost());
        let second = frame(&mut world);
        assert_eq!((field(&first, "n"), field(&second, "n")), ("a", "b"));
        let a_is_b = |(name, value): (&str, &str)| {
            (name.to_owned(), if name == "n" { "b".to_owned() } else { value.to_owned() })
        };
        first.header.ext = first.header.ext.iter().map(a_is_b).collect();
        assert_eq!(first, second);
    }
}

#[cfg(feature = "compression-zlib")]
#[test]
fn row_44_the_system_flag_of_a_compressed_half_message_says_both() {
    let parcel = Parcel::half(&config(), large()).unwrap();
    let mut world = World::with_parcel(config(), parcel, SendOptions::new()).reaching(&["a"]);
    world.register("a", 479);
    assert_eq!(field(&frame(&mut world), "f"), (0x301 | 0x4).to_string());
}

#[test]
fn batches_are_never_compressed() {
    let parcel = Parcel::batch(&config(), &[large(), large()]).unwrap().unwrap();
    let mut world = World::with_parcel(config(), parcel, SendOptions::new()).reaching(&["a"]);
    let frame = frame(&mut world);
    assert_eq!(field(&frame, "f"), "0");
    assert!(frame.body.len() > 2_000_000);
}

#[test]
fn brokers_tell_batches_by_their_header() {
    let first = message().with_flag(7).with_tags("a");
    let parcel = Parcel::batch(&config(), &[first, message()]).unwrap().unwrap();
    let mut world = World::with_parcel(config(), parcel, SendOptions::new()).reaching(&["a"]);
    let batch = frame(&mut world);
    assert_eq!((batch.header.code, field(&batch, "m")), (320, "true"));
    assert_eq!(field(&batch, "h"), "0", "flags are the messages' own");
    assert_eq!(batch.header.ext.get("i"), None, "4.x would add properties to each message");

    let single = frame(&mut World::with_message(config(), message().with_flag(7), &["a"]));
    assert_eq!((single.header.code, field(&single, "m")), (310, "false"));
    assert_eq!(field(&single, "h"), "7");
}

#[test]
fn the_header_says_whether_to_wait_for_flush_and_replication() {
    for (wait, word) in [(true, "true"), (false, "false")] {
        let waiting = message().with_wait_store_ok(wait);
        let single = frame(&mut World::with_message(config(), waiting.clone(), &["a"]));
        assert_eq!(property(&single, "WAIT"), Some(word));
        let parcel = Parcel::batch(&config(), &[waiting.clone(), waiting]).unwrap().unwrap();
        let mut world = World::with_parcel(config(), parcel, SendOptions::new()).reaching(&["a"]);
        let batch = frame(&mut world);
        assert_eq!(
            property(&batch, "WAIT"),
            (!wait).then_some("false"),
            "true goes without saying"
        );
    }
}

#[test]
fn a_checksum_goes_with_the_body_where_it_was_asked_for() {
    let plain = frame(&mut World::new(config(), &["a"]));
    assert_eq!(property(&plain, "BODY_CRC"), None);
    // What a broker has computed for this body: `stored_message_v1` among the vectors.
    let checked = message().with_body_crc(true);
    let single = frame(&mut World::with_message(config(), checked.clone(), &["a"]));
    assert_eq!(property(&single, "BODY_CRC"), Some("1774740973"));
    let parcel = Parcel::batch(&config(), &[checked, message()]).unwrap().unwrap();
    let mut world = World::with_parcel(config(), parcel, SendOptions::new()).reaching(&["a"]);
    let batch = String::from_utf8_lossy(&frame(&mut world).body).into_owned();
    assert_eq!(batch.matches("BODY_CRC\u{1}1774740973\u{2}").count(), 1, "the first one's");
}

#[test]
fn the_checksum_is_that_of_the_body_as_its_consumer_gets_it() {
    let large = frame(&mut World::with_message(config(), large(), &["a"]));
    let expected = crate::model::body_crc(&[b'A'; 1_000_000]).to_string();
    assert_eq!(property(&large, "BODY_CRC"), Some(&*expected), "not of the compressed one");
}

#[test]
fn a_message_says_when_it_is_to_be_delivered() {
    let at = UnixMillis(1_758_273_999_000);
    for (scheduled, name, value) in [
        (message().with_delay_level(3), "DELAY", "3"),
        (message().with_deliver_at(at), "TIMER_DELIVER_MS", "1758273999000"),
        (message().with_delay_for(1_500 * MS), "TIMER_DELAY_MS", "1500"),
        // The last one counts.
        (message().with_delay_for(1_500 * MS).with_delay_level(3), "DELAY", "3"),
        (message().with_delay_level(3).with_deliver_at(at), "TIMER_DELIVER_MS", "1758273999000"),
    ] {
        let mut world = World::with_message(config(), scheduled, &["a"]);
        world.register("a", 479);
        let frame = frame(&mut world);
        assert_eq!(property(&frame, name), Some(value));
        let all = ["DELAY", "TIMER_DELIVER_MS", "TIMER_DELAY_MS", "TIMER_DELAY_SEC"];
        let told = all.into_iter().filter(|name| property(&frame, name).is_some());
        assert_eq!(told.collect::<Vec<_>>(), [name], "one alone");
    }
}
