//! Asks a server one question over the remoting protocol, by hand: the launcher must not trust the
//! code its clusters are there to test.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// No answer to these questions comes near it.
const MAX_FRAME: usize = 16 * 1024 * 1024;

const SUCCESS: i32 = 0;

/// Checks that the name server at `addr` answers a question for the route of `topic`, if only to
/// say that it knows none.
pub(super) fn answers_route_request(addr: SocketAddr, topic: &str) -> io::Result<()> {
    ask_route(addr, topic).map(|_| ())
}

/// Checks that the name server's route of `topic` leads to the broker at `broker`.
pub(super) fn route_leads_to(
    namesrv: SocketAddr,
    topic: &str,
    broker: SocketAddr,
) -> io::Result<()> {
    let reply = ask_route(namesrv, topic)?;
    if reply.code != SUCCESS {
        let code = reply.code;
        return Err(io::Error::other(format!("the name server answers code {code} for {topic}")));
    }
    if !reply.body.contains(&format!("\"{broker}\"")) {
        return Err(io::Error::other(format!("the route of {topic} does not name {broker} yet")));
    }
    Ok(())
}

fn ask_route(namesrv: SocketAddr, topic: &str) -> io::Result<Reply> {
    let header = format!(
        r#"{{"code":105,"extFields":{{"topic":"{topic}"}},"flag":0,"language":"RUST","opaque":1,"serializeTypeCurrentRPC":"JSON","version":479}}"#
    );
    ask(namesrv, &header, "")
}

/// Checks that the server at `addr` answers a heartbeat, with whatever code: one that wants
/// credentials refuses it.
pub(super) fn answers_heartbeat(addr: SocketAddr) -> io::Result<()> {
    let header = r#"{"code":34,"extFields":{},"flag":0,"language":"RUST","opaque":1,"serializeTypeCurrentRPC":"JSON","version":479}"#;
    let body = r#"{"clientID":"127.0.0.1@probe","consumerDataSet":[],"heartbeatFingerprint":0,"producerDataSet":[{"groupName":"PG_PROBE"}],"withoutSub":false}"#;
    ask(addr, header, body).map(|_| ())
}

/// Changes properties of a running broker: UPDATE_BROKER_CONFIG (25).
pub(super) fn update_config(broker: SocketAddr, properties: &str) -> io::Result<()> {
    let header = r#"{"code":25,"extFields":{},"flag":0,"language":"RUST","opaque":1,"serializeTypeCurrentRPC":"JSON","version":479}"#;
    match ask(broker, header, properties)?.code {
        SUCCESS => Ok(()),
        code => Err(io::Error::other(format!("the broker answers code {code}"))),
    }
}

struct Reply {
    code: i32,
    body: String,
}

fn ask(addr: SocketAddr, header: &str, body: &str) -> io::Result<Reply> {
    let mut stream = TcpStream::connect_timeout(&addr, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(&frame(header, body))?;

    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(malformed());
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest)?;
    parse(&rest).ok_or_else(malformed)
}

/// A frame with a JSON header: length of the rest, header type (0) and length, header, body.
fn frame(header: &str, body: &str) -> Vec<u8> {
    let length = (4 + header.len() + body.len()) as u32;
    let mut frame = Vec::with_capacity(4 + length as usize);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&(header.len() as u32).to_be_bytes());
    frame.extend_from_slice(header.as_bytes());
    frame.extend_from_slice(body.as_bytes());
    frame
}

/// Reads a frame without its length, with a header of either form: a server answers in the one it
/// is configured for.
fn parse(frame: &[u8]) -> Option<Reply> {
    let (head, rest) = frame.split_first_chunk::<4>()?;
    let [form, a, b, c] = *head;
    let (header, body) = rest.split_at_checked(u32::from_be_bytes([0, a, b, c]) as usize)?;
    let code = match form {
        0 => json_code(std::str::from_utf8(header).ok()?)?,
        1 => i32::from(i16::from_be_bytes(*header.first_chunk()?)),
        _ => return None,
    };
    Some(Reply { code, body: String::from_utf8_lossy(body).into_owned() })
}

/// The number after `"code":`. Java writes the members in alphabetical order, so the first one met
/// is the header's own.
fn json_code(header: &str) -> Option<i32> {
    let (_, number) = header.split_once("\"code\":")?;
    let end = number.find([',', '}'])?;
    number[..end].trim().parse().ok()
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the answer is not a RocketMQ frame")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_header_forms_yield_the_code_and_the_body() {
        let json = frame(r#"{"code":17,"flag":1,"opaque":1,"version":513}"#, "body");
        let reply = parse(&json[4..]).expect("a JSON reply");
        assert_eq!((reply.code, reply.body.as_str()), (17, "body"));

        let binary = [&[1, 0, 0, 3, 0, 17, 0][..], b"body"].concat();
        let reply = parse(&binary).expect("a binary reply");
        assert_eq!((reply.code, reply.body.as_str()), (17, "body"));
    }

    #[test]
    fn a_cut_or_foreign_answer_is_refused() {
        for bytes in [&b""[..], b"\0\0\0", b"\0\0\0\x09{}", b"HTTP/1.1 400", b"\x01\0\0\x01\0"] {
            assert!(parse(bytes).is_none(), "{bytes:?}");
        }
    }
}
