use bytes::Bytes;
use bytestring::ByteString;
use proptest::prelude::*;

use super::{parse::parse, scan::scan};
use crate::codec::Header;

fn scanned(text: &str) -> Option<Header> {
    scan(ByteString::from(text.to_owned()))
}

/// What a 5.5.0 broker says of a message that it has stored.
const STORED: &str = r#"{"code":0,"extFields":{"queueId":"2","TRACE_ON":"true","MSG_REGION":"DefaultRegion","msgId":"7F00000100002A9F0000000000000BB8","queueOffset":"7","transactionId":"7F0000011234014AE5A55EB85A9B0000"},"flag":1,"language":"JAVA","opaque":77,"serializeTypeCurrentRPC":"JSON","version":513}"#;
const REFUSED: &str = r#"{"code":2,"flag":1,"language":"JAVA","opaque":0,"remark":"[REJECTREQUEST]system busy, start flow control for a while","serializeTypeCurrentRPC":"JSON","version":513}"#;

#[test]
fn what_brokers_write_is_scanned() {
    for text in [STORED, REFUSED] {
        assert_eq!(scanned(text), Some(parse(text.as_bytes()).unwrap()), "{text}");
    }
    let stored = scanned(STORED).unwrap();
    assert_eq!((stored.code, stored.opaque, stored.version), (0, 77, 513));
    assert_eq!(stored.ext.get("queueOffset"), Some("7"));
    assert_eq!(scanned(REFUSED).unwrap().remark.as_deref().map(|text| text.len()), Some(58));
}

#[test]
fn what_is_out_of_the_ordinary_is_left_to_the_parser() {
    for text in [
        r#"{"code":2,"flag":1,"language":"JAVA","opaque":0,"remark":"a\nb","serializeTypeCurrentRPC":"JSON","version":513}"#,
        r#"{"code":2,"flag":1,"language":"GO","opaque":0,"serializeTypeCurrentRPC":"JSON","version":513}"#,
        r#"{"code":2,"flag":1,"language":"JAVA","opaque":0,"serializeTypeCurrentRPC":"JSON","version":513}x"#,
        r#"{"code":2,"flag":1,"language":"JAVA","opaque":00,"serializeTypeCurrentRPC":"JSON","version":513}"#,
        r#"{"code":2,"flag":1,"language":"JAVA","opaque":-0,"serializeTypeCurrentRPC":"JSON","version":513}"#,
        r#"{"code":2,"flag":1,"language":"JAVA","opaque":2147483648,"serializeTypeCurrentRPC":"JSON","version":513}"#,
        r#"{"code":2,"flag":1,"language":"JAVA","opaque":0,"remark":null,"serializeTypeCurrentRPC":"JSON","version":513}"#,
        r#"{"code":2,"extFields":{"a":1},"flag":1,"language":"JAVA","opaque":0,"serializeTypeCurrentRPC":"JSON","version":513}"#,
        r#"{"opaque":0,"code":2,"flag":1,"language":"JAVA","serializeTypeCurrentRPC":"JSON","version":513}"#,
        r#"{"code":0,"opaque":1,"remark":"a\nb"}"#,
        r#"{"code":0, "opaque":1}"#,
        r#"{"code":0,"opaque":1}x"#,
        r#"{"code":0,"opaque":1,"more":"x"}"#,
        r#"{"code":0,"opaque":1,"remark":null}"#,
        r#"{"code":0,"opaque":1,"extFields":{"a":1}}"#,
        r#"{"code":00,"opaque":1}"#,
        r#"{"code":-0,"opaque":1}"#,
        r#"{"code":1.0,"opaque":1}"#,
        r#"{"code":2147483648,"opaque":1}"#,
        r#"{"code":1}"#,
        r#"{"code":1,"opaque":1"#,
        r#"{"code":1,"opaque":1,}"#,
        "{}",
        "",
    ] {
        assert_eq!(scanned(text), None, "{text}");
    }
}

/// A header as brokers write it, with these ext fields.
fn with_fields(fields: &str) -> String {
    let (start, rest) = STORED.split_once("\"extFields\":{").unwrap();
    let (_, end) = rest.split_once('}').unwrap();
    format!("{start}\"extFields\":{{{fields}}}{end}")
}

#[test]
fn fields_that_begin_alike_come_twice_or_are_empty_mean_what_they_do_to_the_parser() {
    for fields in [
        "",
        r#""a":"b""#,
        r#""queueId":"1","queueId":"2""#,
        r#""msgId":"","msgId":"2""#,
        r#""msgId":"2","msgId":"""#,
        r#""msgIdX":"1","ms":"2","m":"3","":"4","TR":"","queue":"5""#,
        r#""queueOffse":"1","queueOffsetX":"2","tré":"é""#,
        r#""queueOffset":"1","TRACE_ON":"","MSG_REGION":"ö}{,:""#,
    ] {
        let text = with_fields(fields);
        let header = scanned(&text).expect("nothing is out of the ordinary");
        assert_eq!(Ok(&header), parse(text.as_bytes()).as_ref(), "{text}");
        for (name, value) in header.ext.iter() {
            assert!(fields.contains(&format!("\"{name}\":\"{value}\"")), "{name} {value}");
        }
    }
}

#[test]
fn members_in_another_order_or_twice_mean_what_they_do_to_the_parser() {
    for text in [
        r#"{"code":1,"code":2,"opaque":3,"opaque":4,"flag":1,"flag":0}"#,
        r#"{"code":1,"opaque":3,"remark":"a","remark":""}"#,
        r#"{"code":1,"opaque":3,"extFields":{"a":"b"},"extFields":{"queueId":"1","queueId":"2"}}"#,
        r#"{"code":1,"opaque":3,"extFields":{"msgIdX":"1","ms":"2","m":"3","":"4","TR":"","queue":"5"}}"#,
        r#"{"code":1,"opaque":3,"extFields":{"queueOffse":"1","queueOffsetX":"2","tré":"é"}}"#,
        r#"{"code":1,"opaque":3,"language":"cöde","remark":"ö}{,:"}"#,
    ] {
        let header = super::decode(&Bytes::from(text)).expect("nothing is wrong with it");
        assert_eq!(Ok(header), parse(text.as_bytes()), "{text}");
    }
}

#[test]
fn what_is_cut_short_or_put_together_wrongly_is_not_scanned() {
    for text in [
        r#"{"code":1,"opaque":3,"extFields":{"msgId:"1"}}"#.to_owned(),
        r#"{"code":1,"opaque":3,"extFields":{"queueId""1"}}"#.to_owned(),
        r#"{"code":1,"opaque":3,"extFields":{"a":"b",}}"#.to_owned(),
        r#"{"code":1"opaque":3}"#.to_owned(),
        r#"{"code":1,,"opaque":3}"#.to_owned(),
        r#"{"code":1,"opaque":-}"#.to_owned(),
        with_fields(r#""msgId:"1""#),
        with_fields(r#""queueId""1""#),
        with_fields(r#""queueId":"1",,"msgId":"2""#),
        with_fields(r#""a":"b","#),
        STORED.replace(":77,", ":-,"),
        STORED.replace(":77,", ":,"),
        STORED.replace(":77,", ":77"),
    ] {
        let text = text.as_str();
        assert_eq!(scanned(text), None, "{text}");
        assert!(parse(text.as_bytes()).is_err(), "{text}");
    }
    for end in 0..STORED.len() {
        assert_eq!(scanned(&STORED[..end]), None, "{end}");
    }
}

#[test]
fn numbers_reach_to_their_limits() {
    for number in [i32::MIN, -10, 0, 9, i32::MAX] {
        let text = STORED.replace(":77,", &format!(":{number},"));
        let text = text.replace("\"code\":0,", &format!("\"code\":{number},"));
        assert_eq!(
            scanned(&text).map(|header| (header.code, header.opaque)),
            Some((number, number))
        );
    }
}

proptest! {
    /// Where both say something, they say the same; the scanner never takes what the parser does not.
    #[test]
    fn the_scanner_agrees_with_the_parser(
        template in prop::sample::select(&[STORED, REFUSED]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), ".|[\"{}:,\\\\0-9-]"), 0..4),
    ) {
        let mut text = template.to_owned();
        for (place, with) in edits {
            let at = place.index(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                text.replace_range(at..=at, &with);
            }
        }
        if let Some(header) = scanned(&text) {
            prop_assert_eq!(parse(text.as_bytes()).ok(), Some(header));
        }
    }

    #[test]
    fn fields_of_any_kind_are_found(
        fields in prop::collection::vec(("[^\"\\\\\u{0}-\u{1f}]{0,20}", "[^\"\\\\\u{0}-\u{1f}]{0,20}"), 0..10),
        opaque in any::<i32>(),
    ) {
        let members: Vec<_> =
            fields.iter().map(|(key, value)| format!("\"{key}\":\"{value}\"")).collect();
        let text = with_fields(&members.join(","));
        let text = text.replace("\"opaque\":77,", &format!("\"opaque\":{opaque},"));
        let header = scanned(&text).expect("nothing is out of the ordinary");
        let decoded = super::decode(&Bytes::from(text.clone())).unwrap();
        prop_assert_eq!(&parse(text.as_bytes()).unwrap(), &header);
        prop_assert_eq!(&decoded, &header);
        for (key, value) in header.ext.iter() {
            prop_assert!(fields.iter().any(|field| (&*field.0, &*field.1) == (key, value)));
        }
    }
}
