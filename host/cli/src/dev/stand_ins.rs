//! `StandIns`: built-in upstreams at the addresses where the configuration's own do not listen.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tollgate_config::{Bootstrap, Cluster, HostAddress, NetworkFilter, UpstreamProtocol};
use tracing::{info, warn};

use crate::upstream::{Protocol, Upstream};

/// The upstreams that were started. They stay until the program ends.
#[derive(Debug, Default)]
pub(super) struct StandIns {
    addresses: BTreeSet<SocketAddr>,
}

impl StandIns {
    /// Starts an upstream at any free port.
    ///
    /// # Errors
    ///
    /// When none can be had.
    pub(super) fn anywhere(&mut self) -> io::Result<SocketAddr> {
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let address = Upstream::start(address, Protocol::Http1)?.address();
        self.addresses.insert(address);
        Ok(address)
    }

    /// Starts one at each address on this machine that a cluster names and nobody listens at.
    pub(super) fn fill(&mut self, bootstrap: &Bootstrap) {
        for cluster in &bootstrap.clusters {
            let protocol = protocol(bootstrap, cluster);
            let endpoints = cluster.endpoints.iter();
            let own = |address: &SocketAddr| {
                let mut listeners = bootstrap.listeners.iter();
                listeners.any(|listener| listener.address == *address)
            };
            let addresses = endpoints.filter_map(|endpoint| local(&endpoint.address));
            for address in addresses.filter(|address| !own(address)) {
                self.fill_one(&cluster.name, address, protocol);
            }
        }
    }

    fn fill_one(&mut self, cluster: &str, address: SocketAddr, protocol: Protocol) {
        if self.addresses.contains(&address) {
            return;
        }
        match Upstream::start(address, protocol) {
            Ok(_) => {
                self.addresses.insert(address);
                info!(cluster, %address, "nobody listens there: the built-in upstream answers");
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => warn!(cluster, %address, %error, "no built-in upstream"),
        }
    }
}

/// What a cluster is spoken to in.
fn protocol(bootstrap: &Bootstrap, cluster: &Cluster) -> Protocol {
    let chains = bootstrap.listeners.iter().flat_map(|listener| {
        listener
            .filter_chains
            .iter()
            .chain(&listener.default_filter_chain)
    });
    let mut passed_on = chains.filter_map(|chain| match &chain.filter {
        NetworkFilter::TcpProxy(proxy) => Some(&proxy.clusters),
        NetworkFilter::HttpConnectionManager(_) => None,
    });
    if passed_on.any(|clusters| clusters.iter().any(|other| other.name == cluster.name)) {
        return Protocol::Bytes;
    }
    match cluster.protocol {
        UpstreamProtocol::Http1 => Protocol::Http1,
        UpstreamProtocol::Http2 => Protocol::Http2,
    }
}

/// The address of an endpoint on this machine.
fn local(address: &HostAddress) -> Option<SocketAddr> {
    match address {
        HostAddress::Ip(address) => address.ip().is_loopback().then_some(*address),
        HostAddress::Name(name, port) => {
            let local = IpAddr::from(Ipv4Addr::LOCALHOST);
            (name == "localhost").then(|| SocketAddr::new(local, *port))
        }
    }
}
