//! `FilterChains`: which filter chain serves a connection. Pure.

use std::rc::Rc;

use tollgate_config::{
    CodecType, DownstreamTls, FilterChain, FilterChainMatch, Listener, NetworkFilter,
};

use crate::filter::ConnectionInfo;
use crate::http::Manager;
use crate::network::{FilteredTransport, NetworkPlugins};
use crate::tcp::TcpProxy;
use crate::tls::ServerTls;
use crate::transport::Transport;

/// TLS settings of a listener's chains, in their order, the default chain's last; shared by all
/// workers.
pub(crate) type ListenerTls = Vec<Option<ServerTls>>;

/// The chains of a listener on one worker.
pub(crate) struct FilterChains {
    chains: Vec<Rc<Chain>>,
    default: Option<Rc<Chain>>,
}

/// One chain.
pub(crate) struct Chain {
    matches: FilterChainMatch,
    is_default: bool,
    identity: ChainIdentity,
    /// Its name; may be empty.
    pub(crate) name: String,
    /// TLS towards clients.
    pub(crate) tls: Option<ServerTls>,
    /// What serves its connections.
    pub(crate) service: ChainService,
}

/// What of a chain a connection has for its whole life: as long as it stays the same the
/// connection stays too.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ChainIdentity {
    tls: Option<DownstreamTls>,
    codec: Option<CodecType>,
}

/// What serves the connections of a chain.
#[derive(Debug)]
pub(crate) struct ChainService {
    /// Plugins before the terminal filter.
    pub(crate) plugins: NetworkPlugins,
    /// The terminal filter.
    pub(crate) terminal: Terminal,
    /// Bytes that plugins may hold of a direction.
    pub(crate) buffer_limit: usize,
}

/// The last filter of a chain.
#[derive(Clone, Debug)]
pub(crate) enum Terminal {
    /// HTTP.
    Http(Rc<Manager>),
    /// Bytes.
    Tcp(Rc<TcpProxy>),
}

/// What is known of a connection before a chain is chosen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traits<'a> {
    /// Whether the client began with TLS.
    pub(crate) is_tls: bool,
    /// The name it asked for, in lower case.
    pub(crate) server_name: Option<&'a str>,
    /// The protocols it offers.
    pub(crate) application_protocols: &'a [String],
}

impl ChainService {
    /// Puts the plugins before the last filter between it and a client.
    pub(super) fn filtered(&self, info: &ConnectionInfo, client: Transport) -> Transport {
        if self.plugins.is_empty() {
            return client;
        }
        let chain = self.plugins.chain(Rc::new(info.clone()));
        let filtered = FilteredTransport::new(client, chain, self.buffer_limit);
        Transport::Filtered(Box::new(filtered))
    }
}

impl FilterChains {
    /// Returns the chains of a listener. `services` and `tls` are in the order of the chains, the
    /// default chain's last.
    pub(crate) fn new(listener: &Listener, services: Vec<ChainService>, tls: &ListenerTls) -> Self {
        let configs = listener
            .filter_chains
            .iter()
            .chain(&listener.default_filter_chain);
        let own = listener.filter_chains.len();
        let mut chains: Vec<Rc<Chain>> = configs
            .zip(services)
            .zip(tls)
            .enumerate()
            .map(|(index, ((config, service), tls))| {
                Rc::new(Chain {
                    matches: config.matches.clone(),
                    is_default: index >= own,
                    identity: ChainIdentity::of(config),
                    name: config.name.clone(),
                    tls: tls.clone(),
                    service,
                })
            })
            .collect();
        let default = listener
            .default_filter_chain
            .as_ref()
            .and_then(|_| chains.pop());
        Self { chains, default }
    }

    /// Returns whether the first bytes of a client must be looked at: a chain asks for what only
    /// they tell, as Envoy's TLS inspector does.
    pub(crate) fn must_inspect(&self) -> bool {
        let asks = |matches: &FilterChainMatch| *matches != FilterChainMatch::default();
        self.chains.iter().any(|chain| asks(&chain.matches))
            || self.chains.len() + usize::from(self.default.is_some()) > 1
    }

    /// Returns whether some chain speaks TLS.
    pub(crate) fn speak_tls(&self) -> bool {
        let mut chains = self.chains.iter().chain(&self.default);
        chains.any(|chain| chain.tls.is_some())
    }

    /// Returns the chain that a connection of another generation's chain may go on with.
    pub(crate) fn same(&self, other: &Chain) -> Option<Rc<Chain>> {
        let mut chains = self.chains.iter().chain(&self.default);
        chains.find(|chain| chain.serves_as(other)).cloned()
    }

    /// Returns the chain that fits best: Envoy compares server name, then transport, then
    /// application protocol, and takes the most specific that fits each.
    pub(crate) fn find(&self, traits: &Traits<'_>) -> Option<&Rc<Chain>> {
        let fits = self
            .chains
            .iter()
            .filter_map(|chain| Some((rank(&chain.matches, traits)?, chain)));
        // Of equals the first wins.
        let best = fits.reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.map(|(_, chain)| chain).or(self.default.as_ref())
    }
}

impl Chain {
    /// Returns whether a connection of `other` may go on here.
    fn serves_as(&self, other: &Self) -> bool {
        self.matches == other.matches
            && self.is_default == other.is_default
            && self.identity == other.identity
            && self.service.plugins == other.service.plugins
    }
}

impl ChainIdentity {
    fn of(chain: &FilterChain) -> Self {
        Self {
            tls: chain.tls.clone(),
            codec: match &chain.filter {
                NetworkFilter::HttpConnectionManager(manager) => Some(manager.codec_type),
                NetworkFilter::TcpProxy(_) => None,
            },
        }
    }
}

/// Returns how specifically a connection is matched, or `None` if it is not.
fn rank(matches: &FilterChainMatch, traits: &Traits<'_>) -> Option<(usize, bool, bool)> {
    let server_name = server_name_rank(&matches.server_names, traits.server_name)?;
    let transport = match matches.transport_protocol.as_deref() {
        None | Some("") => false,
        Some(wanted) if wanted == if traits.is_tls { "tls" } else { "raw_buffer" } => true,
        Some(_) => return None,
    };
    let wanted = &matches.application_protocols;
    let offered = |protocol: &String| traits.application_protocols.contains(protocol);
    let application = match wanted.is_empty() {
        true => false,
        false if wanted.iter().any(offered) => true,
        false => return None,
    };
    Some((server_name, transport, application))
}

/// Exact names beat longer suffixes, which beat shorter ones, which beat none.
fn server_name_rank(wanted: &[String], name: Option<&str>) -> Option<usize> {
    if wanted.is_empty() {
        return Some(0);
    }
    let name = name?;
    let rank = |wanted: &String| match wanted.strip_prefix('*') {
        None => (wanted == name).then_some(usize::MAX),
        Some(suffix) => {
            let fits = name.len() > suffix.len() && name.ends_with(suffix);
            fits.then_some(suffix.len() + 1)
        }
    };
    wanted.iter().filter_map(rank).max()
}

#[cfg(test)]
mod tests {
    use tollgate_config::FilterChainMatch;

    use super::{Traits, rank};

    fn names(names: &[&str]) -> FilterChainMatch {
        let server_names = names.iter().map(|name| (*name).to_owned()).collect();
        FilterChainMatch {
            server_names,
            ..FilterChainMatch::default()
        }
    }

    fn tls(name: &str) -> Traits<'_> {
        Traits {
            is_tls: true,
            server_name: Some(name),
            application_protocols: &[],
        }
    }

    #[test]
    fn an_exact_name_beats_a_suffix_and_a_long_suffix_beats_a_short_one() {
        let traits = tls("a.b.example");
        let exact = rank(&names(&["a.b.example"]), &traits);
        let long = rank(&names(&["*.b.example"]), &traits);
        let short = rank(&names(&["*.example"]), &traits);
        let any = rank(&names(&[]), &traits);
        assert!(exact > long && long > short && short > any && any.is_some());
    }

    #[test]
    fn a_chain_with_names_is_not_for_connections_without() {
        assert_eq!(rank(&names(&["a.example"]), &Traits::default()), None);
    }

    #[test]
    fn a_suffix_stands_for_at_least_one_label() {
        assert_eq!(rank(&names(&["*.example"]), &tls(".example")), None);
        assert_eq!(rank(&names(&["*.example"]), &tls("example")), None);
    }

    #[test]
    fn transport_tells_plain_text_from_tls() {
        let matches = FilterChainMatch {
            transport_protocol: Some("raw_buffer".to_owned()),
            ..FilterChainMatch::default()
        };
        assert!(rank(&matches, &Traits::default()).is_some());
        assert_eq!(rank(&matches, &tls("a")), None);
    }

    #[test]
    fn one_common_application_protocol_is_enough() {
        let matches = FilterChainMatch {
            application_protocols: vec!["h2".to_owned(), "http/1.1".to_owned()],
            ..FilterChainMatch::default()
        };
        let offered = ["http/1.1".to_owned()];
        let traits = Traits {
            application_protocols: &offered,
            ..tls("a")
        };
        assert!(rank(&matches, &traits).is_some());
        assert_eq!(rank(&matches, &tls("a")), None);
    }
}
