//! A message as brokers store it and hand it to consumers: `MessageDecoder` of Apache RocketMQ.

mod compression;

pub use compression::BadCompression;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use rocketmq_producer_core::model::{decode_properties, encode_properties};

const MAGIC_V1: u32 = 0xDAA3_20A7;
const MAGIC_V2: u32 = 0xDAA3_20AB;
const BORN_HOST_V6: i32 = 0x10;
const STORE_HOST_V6: i32 = 0x20;

/// One stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// The topic.
    pub topic: String,
    /// The queue on its broker.
    pub queue_id: i32,
    /// Position in the queue.
    pub queue_offset: i64,
    /// Position in the broker's commit log.
    pub commit_log_offset: i64,
    /// The user's flag.
    pub flag: i32,
    /// Compression, transaction state, address families.
    pub sys_flag: i32,
    /// When the producer sent it, ms since the epoch.
    pub born_timestamp: i64,
    /// When the broker stored it, ms since the epoch.
    pub store_timestamp: i64,
    /// Where the producer connected from.
    pub born_host: SocketAddr,
    /// Which broker stored it.
    pub store_host: SocketAddr,
    /// CRC-32 of the body, without its highest bit.
    pub body_crc: i32,
    /// The body, still compressed if `sys_flag` says so.
    pub body: Bytes,
    /// All properties, those that the broker added among them.
    pub properties: BTreeMap<String, String>,
}

/// Bytes that are not a stored message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a stored message: {0}")]
pub struct NotStored(&'static str);

impl StoredMessage {
    /// The id that the producer gave it.
    #[must_use]
    pub fn uniq_key(&self) -> Option<&str> {
        self.properties.get("UNIQ_KEY").map(String::as_str)
    }

    /// Decodes messages that stand back to back.
    ///
    /// # Errors
    ///
    /// [`NotStored`] when bytes are left that are no whole message.
    pub fn decode_all(mut bytes: Bytes) -> Result<Vec<Self>, NotStored> {
        let mut messages = Vec::new();
        while bytes.has_remaining() {
            messages.push(Self::decode(&mut bytes)?);
        }
        Ok(messages)
    }

    /// Takes one message off the front.
    ///
    /// # Errors
    ///
    /// [`NotStored`] when it is cut off or has an unknown magic number.
    pub fn decode(bytes: &mut Bytes) -> Result<Self, NotStored> {
        let short = |_| NotStored("it is cut off");
        let total = bytes.first_chunk().map(|size| u32::from_be_bytes(*size) as usize);
        let total = total.filter(|total| (4..=bytes.len()).contains(total));
        let mut input = bytes.split_to(total.ok_or(NotStored("its size is impossible"))?);
        input.advance(4);
        let magic = input.try_get_u32().map_err(short)?;
        let body_crc = input.try_get_i32().map_err(short)?;
        let queue_id = input.try_get_i32().map_err(short)?;
        let flag = input.try_get_i32().map_err(short)?;
        let queue_offset = input.try_get_i64().map_err(short)?;
        let commit_log_offset = input.try_get_i64().map_err(short)?;
        let sys_flag = input.try_get_i32().map_err(short)?;
        let born_timestamp = input.try_get_i64().map_err(short)?;
        let born_host = host(&mut input, sys_flag & BORN_HOST_V6 != 0)?;
        let store_timestamp = input.try_get_i64().map_err(short)?;
        let store_host = host(&mut input, sys_flag & STORE_HOST_V6 != 0)?;
        let _reconsume_times = input.try_get_i32().map_err(short)?;
        let _prepared_transaction_offset = input.try_get_i64().map_err(short)?;
        let body_len = input.try_get_i32().map_err(short)?;
        let body = take(&mut input, body_len)?;
        let topic_len = match magic {
            MAGIC_V1 => i32::from(input.try_get_i8().map_err(short)?),
            MAGIC_V2 => i32::from(input.try_get_i16().map_err(short)?),
            _ => return Err(NotStored("its magic number is unknown")),
        };
        let topic = text(take(&mut input, topic_len)?)?;
        let properties_len = i32::from(input.try_get_i16().map_err(short)?);
        let properties = text(take(&mut input, properties_len)?)?;
        let pairs = decode_properties(&properties);
        Ok(Self {
            topic,
            queue_id,
            queue_offset,
            commit_log_offset,
            flag,
            sys_flag,
            born_timestamp,
            store_timestamp,
            born_host,
            store_host,
            body_crc,
            body,
            properties: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }

    /// The bits of the system flag that tell how long the hosts' addresses are.
    fn host_bits(&self) -> i32 {
        let bit = |host: SocketAddr, bit| if host.is_ipv6() { bit } else { 0 };
        bit(self.born_host, BORN_HOST_V6) | bit(self.store_host, STORE_HOST_V6)
    }

    /// Encodes it in the older layout, for topics of at most 127 bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let properties = self.properties.iter().map(|(name, value)| (&**name, &**value));
        let properties = encode_properties(properties);
        let mut out = BytesMut::new();
        out.put_u32(0);
        out.put_u32(MAGIC_V1);
        out.put_i32(self.body_crc);
        out.put_i32(self.queue_id);
        out.put_i32(self.flag);
        out.put_i64(self.queue_offset);
        out.put_i64(self.commit_log_offset);
        out.put_i32(self.sys_flag | self.host_bits());
        out.put_i64(self.born_timestamp);
        put_host(&mut out, self.born_host);
        out.put_i64(self.store_timestamp);
        put_host(&mut out, self.store_host);
        out.put_i32(0);
        out.put_i64(0);
        out.put_i32(self.body.len() as i32);
        out.put_slice(&self.body);
        out.put_u8(self.topic.len() as u8);
        out.put_slice(self.topic.as_bytes());
        out.put_i16(properties.len() as i16);
        out.put_slice(properties.as_bytes());
        let total = out.len() as u32;
        out[..4].copy_from_slice(&total.to_be_bytes());
        out.freeze()
    }
}

/// The broker's own id of a message: `MessageDecoder.createMessageId`.
#[must_use]
pub fn offset_message_id(host: SocketAddr, commit_log_offset: i64) -> String {
    let address: String = match host.ip() {
        IpAddr::V4(ip) => ip.octets().iter().map(|byte| format!("{byte:02X}")).collect(),
        IpAddr::V6(ip) => ip.octets().iter().map(|byte| format!("{byte:02X}")).collect(),
    };
    format!("{address}{:08X}{commit_log_offset:016X}", host.port())
}

fn host(input: &mut Bytes, v6: bool) -> Result<SocketAddr, NotStored> {
    let short = |_| NotStored("it is cut off");
    let ip = if v6 {
        IpAddr::V6(Ipv6Addr::from_bits(input.try_get_u128().map_err(short)?))
    } else {
        IpAddr::V4(Ipv4Addr::from_bits(input.try_get_u32().map_err(short)?))
    };
    let port = input.try_get_i32().map_err(short)?;
    Ok(SocketAddr::new(ip, port as u16))
}

fn put_host(out: &mut BytesMut, host: SocketAddr) {
    match host.ip() {
        IpAddr::V4(ip) => out.put_slice(&ip.octets()),
        IpAddr::V6(ip) => out.put_slice(&ip.octets()),
    }
    out.put_i32(i32::from(host.port()));
}

fn take(input: &mut Bytes, length: i32) -> Result<Bytes, NotStored> {
    match usize::try_from(length) {
        Ok(length) if length <= input.len() => Ok(input.split_to(length)),
        _ => Err(NotStored("a length in it is impossible")),
    }
}

fn text(bytes: Bytes) -> Result<String, NotStored> {
    String::from_utf8(bytes.into()).map_err(|_| NotStored("a text in it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn vectors() -> serde_json::Value {
        serde_json::from_str(include_str!("../../../core/tests/vectors.json")).unwrap()
    }

    pub(super) fn bytes(hex: &serde_json::Value) -> Bytes {
        let hex = hex.as_str().unwrap();
        let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digits).collect()
    }

    #[test]
    fn messages_are_read_as_java_writes_them_and_written_back_the_same() {
        let vectors = vectors();
        let raw = bytes(&vectors["stored_message_v1"]["hex"]);
        let message = StoredMessage::decode(&mut raw.clone()).unwrap();
        let fields = &vectors["stored_message_v1"]["fields"];
        assert_eq!(message.topic, fields["topic"].as_str().unwrap(), "{fields}");
        assert!(message.uniq_key().is_some());
        assert_eq!(message.encode().len(), raw.len());
        assert_eq!(StoredMessage::decode(&mut message.encode()).unwrap(), message);
    }

    #[test]
    fn long_topics_and_compressed_bodies_are_read() {
        let vectors = vectors();
        let vector = &vectors["stored_message_v2_long_topic"];
        let message = StoredMessage::decode(&mut bytes(&vector["hex"])).unwrap();
        assert_eq!(message.topic, vector["topic"].as_str().unwrap());
        let vector = &vectors["stored_message_v1_zlib"];
        let message = StoredMessage::decode(&mut bytes(&vector["hex"])).unwrap();
        assert_eq!(Some(i64::from(message.sys_flag)), vector["sysFlag"].as_i64());
    }

    #[test]
    fn a_message_cut_anywhere_is_an_error() {
        let raw = bytes(&vectors()["stored_message_v1"]["hex"]);
        for end in 0..raw.len() {
            assert!(StoredMessage::decode(&mut raw.slice(..end)).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn offset_ids_name_the_broker_and_the_place() {
        let vector = &vectors()["offset_msg_id"];
        let offset = vector["commitLogOffset"].as_i64().unwrap();
        let v4: SocketAddr = "127.0.0.1:10911".parse().unwrap();
        assert_eq!(offset_message_id(v4, offset), vector["id"].as_str().unwrap());
        let v6: SocketAddr = "[::1]:10911".parse().unwrap();
        assert_eq!(offset_message_id(v6, offset), vector["ipv6_id"].as_str().unwrap());
    }
}
