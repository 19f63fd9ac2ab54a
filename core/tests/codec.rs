//! Frames: bytes in, commands out, and back; and what happens when the bytes are not what they
//! should be.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that finds something missing has failed"
)]

use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;
use rocketmq_producer_core::codec::{
    CodecError, ExtFields, FRAME_SIZE_MAX, FieldWriter, Frame, FrameDecoder, Header, Impostor,
    Language, Request, SerializeType, encode_request, encode_response,
};

const FORMS: [SerializeType; 2] = [SerializeType::Binary, SerializeType::Json];

#[test]
fn row_24_frames_cut_at_every_byte_decode_the_same() {
    let mut stream = Vec::new();
    for form in FORMS {
        stream.extend_from_slice(&written(form, &header(), b"body"));
        stream.extend_from_slice(&written(form, &Header { opaque: -1, ..header() }, b""));
    }
    let whole = cut([&*stream]);
    assert_eq!(whole.len(), 4);
    for at in 0..=stream.len() {
        assert_eq!(cut([&stream[..at], &stream[at..]]), whole, "cut at {at}");
    }
    assert_eq!(cut(stream.chunks(1)), whole, "byte by byte");
}

#[test]
fn room_is_made_for_the_rest_of_a_frame_once_its_length_is_known() {
    let mut buffer = BytesMut::from(&1_000_000_u32.to_be_bytes()[..]);
    assert_eq!(FrameDecoder::default().decode(&mut buffer), Ok(None));
    assert!(buffer.capacity() >= 1_000_004);
}

#[test]
fn row_24_a_frame_over_the_limit_is_refused_before_memory_is_taken_for_it() {
    for length in [FRAME_SIZE_MAX as u32 - 3, 0x7fff_ffff] {
        let mut buffer = BytesMut::with_capacity(8);
        buffer.put_u32(length);
        let refused = FrameDecoder::default().decode(&mut buffer);
        let too_long = CodecError::TooLong { length: u64::from(length) + 4, max: FRAME_SIZE_MAX };
        assert_eq!(refused, Err(too_long));
        assert!(buffer.capacity() < 64, "{} bytes are held", buffer.capacity());
    }
    let mut buffer = BytesMut::from(&(FRAME_SIZE_MAX as u32 - 4).to_be_bytes()[..]);
    assert_eq!(FrameDecoder::default().decode(&mut buffer), Ok(None), "the limit itself is fine");

    let mut buffer = BytesMut::from(&97_u32.to_be_bytes()[..]);
    let refused = FrameDecoder::new(100).decode(&mut buffer);
    assert_eq!(refused, Err(CodecError::TooLong { length: 101, max: 100 }), "a limit of one's own");
}

#[test]
fn row_24_lengths_that_cannot_be_are_refused() {
    for length in [-1, i32::MIN, 0, 3] {
        let refused = decode(&length.to_be_bytes());
        assert_eq!(refused, Err(CodecError::TooShort { length }));
    }
    let refused = decode(&[0, 0, 0, 4, 0, 0, 0, 1]);
    assert_eq!(refused, Err(CodecError::HeaderTooLong { header: 1, frame: 0 }));
    let refused = decode(&[0, 0, 0, 6, 1, 0xff, 0xff, 0xff, 0, 0]);
    assert_eq!(refused, Err(CodecError::HeaderTooLong { header: 0x00ff_ffff, frame: 2 }));
}

#[test]
fn row_24_a_peer_that_speaks_tls_or_http_is_named() {
    for (bytes, impostor) in [
        (&b"HTTP/1.1 400 Bad Request\r\n"[..], Impostor::Http),
        (&[0x15, 3, 3, 0, 2, 2, 0x28], Impostor::Tls),
        (&[0x16, 3, 1, 2, 0, 1], Impostor::Tls),
        (b"<!DOCTYPE html>", Impostor::Text),
        (b"220 mail.example ESMTP\r\n", Impostor::Text),
    ] {
        assert_eq!(decode(bytes), Err(CodecError::NotRemoting(impostor)));
    }
    let text = CodecError::NotRemoting(Impostor::Tls).to_string();
    assert!(text.contains("TLS"), "{text}");
}

#[test]
fn a_header_form_that_does_not_exist_is_refused() {
    assert_eq!(decode(&[0, 0, 0, 4, 2, 0, 0, 0]), Err(CodecError::UnknownSerializeType(2)));
}

#[test]
fn a_binary_header_that_lies_about_a_length_is_refused() {
    let remark = |length: i32| [&[0; 13], &length.to_be_bytes()[..], &[0; 4]].concat();
    let ext =
        |entries: &[u8]| [&[0; 17], &(entries.len() as u32).to_be_bytes()[..], entries].concat();
    for (header, field) in [
        (vec![0; 12], "fixed part"),
        (vec![0; 13], "remark"),
        (remark(-1), "remark"),
        (remark(5), "remark"),
        (remark(i32::MAX), "remark"),
        (vec![0; 17], "ext fields"),
        (ext(&[0]), "ext field name"),
        (ext(&[0xff, 0xff]), "ext field name"),
        (ext(&[0, 2, b'a']), "ext field name"),
        (ext(&[0, 1, b'a', 0, 0, 0]), "ext field value"),
        (ext(&[0, 1, b'a', 0, 0, 0, 1]), "ext field value"),
        (ext(&[0, 1, b'a', 0xff, 0xff, 0xff, 0xff]), "ext field value"),
    ] {
        assert_eq!(read(SerializeType::Binary, &header), Err(CodecError::Binary { field }));
    }
    let not_text = ext(&[0, 1, 0xff, 0, 0, 0, 0]);
    let refused = read(SerializeType::Binary, &not_text);
    assert_eq!(refused, Err(CodecError::Utf8 { field: "ext field name" }));
}

#[test]
fn of_a_field_that_comes_twice_the_last_counts() {
    let binary = [&[0; 17][..], &[0, 0, 0, 16], b"\0\x01a\0\0\0\x01b\0\x01a\0\0\0\x01c"].concat();
    let json = br#"{"code":0,"opaque":0,"extFields":{"a":"b","a":"c"}}"#;
    for (form, header) in [(SerializeType::Binary, &binary[..]), (SerializeType::Json, json)] {
        let ext = read(form, header).unwrap().ext;
        assert_eq!(ext.get("a"), Some("c"));
        assert_eq!(ext.iter().collect::<Vec<_>>(), [("a", "b"), ("a", "c")]);
    }
}

#[test]
fn empty_texts_read_as_absent_in_both_forms() {
    let binary = [&[0; 17][..], &[0, 0, 0, 7], b"\0\x01a\0\0\0\0"].concat();
    let json = br#"{"code":0,"opaque":0,"extFields":{"a":"","b":null},"remark":""}"#;
    for (form, header) in [(SerializeType::Binary, &binary[..]), (SerializeType::Json, json)] {
        let header = read(form, header).unwrap();
        assert_eq!(header.ext.get("a"), None);
        assert_eq!(header.ext, ExtFields::default());
        assert_eq!(header.remark, None);
    }
}

#[test]
fn json_headers_are_read_as_leniently_as_java_reads_them() {
    let read = |json: &str| read(SerializeType::Json, json.as_bytes()).expect(json);
    let header = read(
        r#" { "version" : 479, "unknown": {"x": [1, {}]}, "remark": null, "opaque": 7,
            "extFields": {"n": 42, "neg": -1, "yes": true, "none": null, "half": 1.5, "s": "\u0001x"},
            "serializeTypeCurrentRPC": "JSON", "flag": 1, "language": 12, "code": 0 } "#,
    );
    assert_eq!((header.code, header.opaque, header.flag), (0, 7, 1));
    assert_eq!((header.language, header.version), (Language::RUST, 479));
    assert_eq!(header.remark, None);
    let fields: Vec<_> = header.ext.iter().collect();
    let expected = [("n", "42"), ("neg", "-1"), ("yes", "true"), ("half", "1.5"), ("s", "\u{1}x")];
    assert_eq!(fields, expected);
    assert_eq!(header.ext.number::<i64>("n"), Some(42));
    assert_eq!(header.ext.number::<u8>("neg"), None, "not a number of that type");

    let language =
        |text: &str| read(&format!(r#"{{"code":0,"opaque":0,"language":{text}}}"#)).language;
    assert_eq!(language("\"RUST\""), Language::RUST);
    assert_eq!(language("\"KLINGON\""), Language::OTHER, "a name nobody knows is tolerated");
    assert_eq!(language("null"), Language::OTHER);
    assert_eq!(language("9999"), Language::OTHER);
}

#[test]
fn a_number_in_a_json_header_takes_no_more_memory_than_its_digits() {
    let json = br#"{"code":0,"opaque":0,"extFields":{"a":1e308}}"#;
    let header = read(SerializeType::Json, json).unwrap();
    assert_eq!(header.ext.get("a"), Some("1e308"));
}

#[test]
fn a_json_header_that_would_need_guessing_is_refused() {
    for json in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"code":0}"#,
        r#"{"opaque":0}"#,
        r#"{"code":"x","opaque":0}"#,
        r#"{"code":99999999999,"opaque":0}"#,
        r#"{"code":0,"opaque":0"#,
        r#"{"code":0,"opaque":0} x"#,
        r#"{"code":0,"opaque":0,"extFields":[]}"#,
        r#"{"code":0,"opaque":0,"extFields":{"a":{}}}"#,
        r#"{"code":0,"opaque":0,"remark":"\ud800"}"#,
    ] {
        let refused = read(SerializeType::Json, json.as_bytes());
        assert!(matches!(refused, Err(CodecError::Json { .. })), "{json}: {refused:?}");
    }
    let not_text = b"{\"code\":0,\"opaque\":0,\"remark\":\"\xff\"}";
    assert!(matches!(read(SerializeType::Json, not_text), Err(CodecError::Json { .. })));
}

#[test]
fn bodies_are_slices_of_the_read_buffer_and_so_are_the_texts_that_brokers_answer_with() {
    for form in FORMS {
        let mut buffer = written(form, &header(), &[7; 5_000]);
        let read = buffer.as_ptr() as usize..buffer.as_ptr() as usize + buffer.len();
        let frame = FrameDecoder::default().decode(&mut buffer).unwrap().unwrap();
        let is_slice = |bytes: &[u8]| read.contains(&(bytes.as_ptr() as usize));
        assert!(is_slice(&frame.body), "{form:?}");
        if form == SerializeType::Json {
            assert!(is_slice(frame.header.remark.as_ref().unwrap().as_bytes()));
            assert!(is_slice(frame.header.ext.get("topic").unwrap().as_bytes()));
        }
    }
}

#[test]
fn what_does_not_fit_leaves_the_buffer_as_it_was() {
    let long_name = "n".repeat(i16::MAX as usize + 1);
    let long_text = "t".repeat(0x0100_0000);
    let fields = [(&*long_name, "v"), ("n", &*long_text)];
    for form in FORMS {
        for (name, value) in fields {
            let mut out = BytesMut::from("before");
            let fields = [("a", "b"), (name, value), ("c", "d")];
            let refused = encode_request(&mut out, form, 1, false, &Fields(&fields), 0);
            assert!(matches!(refused, Err(CodecError::Encode { .. })), "{refused:?}");
            assert_eq!(out, "before");
        }
        let mut out = BytesMut::from("before");
        let refused = encode_request(&mut out, form, 1, false, &Fields(&[]), FRAME_SIZE_MAX - 8);
        assert!(matches!(refused, Err(CodecError::Encode { what: "frame", .. })), "{refused:?}");
        assert_eq!(out, "before");
        let overflow = encode_request(&mut out, form, 1, false, &Fields(&[]), usize::MAX);
        assert!(matches!(overflow, Err(CodecError::Encode { what: "frame", .. })));
        assert_eq!(out, "before");
    }
}

#[test]
fn names_of_every_length_that_fits_come_back() {
    let names = [1, 2, 255, 256, i16::MAX as usize].map(|length| "n".repeat(length));
    let read: Vec<_> = names.iter().map(|name| (&**name, "v")).collect();
    let mut fields = read.clone();
    // What has no name, or no value, cannot be told from what is not there.
    fields.splice(1..1, [("", "v"), ("x", ""), ("xy", "")]);
    for form in FORMS {
        let mut out = BytesMut::new();
        encode_request(&mut out, form, 1, false, &Fields(&fields), 0).unwrap();
        let frame = FrameDecoder::default().decode(&mut out).unwrap().expect("a whole frame");
        assert_eq!(frame.header.ext.iter().collect::<Vec<_>>(), read);
    }
}

#[test]
fn the_largest_frame_that_can_be_written_can_be_read() {
    for form in FORMS {
        let mut out = BytesMut::new();
        encode_request(&mut out, form, 1, false, &Fields(&[]), 0).unwrap();
        let body = FRAME_SIZE_MAX - out.len();
        out.clear();
        encode_request(&mut out, form, 1, false, &Fields(&[]), body).unwrap();
        out.put_bytes(1, body);
        let frame = FrameDecoder::default().decode(&mut out).unwrap().expect("a whole frame");
        assert_eq!(frame.body.len(), body);
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(
        header in any_header(),
        body in prop::collection::vec(any::<u8>(), 0..100),
        form in prop::sample::select(&FORMS[..]),
    ) {
        let mut bytes = written(form, &header, &body);
        let frame = FrameDecoder::default().decode(&mut bytes).unwrap().unwrap();
        prop_assert_eq!(frame, Frame { form, header, body: body.into() });
        prop_assert!(bytes.is_empty());
    }

    #[test]
    fn row_24_no_bytes_make_the_decoder_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        form in 0_u8..3,
    ) {
        let _ = decode(&bytes);
        let framed = framed(form, &bytes);
        let _ = decode(&framed);
    }
}

fn any_header() -> impl Strategy<Value = Header> {
    let numbers = (any::<i16>(), any::<u8>(), any::<i16>(), any::<i32>(), any::<i32>());
    let fields = prop::collection::vec((".{1,12}", ".{1,40}"), 0..6);
    (numbers, prop::option::of(".{1,20}"), fields).prop_map(|(numbers, remark, fields)| {
        let (code, language, version, opaque, flag) = numbers;
        Header {
            code: code.into(),
            language: Language(language),
            version: version.into(),
            opaque,
            flag: flag | 1,
            remark: remark.map(Into::into),
            ext: fields.into_iter().collect(),
        }
    })
}

fn header() -> Header {
    Header {
        code: 17,
        language: Language::JAVA,
        version: 479,
        opaque: 7,
        flag: 1,
        remark: Some("No topic route info, größe".into()),
        ext: [("topic", "TopicTest"), ("x", "y")].into_iter().collect(),
    }
}

struct Fields<'a>(&'a [(&'a str, &'a str)]);

impl Request for Fields<'_> {
    fn code(&self) -> i32 {
        310
    }

    fn fields(&self, out: &mut FieldWriter<'_>) {
        for (name, value) in self.0 {
            out.text(name, value);
        }
    }
}

fn written(form: SerializeType, header: &Header, body: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    encode_response(&mut out, form, header, body.len()).expect("it fits");
    out.put_slice(body);
    out
}

fn cut<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Frame> {
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    for piece in pieces {
        buffer.put_slice(piece);
        while let Some(frame) = FrameDecoder::default().decode(&mut buffer).unwrap() {
            frames.push(frame);
        }
    }
    assert!(buffer.is_empty(), "nothing is left");
    frames
}

fn decode(bytes: &[u8]) -> Result<Option<Frame>, CodecError> {
    FrameDecoder::default().decode(&mut BytesMut::from(bytes))
}

/// A header alone, in a frame of the right length.
fn read(form: SerializeType, header: &[u8]) -> Result<Header, CodecError> {
    let code = if form == SerializeType::Json { 0 } else { 1 };
    let frame = decode(&framed(code, header))?.expect("a whole frame");
    assert_eq!(frame.body, Bytes::new());
    Ok(frame.header)
}

fn framed(form: u8, header: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.put_u32(header.len() as u32 + 4);
    bytes.put_u32(u32::from(form) << 24 | header.len() as u32);
    bytes.put_slice(header);
    bytes
}

#[test]
fn row_24_a_header_of_very_many_fields_is_refused_before_it_fills_the_memory() {
    let ext: ExtFields = (0..5_000).map(|field| (field.to_string(), "x")).collect();
    for form in FORMS {
        let refused = decode(&written(form, &Header { ext: ext.clone(), ..header() }, b""));
        let error = refused.expect_err("too many").to_string();
        assert!(error.contains("more than 4096 ext fields"), "{error}");
    }
}
