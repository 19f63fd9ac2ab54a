//! Where brokers really are, when what they advertise is of no use here.

use std::{fmt, sync::Arc};

use super::Address;

/// Turns the address that a broker advertises into one that can be reached from here: through a
/// container's published port, a NAT, a tunnel.
///
/// Closures will do:
///
/// ```
/// use std::sync::Arc;
/// use rocketmq_producer_core::model::{Address, ProducerConfig};
///
/// let to_this_host = |_broker: &str, advertised: &Address| Address {
///     host: "127.0.0.1".into(),
///     port: advertised.port,
/// };
/// let config = ProducerConfig::default().with_address_translation(Arc::new(to_this_host));
/// # assert!(config.validate().is_ok());
/// ```
pub trait AddressTranslation: Send + Sync {
    /// Where the master of `broker_name`, which advertises `advertised`, is to be reached.
    ///
    /// It is asked whenever a route is read, by the task or thread that does all the housekeeping.
    /// It must not block: heartbeats would be late, and with one thread for all connections so would
    /// every answer. It must not panic: the producer would be shut
    /// down. The same question should have the same answer, or connections come and go.
    fn translate(&self, broker_name: &str, advertised: &Address) -> Address;
}

impl<F: Fn(&str, &Address) -> Address + Send + Sync> AddressTranslation for F {
    fn translate(&self, broker_name: &str, advertised: &Address) -> Address {
        self(broker_name, advertised)
    }
}

/// A translation as part of a configuration, the same as another only if it is the very one.
#[derive(Clone)]
pub struct SharedTranslation(pub(crate) Arc<dyn AddressTranslation>);

impl fmt::Debug for SharedTranslation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressTranslation")
    }
}

impl PartialEq for SharedTranslation {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedTranslation {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProducerConfig;

    #[test]
    fn configurations_with_the_same_translation_are_the_same() {
        let identity: Arc<dyn AddressTranslation> =
            Arc::new(|_: &str, address: &Address| address.clone());
        let config = ProducerConfig::default().with_address_translation(Arc::clone(&identity));
        assert_eq!(config, config.clone());
        assert_ne!(config, ProducerConfig::default());
        let other = Arc::new(|_: &str, address: &Address| address.clone());
        assert_ne!(config, ProducerConfig::default().with_address_translation(other));
    }
}
