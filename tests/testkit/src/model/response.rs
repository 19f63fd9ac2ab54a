//! What a node answers, before and after it is bytes.

use bytes::{BufMut as _, Bytes, BytesMut};
use rocketmq_producer_core::codec::{ExtFields, Header, Language, SerializeType, encode_response};
use serde_json::{Value, json};

/// A response before it is encoded; none is no answer at all.
pub(crate) type Answer = Option<Response>;

/// What a node answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) code: i32,
    pub(crate) remark: String,
    pub(crate) ext: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    pub(crate) version: i32,
}

impl Response {
    pub(crate) fn code(code: i32, remark: impl Into<String>) -> Self {
        Self { code, remark: remark.into(), ..Self::default() }
    }

    pub(super) fn encode(self, form: SerializeType, opaque: i32) -> Bytes {
        let remark = Some(self.remark).filter(|remark| !remark.is_empty());
        let header = Header {
            code: self.code,
            language: Language::JAVA,
            version: self.version,
            opaque,
            flag: 0,
            remark: remark.map(Into::into),
            ext: self.ext.into_iter().collect::<ExtFields>(),
        };
        let mut out = BytesMut::new();
        encode_response(&mut out, form, &header, self.body.len())
            .expect("a model's answer fits a frame");
        out.extend_from_slice(&self.body);
        out.freeze()
    }
}

/// A node's own request, which wants no answer. Nodes write those in JSON, whatever they are asked
/// in. All of them are number 0: nobody counts what is not answered.
pub(super) fn encode_oneway(code: i32, version: i32, ext: &Value, body: &[u8]) -> Bytes {
    let header = json!({
        "code": code, "extFields": ext, "flag": 2, "language": "JAVA", "opaque": 0,
        "serializeTypeCurrentRPC": "JSON", "version": version,
    });
    let header = header.to_string();
    let mut out = BytesMut::new();
    out.put_u32((4 + header.len() + body.len()) as u32);
    out.put_u32(header.len() as u32);
    out.put_slice(header.as_bytes());
    out.put_slice(body);
    out.freeze()
}
