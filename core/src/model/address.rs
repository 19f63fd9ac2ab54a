//! Where a name server or broker listens.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use bytestring::ByteString;

/// A host (name, IPv4, or IPv6 without its brackets) and a port. Names resolve at each dial, so an
/// address stays valid when what it names moves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Host name or literal IP address; IPv6 without brackets.
    pub host: ByteString,
    /// TCP port, never 0.
    pub port: u16,
}

impl Address {
    /// Parses a list as RocketMQ users write it: entries separated by `;` or `,`, spaces around
    /// them ignored, duplicates dropped, order kept.
    ///
    /// # Errors
    ///
    /// [`AddressError`] names the entry and the rule it breaks; an empty list is an error too.
    pub fn parse_list(list: &str) -> Result<Vec<Self>, AddressError> {
        let mut addresses = Vec::new();
        for entry in list.split([';', ',']).map(str::trim).filter(|entry| !entry.is_empty()) {
            let address = entry.parse()?;
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(AddressError::new(list, "at least one host:port is needed"));
        }
        Ok(addresses)
    }

    /// True when the host is an IP address, which leads to where it says for ever.
    pub fn is_literal(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok()
    }

    /// Parses an address that a route advertises, where IPv6 may stand without brackets: Java
    /// splits on the last colon.
    ///
    /// # Errors
    ///
    /// [`AddressError`] names the rule broken.
    pub fn parse_advertised(text: &str) -> Result<Self, AddressError> {
        match text.rsplit_once(':') {
            Some((host, port)) if host.parse::<Ipv6Addr>().is_ok() => {
                Ok(Self { host: host.into(), port: parse_port(text, port)? })
            }
            _ => text.parse(),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_canonical().to_string().into(), port: address.port() }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// `host:port`, `1.2.3.4:port` or `[v6]:port`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fail = |rule| Err(AddressError::new(text, rule));
        if text.contains("://") {
            return fail("a plain host:port is needed, not a URL");
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return fail("the port is missing (host:port)");
        };
        let port = parse_port(text, port)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(v6) if v6.parse::<Ipv6Addr>().is_ok() => v6,
            Some(_) => return fail("what stands in brackets is not an IPv6 address"),
            None if host.contains(':') => {
                return fail("an IPv6 address needs brackets: [::1]:9876");
            }
            None if host.is_empty() => return fail("the host is missing (host:port)"),
            None if host.bytes().all(is_host_byte) => host,
            None => return fail("a host name has letters, digits, '.', '-' and '_' only"),
        };
        Ok(Self { host: host.into(), port })
    }
}

fn parse_port(text: &str, port: &str) -> Result<u16, AddressError> {
    // `u16::from_str` would take a leading plus sign.
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(AddressError::new(text, "the port must be a number from 1 to 65535")),
    }
}

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad address {text:?}: {rule}")]
pub struct AddressError {
    /// The entry as it was given.
    pub text: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl AddressError {
    fn new(text: &str, rule: &'static str) -> Self {
        Self { text: text.to_owned(), rule }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_users_write_them() {
        let list =
            Address::parse_list(" a:1; 10.0.0.2:2 ,[::1]:3;;a:1, ns_1.local:65535 ").unwrap();
        let shown: Vec<String> = list.iter().map(Address::to_string).collect();
        assert_eq!(shown, ["a:1", "10.0.0.2:2", "[::1]:3", "ns_1.local:65535"]);
    }

    #[test]
    fn every_typo_is_named() {
        for (text, rule) in [
            ("", "at least one"),
            (" ; , ", "at least one"),
            ("localhost", "port is missing"),
            ("localhost:", "number from 1"),
            (":9876", "host is missing"),
            ("localhost:0", "number from 1"),
            ("localhost:65536", "number from 1"),
            ("localhost:+1", "number from 1"),
            ("localhost:98 76", "number from 1"),
            ("::1:9876", "brackets"),
            ("[::g]:9876", "not an IPv6"),
            ("[]:9876", "not an IPv6"),
            ("local host:9876", "letters"),
            ("http://localhost:9876", "URL"),
            ("good:1;bad", "port is missing"),
        ] {
            let error = Address::parse_list(text).expect_err(text);
            assert!(error.rule.contains(rule), "{text:?}: {error}");
        }
    }

    #[test]
    fn advertised_ipv6_needs_no_brackets() {
        let bare = Address::parse_advertised("fd00::1:10911").unwrap();
        assert_eq!(bare, Address { host: "fd00::1".into(), port: 10911 });
        assert_eq!(Address::parse_advertised("[fd00::1]:10911").unwrap(), bare);
    }
}
