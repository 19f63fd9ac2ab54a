//! What a node answers, before and after it is bytes.

use bytes::{Bytes, BytesMut};
use rocketmq_producer_core::codec::{ExtFields, Header, Language, SerializeType, encode_response};

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
