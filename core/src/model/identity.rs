//! Who this process is, as told by the driver: core cannot ask the operating system.

use std::net::{IpAddr, Ipv4Addr};

/// What tells one producer process from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// An address of this host; containers may well share it.
    pub host: IpAddr,
    /// The process id; often 1 in a container.
    pub pid: u32,
    /// Drawn from the operating system's entropy, anew for each producer.
    pub nonce: u64,
}

impl Identity {
    /// The default client id, `<host>@<pid>#<unique>`: `ClientConfig.buildMQClientId`, with the
    /// nonce where Java puts a clock reading.
    pub fn client_id(&self) -> String {
        format!("{}@{}#{:016x}", self.host, self.pid, self.nonce)
    }
}

impl Default for Identity {
    /// A loopback identity for simulations and examples.
    fn default() -> Self {
        Self { host: IpAddr::V4(Ipv4Addr::LOCALHOST), pid: 1, nonce: 0 }
    }
}
