//! The answers to DNS lookups.

use core::net::SocketAddr;

use bytes::Bytes;

use super::Vm;
use super::grpc::callout_entry;
use super::plugin::length;
use crate::host::ResolvedAddress;
use crate::{ContextId, Fault};

impl Vm {
    /// Tells a plugin the addresses of a name; `None` when the lookup failed, an empty list when
    /// the name has none. A plugin that is gone hears nothing.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_resolve_dns(
        &mut self,
        root: ContextId,
        token: u32,
        addresses: Option<&[ResolvedAddress]>,
    ) -> Result<(), Fault> {
        const CALLBACK: &str = "envoy_on_resolve_dns";
        self.guest.check(CALLBACK)?;
        let Some(callback) = &self.exports.on_resolve_dns else {
            return Ok(());
        };
        let Some(context) = self.guest.state_mut().contexts.root_mut(root) else {
            return Ok(());
        };
        let answer = addresses.map_or_else(Bytes::new, encode);
        let size = length(answer.len());
        context.call_data = Some(answer);
        let entry = callout_entry(CALLBACK, root, self.guest.deadlines.tick);
        let result = self.guest.call(entry, callback, (root.0, token, size));
        self.with_root(root, |root| root.call_data = None);
        result?;
        self.run_effects()
    }
}

/// Writes how many there are, then how many seconds each may be kept, then each as a
/// NUL-terminated `ip:port` with port 0.
fn encode(addresses: &[ResolvedAddress]) -> Bytes {
    let mut out = length(addresses.len()).to_le_bytes().to_vec();
    for resolved in addresses {
        let seconds = u32::try_from(resolved.ttl.as_secs()).unwrap_or(u32::MAX);
        out.extend_from_slice(&seconds.to_le_bytes());
    }
    for resolved in addresses {
        out.extend_from_slice(SocketAddr::new(resolved.address, 0).to_string().as_bytes());
        out.push(0);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use core::net::{Ipv4Addr, Ipv6Addr};
    use std::time::Duration;

    use super::encode;
    use crate::host::ResolvedAddress;

    #[test]
    fn lifetimes_come_before_addresses() {
        let addresses = [
            ResolvedAddress {
                address: Ipv4Addr::LOCALHOST.into(),
                ttl: Duration::from_secs(60),
            },
            ResolvedAddress {
                address: Ipv6Addr::LOCALHOST.into(),
                ttl: Duration::from_secs(258),
            },
        ];
        let expected = b"\x02\0\0\0\x3c\0\0\0\x02\x01\0\x00127.0.0.1:0\0[::1]:0\0";
        assert_eq!(encode(&addresses), expected.as_slice());
        assert_eq!(encode(&[]), [0; 4].as_slice());
    }
}
