//! DNS lookups of plugins, by the system's resolver.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tollgate_runtime::ResolvedAddress;

/// The system's resolver does not say how long an answer may be kept; Envoy says this then.
const UNKNOWN_TTL: Duration = Duration::from_secs(60);

/// Returns the addresses of a name, those of IPv6 if it has any. A name that cannot be resolved
/// has none; `None` is for one that is no name.
pub(super) async fn resolve(name: &str) -> Option<Vec<ResolvedAddress>> {
    if let Ok(address) = name.parse::<IpAddr>() {
        let ttl = Duration::ZERO;
        return Some(vec![ResolvedAddress { address, ttl }]);
    }
    if name
        .bytes()
        .any(|byte| byte.is_ascii_whitespace() || byte == 0)
    {
        return None;
    }
    match tokio::net::lookup_host((name, 0)).await {
        Ok(found) => Some(preferred(found)),
        Err(error) => {
            tracing::debug!(name, %error, "name of a plugin not resolved");
            Some(Vec::new())
        }
    }
}

fn preferred(found: impl Iterator<Item = SocketAddr>) -> Vec<ResolvedAddress> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.map(|found| found.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    let has_ipv6 = addresses.iter().any(IpAddr::is_ipv6);
    let wanted = addresses
        .into_iter()
        .filter(|address| address.is_ipv6() == has_ipv6);
    let ttl = UNKNOWN_TTL;
    wanted
        .map(|address| ResolvedAddress { address, ttl })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

    use super::{preferred, resolve};
    use crate::callout::tests::on_worker;

    fn addresses(found: &[IpAddr]) -> Vec<IpAddr> {
        let found = found.iter().map(|address| SocketAddr::new(*address, 0));
        preferred(found)
            .into_iter()
            .map(|resolved| resolved.address)
            .collect()
    }

    #[test]
    fn ipv6_is_preferred_and_nothing_comes_twice() {
        let (four, six) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
        assert_eq!(addresses(&[four, six, six, four]), [six]);
        assert_eq!(addresses(&[four, four]), [four]);
        assert!(addresses(&[]).is_empty());
    }

    #[test]
    fn an_address_is_its_own_answer() {
        let found = on_worker(resolve("127.0.0.1")).unwrap();
        assert_eq!(found[0].address, Ipv4Addr::LOCALHOST);
        assert!(found[0].ttl.is_zero());
    }

    #[test]
    fn what_is_no_name_is_not_looked_up() {
        assert_eq!(on_worker(resolve("a b")), None);
    }

    #[test]
    fn the_systems_names_are_known() {
        let found = on_worker(resolve("localhost")).unwrap();
        assert!(!found.is_empty() && found.iter().all(|found| found.address.is_loopback()));
    }
}
